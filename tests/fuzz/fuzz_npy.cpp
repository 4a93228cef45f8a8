// Any bytes as a .npy file: a reader or an error, and what the reader gives is the file's bytes.
#include <algorithm>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.hpp"
#include "tools/npy.hpp"

namespace sluice::fuzz {
namespace {

using tools::NpyHeader;
using tools::NpyReader;

// In memory, by a path that every process knows as its own.
class File {
 public:
  File() : file_(::memfd_create("fuzz.npy", MFD_CLOEXEC)) {
    require(file_ >= 0, "no file to write");
    path_ = "/proc/self/fd/" + std::to_string(file_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(file_); }
  void put(std::span<const std::byte> bytes) const {
    require(::ftruncate(file_, 0) == 0, "a file can't be emptied");
    require(::pwrite(file_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
            "a file can't be written");
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  int file_;
  std::string path_;
};

// A header that was read says what the one that is written for it says.
void check_written(const NpyHeader& header) {
  if (header.is_uint16) return;  // written as the type that it was told to be
  const std::string text = tools::npy_header(header.dtype, header.shape);
  const std::size_t size =
      text.size() +
      static_cast<std::size_t>(tools::element_count(header.shape)) * size_of(header.dtype);
  const auto again = tools::parse_npy_header(std::as_bytes(std::span(text)), size);
  require(again.ok(), "a header that was written is not read", text);
  require(again->dtype == header.dtype && again->shape == header.shape, "another header", text);
}

void check_file(const NpyReader& reader, std::span<const std::byte> bytes) {
  const NpyHeader& header = reader.header();
  const std::size_t element = size_of(header.dtype);
  const std::span<const std::byte> data = bytes.subspan(header.data_offset);
  const auto count = static_cast<std::size_t>(tools::element_count(header.shape));
  require(data.size() == count * element, "the data do not fill the file");
  std::vector<std::byte> whole(data.size());
  require(reader.read(0, whole).ok() && std::ranges::equal(whole, data), "other data");
  const std::size_t half = count / 2;
  std::vector<std::byte> rest((count - half) * element);
  require(reader.read(static_cast<std::int64_t>(half), rest).ok() &&
              std::ranges::equal(rest, data.subspan(half * element)),
          "other data in the second half");
  std::vector<std::byte> beyond(element);
  require(!reader.read(static_cast<std::int64_t>(count), beyond).ok(), "data behind the end");
}

void check(std::span<const std::byte> bytes) {
  const auto header = tools::parse_npy_header(bytes, bytes.size());
  if (header.ok()) {
    check_written(*header);
  } else {
    const Status status = header.error().status;
    require(status == Status::io_error || status == Status::unsupported, "another status",
            header.error().message);
    require(!header.error().message.empty(), "an error without a sentence");
  }
  static const File file;
  file.put(bytes);
  const auto reader = NpyReader::open(file.path());
  require(reader.ok() == header.ok(), "the file is read as its bytes are not");
  if (reader.ok()) check_file(*reader, bytes);
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::fuzz::check(std::as_bytes(std::span(data, size)));
  return 0;
}

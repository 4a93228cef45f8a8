// .npy files on disk: reading pieces, and writing beside the destination until all is there.
#include "tools/npy.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::tools {
namespace {

constexpr const char* kOpenFiles = "/proc/self/fd";

Error file_error(std::string_view path, std::string_view what) {
  return {Status::io_error, fmt::format("{}: {}", path, what)};
}

Error system_error(std::string_view path, std::string_view doing) {
  return {Status::io_error, fmt::format("{}: {}: {}", path, doing, std::strerror(errno))};
}

// Closes a file that was opened only to be looked at.
class OpenFile {
 public:
  explicit OpenFile(int file) : file_(file) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (file_ >= 0) ::close(file_);
  }
  [[nodiscard]] int get() const { return file_; }
  [[nodiscard]] int release() { return std::exchange(file_, -1); }

 private:
  int file_;
};

// Bytes at a place of the file, as many as there are up to out.size(); -1 with errno set on error.
std::ptrdiff_t read_at(int file, std::uint64_t offset, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        ::pread(file, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<std::ptrdiff_t>(done);
}

bool write_all(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(file, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace

NpyReader::NpyReader(int file, std::string path, NpyHeader header)
    : file_(file), path_(std::move(path)), header_(std::move(header)) {}

NpyReader::NpyReader(NpyReader&& other) noexcept
    : file_(std::exchange(other.file_, -1)), path_(std::move(other.path_)),
      header_(std::move(other.header_)) {}

NpyReader& NpyReader::operator=(NpyReader&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(path_, other.path_);
  std::swap(header_, other.header_);
  return *this;
}

NpyReader::~NpyReader() {
  if (file_ >= 0) ::close(file_);
}

Result<NpyReader> NpyReader::open(const std::string& path) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return system_error(path, "cannot be opened");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return system_error(path, "cannot be read");
  if (!S_ISREG(info.st_mode)) return file_error(path, "is not a regular file");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  std::vector<std::byte> start(std::min<std::uint64_t>(size, kMaxNpyHeader));
  const std::ptrdiff_t got = read_at(file.get(), 0, start);
  if (got < 0) return system_error(path, "cannot be read");
  start.resize(static_cast<std::size_t>(got));
  Result<NpyHeader> header = parse_npy_header(start, size);
  if (!header)
    return Error{header.error().status, fmt::format("{}: {}", path, header.error().message)};
  return NpyReader(file.release(), path, std::move(header).value());
}

Outcome NpyReader::read(std::int64_t first, std::span<std::byte> out) const {
  const std::uint64_t offset =
      header_.data_offset + static_cast<std::uint64_t>(first) * size_of(header_.dtype);
  const std::ptrdiff_t got = read_at(file_, offset, out);
  if (got < 0) return system_error(path_, "cannot be read");
  if (static_cast<std::size_t>(got) != out.size())
    return file_error(path_, "has become shorter while it was read");
  return Unit{};
}

NpyWriter::NpyWriter(int file, std::string path, std::string temporary)
    : file_(file), path_(std::move(path)), temporary_(std::move(temporary)) {}

NpyWriter::NpyWriter(NpyWriter&& other) noexcept
    : file_(std::exchange(other.file_, -1)), path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})) {}

NpyWriter& NpyWriter::operator=(NpyWriter&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  return *this;
}

NpyWriter::~NpyWriter() { discard(); }

void NpyWriter::discard() {
  if (file_ >= 0) ::close(std::exchange(file_, -1));
  if (!temporary_.empty()) ::unlink(std::exchange(temporary_, {}).c_str());
}

Result<NpyWriter> NpyWriter::create(const std::string& path, Dtype dtype, const Shape& shape) {
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  std::string target = path;
  if (std::filesystem::exists(status)) {
    // A rename would put a file where a device or a folder is, or replace a link.
    if (!std::filesystem::is_regular_file(status)) return file_error(path, "is not a regular file");
    // Nor would it ask whether the file may be written.
    if (::access(path.c_str(), W_OK) != 0) return system_error(path, "cannot be written");
    target = std::filesystem::canonical(path, ignored).string();
    if (ignored) target = path;
  }
  NpyWriter writer(-1, target, "");
  if (Outcome opened = writer.open_temporary(); !opened)
    return Error{Status::io_error, fmt::format("{}: {}", path, opened.error().message)};
  const std::string header = npy_header(dtype, shape);
  if (Outcome put = writer.append(std::as_bytes(std::span(header))); !put) return put.error();
  return writer;
}

// Best a file without a name, which the system itself drops when the program ends before its time;
// where that is not to be had, one beside the destination.
Outcome NpyWriter::open_temporary() {
#if defined(O_TMPFILE)
  const std::string folder = std::filesystem::path(path_).parent_path().string();
  // It gets its name through /proc, which not every container has.
  if (::access(kOpenFiles, X_OK) == 0)
    file_ = ::open(folder.empty() ? "." : folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
  if (file_ >= 0) return Unit{};
#endif
  return with_new_name([this](const std::string& name) {
    file_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return file_ >= 0;
  });
}

// Calls `make` with names that nothing bears yet, until it has made a file of one.
Outcome NpyWriter::with_new_name(const std::function<bool(const std::string&)>& make) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const std::string name = fmt::format("{}.{}-{}.part", path_, ::getpid(), attempt);
    if (make(name)) {
      temporary_ = name;
      return Unit{};
    }
    if (errno != EEXIST) break;
  }
  return Error{Status::io_error, fmt::format("cannot be written: {}", std::strerror(errno))};
}

Outcome NpyWriter::append(std::span<const std::byte> elements) {
  if (!write_all(file_, elements)) return system_error(path_, "cannot be written");
  return Unit{};
}

Outcome NpyWriter::finish() {
#if defined(O_TMPFILE)
  if (temporary_.empty()) {
    const std::string open_file = fmt::format("{}/{}", kOpenFiles, file_);
    const Outcome named = with_new_name([&](const std::string& name) {
      return ::linkat(AT_FDCWD, open_file.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
    });
    if (!named) return file_error(path_, named.error().message);
  }
#endif
  // close() is where some file systems tell of a write that failed.
  if (::close(std::exchange(file_, -1)) != 0) return system_error(path_, "cannot be written");
  return Unit{};
}

Outcome NpyWriter::publish() {
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
    return system_error(path_, "cannot be put in place");
  temporary_.clear();
  return Unit{};
}

}  // namespace sluice::tools

// NumPy's .npy files: what their header says, their elements read in pieces, and new files written.
//
// In: a path, or the first bytes of a file. Out: element type, shape, and bytes as they are stored:
// little-endian, in C order. A file is never read whole, so it may be larger than memory. Whatever
// is not a well-formed file of a known element type is an error that names the file; nothing in a
// file is trusted before it is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/dtype.hpp>
#include <sluice/status.hpp>

namespace sluice::tools {

using Shape = std::vector<std::int64_t>;

// The product of the extents; 1 for a scalar.
[[nodiscard]] std::int64_t element_count(const Shape& shape);
// As NumPy writes it: "()", "(3,)", "(2, 3)".
[[nodiscard]] std::string to_string(const Shape& shape);

struct NpyHeader {
  Dtype dtype = Dtype::f32;
  // `<u2` holds integers, or bf16 bit patterns where the reader knows so; `dtype` is bf16 then.
  bool is_uint16 = false;
  Shape shape;
  std::size_t data_offset = 0;  // bytes from the start of the file
};

// The start of a file that holds every header: magic, version, length and the longest text allowed.
inline constexpr std::size_t kMaxNpyHeader = std::size_t{1} << 20;
inline constexpr std::size_t kMaxNpyRank = 64;

// Reads the header from the first bytes of a file of `file_size` bytes: all of them, or at least
// kMaxNpyHeader. Versions 1.0, 2.0 and 3.0. The data must fill the rest of the file exactly.
// Errors: io_error for what is damaged, unsupported for what is not read (big-endian, Fortran
// order, other element types). Messages do not name the file.
[[nodiscard]] Result<NpyHeader> parse_npy_header(std::span<const std::byte> start,
                                                 std::uint64_t file_size);

// The header of a file to be written, version 1.0, padded as NumPy pads it.
[[nodiscard]] std::string npy_header(Dtype dtype, const Shape& shape);

// An open .npy file.
class NpyReader {
 public:
  [[nodiscard]] static Result<NpyReader> open(const std::string& path);
  NpyReader(NpyReader&& other) noexcept;
  NpyReader& operator=(NpyReader&& other) noexcept;
  NpyReader(const NpyReader&) = delete;
  NpyReader& operator=(const NpyReader&) = delete;
  ~NpyReader();

  [[nodiscard]] const NpyHeader& header() const { return header_; }

  // Elements first, first + 1, ... as stored; `out` holds a whole number of them.
  [[nodiscard]] Outcome read(std::int64_t first, std::span<std::byte> out) const;

 private:
  NpyReader(int file, std::string path, NpyHeader header);

  int file_ = -1;
  std::string path_;
  NpyHeader header_;
};

// A file being written. It grows without a name, or beside its destination under another, and takes
// its place only when it is complete; a writer that is dropped before leaves nothing behind.
class NpyWriter {
 public:
  [[nodiscard]] static Result<NpyWriter> create(const std::string& path, Dtype dtype,
                                                const Shape& shape);
  NpyWriter(NpyWriter&& other) noexcept;
  NpyWriter& operator=(NpyWriter&& other) noexcept;
  NpyWriter(const NpyWriter&) = delete;
  NpyWriter& operator=(const NpyWriter&) = delete;
  ~NpyWriter();

  [[nodiscard]] Outcome append(std::span<const std::byte> elements);
  // Everything has been appended: the file is complete, under another name still.
  [[nodiscard]] Outcome finish();
  // Puts the finished file in its place.
  [[nodiscard]] Outcome publish();

 private:
  NpyWriter(int file, std::string path, std::string temporary);
  [[nodiscard]] Outcome open_temporary();
  [[nodiscard]] Outcome with_new_name(const std::function<bool(const std::string&)>& make);
  void discard();

  int file_ = -1;
  std::string path_;
  std::string temporary_;  // what path_ is while it is incomplete, if that has a name
};

}  // namespace sluice::tools

// The text of a .npy header: a Python dictionary with the keys descr, fortran_order and shape.
// Format: NumPy's documentation, numpy.lib.format, versions 1.0 to 3.0.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "tools/npy.hpp"

namespace sluice::tools {
namespace {

constexpr std::string_view kMagic{"\x93NUMPY", 6};

Error damaged(std::string what) { return {Status::io_error, std::move(what)}; }
Error not_read(std::string what) { return {Status::unsupported, std::move(what)}; }

// Text of a damaged file, fit to be shown: printable ASCII, not too long.
std::string shown(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, 32)) out += c >= ' ' && c <= '~' ? c : '?';
  return text.size() > 32 ? out + "..." : out;
}

struct StoredType {
  std::string_view code;  // of descr, without the byte order
  Dtype dtype;
};
constexpr std::array kStoredTypes = {
    StoredType{"f4", Dtype::f32},  StoredType{"f8", Dtype::f64}, StoredType{"f2", Dtype::f16},
    StoredType{"u2", Dtype::bf16}, StoredType{"i1", Dtype::i8},  StoredType{"u1", Dtype::u8},
    StoredType{"i4", Dtype::i32},  StoredType{"i8", Dtype::i64}, StoredType{"b1", Dtype::boolean},
};

// What the dictionary says, as far as it has been read.
struct Fields {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<Shape> shape;
};

// A reader of the few Python literals that a header is made of. Every function gives nothing where
// the text is something else.
class HeaderText {
 public:
  explicit HeaderText(std::string_view text) : text_(text) {}

  std::optional<Fields> dictionary() {
    Fields fields;
    if (!take('{')) return std::nullopt;
    while (!take('}')) {
      if (!entry(fields)) return std::nullopt;
      if (take(',')) continue;
      if (!take('}')) return std::nullopt;
      break;
    }
    skip_space();
    return at_ == text_.size() ? std::optional(std::move(fields)) : std::nullopt;
  }

 private:
  bool entry(Fields& fields) {
    const std::optional<std::string> key = string();
    if (!key || !take(':')) return false;
    if (*key == "descr" && !fields.descr) return bool(fields.descr = string());
    if (*key == "fortran_order" && !fields.fortran_order)
      return bool(fields.fortran_order = boolean());
    if (*key == "shape" && !fields.shape) return bool(fields.shape = tuple());
    return false;
  }

  std::optional<std::string> string() {
    skip_space();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return std::nullopt;
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }

  std::optional<bool> boolean() {
    if (take_word("True")) return true;
    if (take_word("False")) return false;
    return std::nullopt;
  }

  std::optional<Shape> tuple() {
    Shape shape;
    if (!take('(')) return std::nullopt;
    while (!take(')')) {
      const std::optional<std::int64_t> extent = integer();
      if (!extent || shape.size() == kMaxNpyRank) return std::nullopt;
      shape.push_back(*extent);
      if (take(',')) continue;
      // Without a comma "(3)" is no tuple.
      if (shape.size() < 2 || !take(')')) return std::nullopt;
      break;
    }
    return shape;
  }

  std::optional<std::int64_t> integer() {
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    skip_space();
    const std::size_t begin = at_;
    std::int64_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const std::int64_t digit = text_[at_] - '0';
      if (value > (kMost - digit) / 10) return std::nullopt;
      value = value * 10 + digit;
    }
    return at_ > begin ? std::optional(value) : std::nullopt;
  }

  void skip_space() {
    constexpr std::string_view kSpace = " \t\n\r";
    while (at_ < text_.size() && kSpace.find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool take(char wanted) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view wanted) {
    skip_space();
    if (text_.substr(at_, wanted.size()) != wanted) return false;
    at_ += wanted.size();
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// Sets the element type from a descr such as "<f4".
Outcome set_dtype(std::string_view descr, NpyHeader& header) {
  const std::string_view code = descr.empty() ? descr : descr.substr(1);
  const auto* known = std::find_if(kStoredTypes.begin(), kStoredTypes.end(),
                                   [&](const StoredType& type) { return type.code == code; });
  if (known == kStoredTypes.end() || std::string_view("<=>|").find(descr[0]) == std::string::npos)
    return not_read(fmt::format("element type '{}' is not read; known are <f4 <f8 <f2 |i1 |u1 <i4 "
                                "<i8 |b1, and <u2 for bf16",
                                shown(descr)));
  header.dtype = known->dtype;
  header.is_uint16 = known->code == "u2";
  if (descr[0] == '>' && size_of(header.dtype) > 1)
    return not_read(fmt::format("big-endian data ('{}') is not read", shown(descr)));
  return Unit{};
}

// The bytes that the elements take, or nothing where that is beyond what a file can hold.
std::optional<std::uint64_t> data_bytes(const NpyHeader& header) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  std::uint64_t bytes = size_of(header.dtype);
  // An extent of 0 makes any others harmless, but their product must still be a number.
  bool empty = false;
  for (std::int64_t extent : header.shape) {
    if (extent == 0) {
      empty = true;
      continue;
    }
    const auto factor = static_cast<std::uint64_t>(extent);
    if (factor > kMost / bytes) return std::nullopt;
    bytes *= factor;
  }
  return empty ? 0 : bytes;
}

// Where the dictionary's text lies in the file.
struct TextPlace {
  std::size_t begin;
  std::size_t length;
};

Result<TextPlace> find_text(std::span<const std::byte> start) {
  if (start.size() < kMagic.size() || std::memcmp(start.data(), kMagic.data(), kMagic.size()) != 0)
    return damaged("not a .npy file: it does not begin with NumPy's mark");
  if (start.size() < 12) return damaged("the header is cut off");
  const auto byte_at = [&](std::size_t i) { return std::to_integer<std::size_t>(start[i]); };
  const std::size_t major = byte_at(6);
  const std::size_t minor = byte_at(7);
  if (major < 1 || major > 3 || minor != 0)
    return not_read(
        fmt::format("version {}.{} of the format is not read; 1.0 to 3.0 are", major, minor));
  TextPlace place{10, byte_at(8) | byte_at(9) << 8};
  if (major > 1) place = {12, place.length | byte_at(10) << 16 | byte_at(11) << 24};
  if (place.length > kMaxNpyHeader - place.begin)
    return damaged(fmt::format("the header claims {} bytes; {} is the limit", place.length,
                               kMaxNpyHeader - place.begin));
  if (place.length > start.size() - place.begin) return damaged("the header is cut off");
  return place;
}

}  // namespace

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (std::int64_t extent : shape) count *= extent;
  return count;
}

std::string to_string(const Shape& shape) {
  if (shape.size() == 1) return fmt::format("({},)", shape[0]);
  return fmt::format("({})", fmt::join(shape, ", "));
}

Result<NpyHeader> parse_npy_header(std::span<const std::byte> start, std::uint64_t file_size) {
  const Result<TextPlace> place = find_text(start);
  if (!place) return place.error();
  const auto bytes = start.subspan(place->begin, place->length);
  std::string text(bytes.size(), ' ');
  if (!bytes.empty()) std::memcpy(text.data(), bytes.data(), bytes.size());
  std::optional<Fields> fields = HeaderText(text).dictionary();
  if (!fields && text.find("[(") != std::string::npos)
    return not_read("arrays of records are not read");
  if (!fields || !fields->descr || !fields->fortran_order || !fields->shape)
    return damaged(fmt::format("the header does not parse: '{}'", shown(text)));

  NpyHeader header;
  if (Outcome set = set_dtype(*fields->descr, header); !set) return set.error();
  header.shape = std::move(*fields->shape);
  header.data_offset = place->begin + place->length;
  if (*fields->fortran_order && header.shape.size() > 1)
    return not_read("an array in Fortran order is not read; save it with "
                    "numpy.ascontiguousarray");
  const std::optional<std::uint64_t> wanted = data_bytes(header);
  if (!wanted) return damaged(fmt::format("shape {} is beyond any file", to_string(header.shape)));
  const std::uint64_t found = file_size - std::min<std::uint64_t>(file_size, header.data_offset);
  if (found != *wanted)
    return damaged(fmt::format("{} of {} takes {} bytes, and the file has {}",
                               to_string(header.shape),
                               header.is_uint16 ? "uint16" : name(header.dtype), *wanted, found));
  return header;
}

std::string npy_header(Dtype dtype, const Shape& shape) {
  const auto* type = std::find_if(kStoredTypes.begin(), kStoredTypes.end(),
                                  [&](const StoredType& stored) { return stored.dtype == dtype; });
  std::string text = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': {}, }}",
                                 size_of(dtype) == 1 ? '|' : '<', type->code, to_string(shape));
  // NumPy aligns the data to 64 bytes and ends the text with a newline.
  constexpr std::size_t kAlignment = 64;
  constexpr std::size_t kPrefix = 10;
  const std::size_t used = kPrefix + text.size() + 1;
  text.append((kAlignment - used % kAlignment) % kAlignment, ' ');
  text += '\n';
  std::string out(kMagic);
  out +=
      {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return out + text;
}

}  // namespace sluice::tools

#include "tools/values.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>

#include <fmt/format.h>

#include "support/half.hpp"

namespace sluice::tools {
namespace {

// Calls `use` with a value of the C++ type that holds elements of `dtype`.
template <typename Use>
auto with_type(Dtype dtype, Use&& use) {
  switch (dtype) {
    case Dtype::f32: return use(float{});
    case Dtype::f64: return use(double{});
    case Dtype::i8: return use(std::int8_t{});
    case Dtype::u8: return use(std::uint8_t{});
    case Dtype::i32: return use(std::int32_t{});
    case Dtype::i64: return use(std::int64_t{});
    case Dtype::boolean: return use(bool{});
    case Dtype::f16: return use(F16{});
    case Dtype::bf16: return use(BF16{});
  }
  return use(float{});
}

template <typename T>
constexpr bool kIsHalf = std::is_same_v<T, F16> || std::is_same_v<T, BF16>;

template <typename T>
T load(std::span<const std::byte> elements, std::size_t index) {
  if constexpr (std::is_same_v<T, bool>) {
    // A file may hold any byte; a bool may not.
    return elements[index] != std::byte{0};
  } else {
    T value;
    std::memcpy(&value, elements.data() + index * sizeof(T), sizeof(T));
    return value;
  }
}

template <typename T>
void push(std::vector<std::byte>& out, T value) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), bytes, bytes + sizeof(T));
}

Error no_number(std::string_view text, std::string_view what) {
  const std::string_view shown = text.substr(0, 40);
  return {Status::invalid_argument,
          fmt::format("'{}{}' is not {}", shown, shown.size() < text.size() ? "..." : "", what)};
}

std::optional<bool> truth(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

// strtof and strtod read what is wanted and round once, but also skip leading space and know more
// names than we do.
template <typename T>
std::optional<T> read_floating(std::string_view text) {
  const std::string_view digits =
      !text.empty() && (text[0] == '-' || text[0] == '+') ? text.substr(1) : text;
  if (const auto value = truth(text)) return *value ? T{1} : T{0};
  const bool named = digits == "inf" || digits == "nan" || digits == "infinity";
  const bool numeric =
      !digits.empty() && ((digits[0] >= '0' && digits[0] <= '9') || digits[0] == '.');
  if (!named && !numeric) return std::nullopt;
  const std::string copy(text);
  char* end = nullptr;
  T value;
  if constexpr (std::is_same_v<T, float>)
    value = std::strtof(copy.c_str(), &end);
  else
    value = std::strtod(copy.c_str(), &end);
  return end == copy.c_str() + copy.size() ? std::optional(value) : std::nullopt;
}

template <typename T>
Result<T> read_integer(std::string_view text) {
  if (const auto value = truth(text)) return static_cast<T>(*value);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size())
    return no_number(text, "an integer");
  if (error != std::errc{} || value < std::int64_t{std::numeric_limits<T>::min()} ||
      value > std::int64_t{std::numeric_limits<T>::max()})
    return no_number(text, fmt::format("between {} and {}", std::numeric_limits<T>::min(),
                                       std::numeric_limits<T>::max()));
  return static_cast<T>(value);
}

template <typename T>
Result<T> read_value(std::string_view text) {
  if constexpr (std::is_same_v<T, bool>) {
    if (text == "1" || text == "true") return true;
    if (text == "0" || text == "false") return false;
    return no_number(text, "true, false, 1 or 0");
  } else if constexpr (kIsHalf<T>) {
    if (const std::optional<double> value = read_floating<double>(text)) return T(*value);
    return no_number(text, "a number");
  } else if constexpr (std::is_floating_point_v<T>) {
    if (const std::optional<T> value = read_floating<T>(text)) return *value;
    return no_number(text, "a number");
  } else {
    return read_integer<T>(text);
  }
}

template <typename T>
Outcome push_values(std::string_view text, std::vector<std::byte>& out) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::size_t at = 0;
  const auto skip_space = [&] { at = std::min(text.find_first_not_of(kSpace, at), text.size()); };
  bool more = false;  // after a comma there must be a number
  for (skip_space(); at < text.size() || more; skip_space()) {
    const std::size_t end = std::min(text.find_first_of(" \t\r\n,", at), text.size());
    const Result<T> value = read_value<T>(text.substr(at, end - at));
    if (!value) return value.error();
    push(out, *value);
    at = end;
    skip_space();
    more = at < text.size() && text[at] == ',';
    if (more) ++at;
  }
  return Unit{};
}

template <typename T>
void append_floating(std::string& out, T value, Notation notation) {
  const bool quoted = notation == Notation::json && !std::isfinite(value);
  if (quoted) out += '"';
  if (std::isnan(value)) {
    out += "nan";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-inf" : "inf";
  } else {
    std::array<char, 64> text;
    out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
  }
  if (quoted) out += '"';
}

// The fewest digits that read back to the same number.
template <typename Half>
void append_half(std::string& out, Half value, Notation notation) {
  const float wide = value;
  if (!std::isfinite(wide)) return append_floating(out, wide, notation);
  std::array<char, 64> text;
  for (int digits = 1;; ++digits) {
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), wide,
                                            std::chars_format::general, digits);
    *end = '\0';
    const double rounded = std::strtod(text.data(), nullptr);
    if (Half(rounded).bits == value.bits) return append_floating(out, rounded, notation);
  }
}

template <typename To, typename From>
To to(From value) {
  if constexpr (kIsHalf<To>)
    return To(static_cast<double>(value));
  else
    return static_cast<To>(value);
}

template <typename From, typename To>
void convert_all(std::span<const std::byte> elements, std::span<std::byte> out) {
  const std::size_t count = out.size() / sizeof(To);
  for (std::size_t i = 0; i < count; ++i) {
    const To value = to<To>(load<From>(elements, i));
    std::memcpy(out.data() + i * sizeof(To), &value, sizeof(To));
  }
}

}  // namespace

Result<double> parse_number(std::string_view text) { return read_value<double>(text); }

std::optional<Quantisation> parse_quantisation(const std::string& text) {
  const std::size_t comma = text.find(',');
  if (comma == std::string::npos) return std::nullopt;
  const Result<double> scale = parse_number(text.substr(0, comma));
  const Result<std::vector<std::byte>> zero = parse_values(text.substr(comma + 1), Dtype::i32);
  if (!scale || !zero || zero->size() != sizeof(std::int32_t)) return std::nullopt;
  Quantisation quantisation{*scale, 0};
  std::memcpy(&quantisation.zero_point, zero->data(), sizeof quantisation.zero_point);
  return quantisation;
}

Result<double> parse_accuracy(std::string_view text) {
  if (text.empty()) return 0.0;
  const bool power = text.substr(0, 2) == "2^";
  const Result<double> value = parse_number(power ? text.substr(2) : text);
  const double bound = !value ? -1 : power ? std::exp2(*value) : *value;
  if (bound >= 0 && bound < 1) return bound;
  return Error{Status::invalid_argument,
               fmt::format("--accuracy takes a relative error from 0 up to, not including, 1, e.g. "
                           "2^-12; not '{}'",
                           text)};
}

Result<std::vector<std::byte>> parse_values(std::string_view text, Dtype dtype) {
  std::vector<std::byte> out;
  const Outcome read =
      with_type(dtype, [&](auto type) { return push_values<decltype(type)>(text, out); });
  if (!read) return read.error();
  return out;
}

void append_value(std::string& out, std::span<const std::byte> elements, Dtype dtype,
                  std::size_t index, Notation notation) {
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    const T value = load<T>(elements, index);
    if constexpr (kIsHalf<T>)
      append_half(out, value, notation);
    else if constexpr (std::is_floating_point_v<T>)
      append_floating(out, value, notation);
    else if (std::is_same_v<T, bool> && notation == Notation::json)
      out += value ? "true" : "false";
    else
      fmt::format_to(std::back_inserter(out), "{}", static_cast<std::int64_t>(value));
  });
}

std::string to_text(double value) {
  std::string out;
  append_floating(out, value, Notation::plain);
  return out;
}

bool converts(Dtype from, Dtype to) { return from == to || is_floating(to); }

void convert(std::span<const std::byte> elements, Dtype from, Dtype to, std::span<std::byte> out) {
  if (from == to) {
    if (!out.empty()) std::memcpy(out.data(), elements.data(), out.size());
    return;
  }
  with_type(from, [&](auto type) {
    using From = decltype(type);
    with_type(to, [&](auto wanted) {
      using To = decltype(wanted);
      if constexpr (kIsHalf<To> || std::is_floating_point_v<To>)
        convert_all<From, To>(elements, out);
    });
  });
}

}  // namespace sluice::tools

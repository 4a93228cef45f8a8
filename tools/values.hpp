// Numbers as text, and elements of one type as elements of another.
//
// Text reads as the language's numbers do (decimal, hexadecimal, inf, nan) with true and false as 1
// and 0; it is printed as the shortest text that reads back to the same number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/dtype.hpp>
#include <sluice/status.hpp>

namespace sluice::tools {

// One number; the error says which text is none. Rounded once, to f64.
[[nodiscard]] Result<double> parse_number(std::string_view text);

// The relative error that --accuracy asks for: 2^-12, 0x1p-12 or 0.001; 0 of an empty text. Errors:
// what is no number from 0 up to, not including, 1.
[[nodiscard]] Result<double> parse_accuracy(std::string_view text);
// SCALE,ZERO, as --quant has it: a number and an integer. Nothing where it is none.
[[nodiscard]] std::optional<Quantisation> parse_quantisation(const std::string& text);
inline constexpr const char* kQuantHelp =
    "What the integers of an i8 or u8 operand stand for: (q - ZERO) * SCALE; repeatable";
inline constexpr std::string_view kAccuracyHelp =
    "The relative error that will do, e.g. 2^-12; left out: the promises as they stand";

// Numbers with commas or white space between them, as elements of `dtype`, each rounded once (f16
// and bf16 from f64). An empty text is no element. Integer types take integers in their range only;
// bool takes true, false, 1 and 0.
[[nodiscard]] Result<std::vector<std::byte>> parse_values(std::string_view text, Dtype dtype);

// How non-finite numbers and bools stand in JSON: the strings "nan", "inf", "-inf"; true, false.
enum class Notation : std::uint8_t { plain, json };

// Appends element `index` of an array.
void append_value(std::string& out, std::span<const std::byte> elements, Dtype dtype,
                  std::size_t index, Notation notation = Notation::plain);

// The shortest text of a number, e.g. a parameter's default.
[[nodiscard]] std::string to_text(double value);

// Whether elements of `from` can become elements of `to`: the same type, or any to a floating-point
// type, rounded once.
[[nodiscard]] bool converts(Dtype from, Dtype to);
// All of `elements`, which are of type `from`, to `out`, which has room for as many of type `to`.
void convert(std::span<const std::byte> elements, Dtype from, Dtype to, std::span<std::byte> out);

}  // namespace sluice::tools

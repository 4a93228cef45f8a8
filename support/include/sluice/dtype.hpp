// Element types of tensors, as callers name them, and what their elements stand for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

enum class Dtype : std::uint8_t { f32, f64, f16, bf16, i8, u8, i32, i64, boolean };

// "f32", "f64", "f16", "bf16", "i8", "u8", "i32", "i64", "bool".
[[nodiscard]] std::string_view name(Dtype dtype);
// The type of that name, if it is one.
[[nodiscard]] std::optional<Dtype> dtype_from_name(std::string_view text);
// f32, f64, f16 or bf16.
[[nodiscard]] bool is_floating(Dtype dtype);
// Bytes per element.
[[nodiscard]] std::size_t size_of(Dtype dtype);

// How the integers of a tensor stand for numbers: q for scale * (q - zero_point), the product
// rounded once. A number y is stored as the nearest integer to y / scale, ties to even, plus
// zero_point, limited to the type's range; NaN as zero_point.  (ONNX, QuantizeLinear)
struct Quantisation {
  double scale = 1;             // positive and finite once rounded to the type that is computed in
  std::int32_t zero_point = 0;  // within the type's range
  friend bool operator==(const Quantisation&, const Quantisation&) = default;
};

// i8 or u8: the types whose elements stand for numbers by a quantisation.
[[nodiscard]] bool is_quantised(Dtype dtype);
struct IntegerRange {
  std::int32_t least;
  std::int32_t greatest;
};
// Of i8 or u8.
[[nodiscard]] IntegerRange range_of(Dtype quantised);

}  // namespace sluice

// Element types of tensors, as callers name them.
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

}  // namespace sluice

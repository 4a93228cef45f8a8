// What the checker has to know of a built-in, from the table in dsl/builtins.def.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dsl/ast.hpp"

namespace sluice::dsl {

enum class BuiltinRule : std::uint8_t {
  numbers,              // numbers to a number, element by element
  numbers_or_integers,  // likewise; integers to an integer
  test,                 // a number to a bool
  reduce_numbers,       // numbers along the row to one number a row
  reduce_booleans,      // bools along the row to one bool a row
  reduce_to_index,      // numbers along the row to one integer a row
  row_softmax,          // numbers along the row, and one number a row, to numbers along the row
  at,                   // a value along the row, and one integer a row, to one value a row
  position_element,     // an integer an element, from the position
  position_row,         // an integer a row
  position_constant,    // an integer
};

struct BuiltinInfo {
  Builtin builtin;
  std::string_view name;
  std::size_t min_arity;
  std::size_t max_arity;
  BuiltinRule rule;
};

[[nodiscard]] const BuiltinInfo& info(Builtin builtin);  // not of `none`

[[nodiscard]] bool is_reduction(Builtin builtin);  // makes the function that uses it row-wise
[[nodiscard]] bool is_position(Builtin builtin);   // has a meaning in a row-wise function only

// Functions of the language that are no entries of the library: they take an expression, not its
// value.
inline constexpr std::string_view kDetach = "detach";
inline constexpr std::string_view kDerivative = "derivative";
[[nodiscard]] constexpr bool is_special_form(std::string_view name) {
  return name == kDetach || name == kDerivative;
}

}  // namespace sluice::dsl

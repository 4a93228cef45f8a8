// Ops and types of the IR, derived from the one table in ops.def.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::ir {

enum class Op : std::uint8_t {
#define LEAF(name) name,
#define MACHINE(name, arity, rule, meaning) name,
#define PRIMITIVE(name, arity, rule) name,
#define REDUCTION(name, arity, rule, extent) name,
#define ROW_PRIMITIVE(name, arity, rule, extent) name,
#include "compiler/ir/ops.def"
};

// How an op's operand types determine its result (ops.def lists them).
enum class TypeRule : std::uint8_t {
  leaf,
  number,
  integer,
  compare,
  int_compare,
  logic,
  select,
  to_integer,
  to_number,
  element_at,
};

// Machine operations and reductions are what back ends have.
enum class OpClass : std::uint8_t { leaf, machine, reduction, primitive };

// What a value varies along: a row; a block of 4096 columns of a row; the columns. The order is
// that of broadcasting: the larger wins.
enum class Extent : std::uint8_t { scalar, row, block, element };

struct OpInfo {
  std::string_view name;
  OpClass op_class;
  int arity;
  TypeRule rule;
  std::optional<Extent> extent = {};  // the result's; nothing: the largest of the operands'
};

[[nodiscard]] const OpInfo& info(Op op);
[[nodiscard]] std::string_view name(Op op);
[[nodiscard]] std::optional<Op> op_from_name(std::string_view text);
inline constexpr int kMaxArity = 6;
[[nodiscard]] int op_count();

// Element type of a value. Integers have the width of the compute type's lanes.
enum class Elem : std::uint8_t { f32, f64, i32, i64, boolean };

struct Type {
  Elem elem = Elem::f32;
  Extent extent = Extent::scalar;
  friend bool operator==(const Type&, const Type&) = default;
};

[[nodiscard]] std::string_view name(Elem elem);
[[nodiscard]] std::string_view name(Extent extent);
[[nodiscard]] std::optional<Elem> elem_from_name(std::string_view text);
[[nodiscard]] std::optional<Extent> extent_from_name(std::string_view text);

[[nodiscard]] constexpr bool is_number(Elem elem) { return elem == Elem::f32 || elem == Elem::f64; }
[[nodiscard]] constexpr bool is_integer(Elem elem) {
  return elem == Elem::i32 || elem == Elem::i64;
}
// The integer type with the width of a number type.
[[nodiscard]] constexpr Elem integer_of(Elem number) {
  return number == Elem::f32 ? Elem::i32 : Elem::i64;
}
[[nodiscard]] constexpr Elem number_of(Elem integer) {
  return integer == Elem::i32 ? Elem::f32 : Elem::f64;
}

}  // namespace sluice::ir

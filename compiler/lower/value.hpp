// What an expression has become while a function is lowered: a number known from literals alone, an
// integer, or a value of the graph.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "compiler/ir/graph.hpp"

namespace sluice::lower {

class Value {
 public:
  [[nodiscard]] static Value literal(double number) {
    Value value;
    value.kind_ = Kind::literal;
    value.number_ = number;
    return value;
  }
  [[nodiscard]] static Value integer(std::int64_t number) {
    Value value;
    value.kind_ = Kind::integer;
    value.integer_ = number;
    return value;
  }
  [[nodiscard]] static Value node(ir::ValueId id) {
    Value value;
    value.id_ = id;
    return value;
  }

  // Known without the graph: a literal or an integer.
  [[nodiscard]] bool known() const { return kind_ != Kind::node; }
  [[nodiscard]] bool is_integer() const { return kind_ == Kind::integer; }
  [[nodiscard]] std::int64_t as_integer() const { return integer_; }
  // Of a known value.
  [[nodiscard]] double as_number() const {
    return is_integer() ? static_cast<double>(integer_) : number_;
  }
  // In the graph: literals are rounded once to the compute type, integers likewise.
  [[nodiscard]] ir::ValueId in(ir::Graph& graph) const {
    if (!known()) return id_;
    if (is_integer() && graph.compute() == ir::Elem::f32)
      return graph.constant(static_cast<double>(static_cast<float>(integer_)));
    return graph.constant(as_number());
  }
  // An integer as a lane holds one; what is beyond 32-bit lanes is their last.
  [[nodiscard]] ir::ValueId as_lane(ir::Graph& graph) const {
    if (graph.compute() == ir::Elem::f64)
      return graph.constant_bits(ir::Elem::i64, static_cast<std::uint64_t>(integer_));
    const auto lane = static_cast<std::int32_t>(
        std::clamp<std::int64_t>(integer_, std::numeric_limits<std::int32_t>::min(),
                                 std::numeric_limits<std::int32_t>::max()));
    return graph.constant_bits(ir::Elem::i32, static_cast<std::uint32_t>(lane));
  }

 private:
  enum class Kind : std::uint8_t { literal, integer, node };
  Kind kind_ = Kind::node;
  double number_ = 0;
  std::int64_t integer_ = 0;
  ir::ValueId id_;
};

}  // namespace sluice::lower

// Building IR as one writes formulas: an Expr is a value of a Graph with the arithmetic operators.
//
// A number literal next to an Expr becomes a constant of the compute type, rounded once. Operators
// follow the operands' type: on integers + - & | ^ << >> are the integer ops.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/ir/graph.hpp"

namespace sluice::ir {

struct Expr {
  Graph* graph = nullptr;
  ValueId id;

  [[nodiscard]] Type type() const { return (*graph)[id].type; }
  [[nodiscard]] const Node& node() const { return (*graph)[id]; }
  [[nodiscard]] bool is_constant() const { return graph->is_constant(id); }
  [[nodiscard]] bool is_constant(double value) const { return graph->is_constant(id, value); }
  [[nodiscard]] Expr operand(int i) const { return {graph, node().operand(i)}; }
  friend bool operator==(Expr a, Expr b) { return a.id == b.id; }
};

inline Expr make(Op op, Expr a) { return {a.graph, a.graph->add(op, {a.id})}; }
inline Expr make(Op op, Expr a, Expr b) { return {a.graph, a.graph->add(op, {a.id, b.id})}; }
inline Expr make(Op op, Expr a, Expr b, Expr c) {
  return {a.graph, a.graph->add(op, {a.id, b.id, c.id})};
}

// Constants of the graph that `like` belongs to.
inline Expr number(Expr like, double value) { return {like.graph, like.graph->constant(value)}; }
inline Expr integer(Expr like, std::uint64_t value) {
  const Elem elem = integer_of(like.graph->compute());
  return {like.graph,
          like.graph->constant_bits(elem, elem == Elem::i32 ? value & 0xffffffffu : value)};
}

inline Op pick(Expr a, Op on_number, Op on_integer) {
  return is_integer(a.type().elem) ? on_integer : on_number;
}
inline Expr operator+(Expr a, Expr b) { return make(pick(a, Op::add, Op::iadd), a, b); }
inline Expr operator-(Expr a, Expr b) { return make(pick(a, Op::sub, Op::isub), a, b); }
inline Expr operator*(Expr a, Expr b) { return make(pick(a, Op::mul, Op::imul), a, b); }
inline Expr operator/(Expr a, Expr b) { return make(Op::div, a, b); }
inline Expr operator-(Expr a) { return make(Op::neg, a); }
inline Expr operator+(Expr a, double b) { return a + number(a, b); }
inline Expr operator-(Expr a, double b) { return a - number(a, b); }
inline Expr operator*(Expr a, double b) { return a * number(a, b); }
inline Expr operator/(Expr a, double b) { return a / number(a, b); }
inline Expr operator+(double a, Expr b) { return number(b, a) + b; }
inline Expr operator-(double a, Expr b) { return number(b, a) - b; }
inline Expr operator*(double a, Expr b) { return number(b, a) * b; }
inline Expr operator/(double a, Expr b) { return number(b, a) / b; }

inline Expr operator&(Expr a, Expr b) { return make(Op::iand, a, b); }
inline Expr operator|(Expr a, Expr b) { return make(Op::ior, a, b); }
inline Expr operator^(Expr a, Expr b) { return make(Op::ixor, a, b); }
inline Expr operator<<(Expr a, int count) {
  return make(Op::ishl, a, integer(a, static_cast<std::uint64_t>(count)));
}
inline Expr operator>>(Expr a, int count) {
  return make(Op::ishr, a, integer(a, static_cast<std::uint64_t>(count)));
}

inline Expr operator<(Expr a, Expr b) { return make(pick(a, Op::lt, Op::ilt), a, b); }
inline Expr operator>(Expr a, Expr b) { return b < a; }
inline Expr operator<=(Expr a, Expr b) { return make(Op::le, a, b); }
inline Expr operator>=(Expr a, Expr b) { return make(Op::le, b, a); }
inline Expr operator<(Expr a, double b) { return a < number(a, b); }
inline Expr operator>(Expr a, double b) { return number(a, b) < a; }
inline Expr operator<=(Expr a, double b) { return a <= number(a, b); }
inline Expr operator>=(Expr a, double b) { return number(a, b) <= a; }
inline Expr equal(Expr a, Expr b) { return make(pick(a, Op::eq, Op::ieq), a, b); }
inline Expr equal(Expr a, double b) { return equal(a, number(a, b)); }
inline Expr not_equal(Expr a, Expr b) { return make(Op::ne, a, b); }
inline Expr operator&&(Expr a, Expr b) { return make(Op::logic_and, a, b); }
inline Expr operator||(Expr a, Expr b) { return make(Op::logic_or, a, b); }
inline Expr operator!(Expr a) { return make(Op::logic_not, a); }
inline Expr unlikely(Expr a) { return make(Op::unlikely, a); }

// Rounded once; in a graph of the family without fma twice.
inline Expr fma(Expr a, Expr b, Expr c) {
  return a.graph->family() == Family::nofma ? a * b + c : make(Op::fma, a, b, c);
}
inline Expr fma(Expr a, Expr b, double c) { return fma(a, b, number(a, c)); }
inline Expr fma(Expr a, double b, Expr c) { return fma(a, number(a, b), c); }
inline Expr fma(Expr a, double b, double c) { return fma(a, number(a, b), number(a, c)); }
inline Expr sqrt(Expr a) { return make(Op::sqrt, a); }
inline Expr abs(Expr a) { return make(Op::abs, a); }
inline Expr max(Expr a, Expr b) { return make(Op::max, a, b); }
inline Expr min(Expr a, Expr b) { return make(Op::min, a, b); }
inline Expr max(Expr a, double b) { return max(a, number(a, b)); }
inline Expr min(Expr a, double b) { return min(a, number(a, b)); }
inline Expr round_even(Expr a) { return make(Op::round_even, a); }
inline Expr ldexp(Expr a, Expr k) { return make(Op::ldexp, a, k); }
inline Expr scale(Expr a, Expr k) { return make(Op::scale, a, k); }
inline Expr exponent(Expr a) { return make(Op::exponent, a); }
inline Expr mantissa(Expr a) { return make(Op::mantissa, a); }
inline Expr select(Expr condition, Expr a, Expr b) { return make(Op::select, condition, a, b); }
inline Expr select(Expr condition, Expr a, double b) { return select(condition, a, number(a, b)); }
inline Expr select(Expr condition, double a, Expr b) { return select(condition, number(b, a), b); }
inline Expr to_bits(Expr a) { return make(Op::to_bits, a); }
inline Expr from_bits(Expr a) { return make(Op::from_bits, a); }
inline Expr round_to_int(Expr a) { return make(Op::round_to_int, a); }
inline Expr to_float(Expr a) { return make(Op::to_float, a); }
// Entry of a constant table by an integer index taken modulo its length; entries are numbers of the
// compute type.
Expr lookup(Expr index, std::string table_name, const std::vector<double>& entries);

}  // namespace sluice::ir

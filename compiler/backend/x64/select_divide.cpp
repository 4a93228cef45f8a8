// Selection of divisions and square roots. On AVX-512 f32 has two ways to the same bits: the
// divider, and a sequence of fmas from a processor's estimate, which differs by vendor and is
// within 2^-14 of the truth with all of them (Intel SDM, AMD APM: VRCP14PS, VRSQRT14PS). shares.cpp
// decides how many vectors go which way. The sequences are those of Markstein ("Computation of
// elementary functions on the IBM RISC System/6000 processor", 1990) and of Cornea, Harrison and
// Tang ("Scientific Computing on Itanium-based Systems", 2002), one step shorter here and there.
//
// a / b, where everything is normal and nothing over- or underflows; u is the last place of a / b:
//
//   y  = about 1/b      e = 1 - b y, |e| <= 2^-14, rounded by 2^-39 at most
//   Y  = y + y (e + e^2)    off by 2^-37.9 / b (what is left out is e^3), and one rounding
//   q  = a Y            one of the two numbers next to a / b, where a / b is nearly midway
//   r  = b q - a        exact
//   q - r Y             rounded once: what is rounded is off by |a/b - q| times Y's relative error
//
// With b = B 2^-23 in [1, 2), that error of Y is at most B 2^-48 (1 + 2^-13), and only a quotient
// within 2^-25 (1 + 2^-12) u of a midpoint could be rounded wrongly, there |a/b - q| being u/2. But
// a quotient of a = A 2^-23 is |K| / 2B u from a midpoint, K an integer, not 0. That leaves K = 1
// and K = -1 with B just below 2^24. tests/unit/x64/test_divide.cpp enumerates those for every B,
// with every Y that the bound allows: two dozen pairs from B = 2^24 - 63 on are wrong, 1 / (2 -
// 2^-23) among them. No x / (1 + |x|) is, which is what the sequence serves.
//
// sqrt(x) likewise, from y = about 1/sqrt(x):
//
//   g = x y    h = y/2    r = 1/2 - g h    G = g + g r    H = h + h r
//   d = x - G^2, exact    G + d H
//
// There are 2^24 mantissas, exponent's parity included: the test goes through all, with y at both
// ends of its interval and within.
//
// Lanes that the proof does not cover are found by a comparison, which a NaN never passes, and go
// by the divider behind a jump; there are none as a rule.
#include <cmath>

#include "compiler/backend/x64/selector.hpp"

namespace sluice::x64 {

using ir::Node;
using ir::Op;

namespace {

// From this root on the last bit of d is above 2^-149.
constexpr double kLeastRoot = 0x1p-50;
// Up to here a reciprocal is normal.
constexpr double kGreatestDivisor = 0x1p125;

}  // namespace

bool Selector::is_one_plus_magnitude(ValueId id, ValueId of) const {
  const Node& node = graph()[id];
  if (node.op != Op::add) return false;
  const auto matches = [&](ValueId one, ValueId magnitude) {
    return graph().is_constant(one) && graph().constant_value(one) == 1 &&
           graph()[magnitude].op == Op::abs && graph()[magnitude].operand(0) == of;
  };
  return matches(node.operand(0), node.operand(1)) || matches(node.operand(1), node.operand(0));
}

// Whether a value is limited by constants to what 1 + |x| may be of; or NaN.
bool Selector::is_limited(ValueId id) const {
  const auto limit = [&](const Node& node, Op op) {
    return node.op == op && graph().is_constant(node.operand(1)) &&
           std::fabs(graph().constant_value(node.operand(1))) < kGreatestDivisor / 2;
  };
  const Node& outer = graph()[id];
  for (const Op op : {Op::max, Op::min}) {
    const Op other = op == Op::max ? Op::min : Op::max;
    if (limit(outer, op) && limit(graph()[outer.operand(0)], other)) return true;
  }
  return false;
}

// x / (1 + |x|). Where x is tiny the divisor is exactly 1, Y is 1, r is 0, and the result is x,
// zeros with their sign. The divisor must not be so large that its reciprocal is denormal.
Ref Selector::divide(const Node& node) {
  const Ref a = ref(node.operand(0));
  const Ref b = ref(node.operand(1));
  if (!has_sequences() || !is_one_plus_magnitude(node.operand(1), node.operand(0)))
    return emit(Opcode::div, a, b);
  way_ = Way::sequence;
  const Ref one = number(1);
  const Ref estimate = emit(Opcode::rcp14, b);
  const Ref error = emit(Opcode::fnmadd, b, estimate, one);
  const Ref series = emit(Opcode::fmadd, error, error, error);
  const Ref reciprocal = emit(Opcode::fmadd, estimate, series, estimate);
  const Ref near = emit(Opcode::mul, a, reciprocal);
  const Ref rest = emit(Opcode::fmsub, b, near, a);
  const Ref rounded = emit(Opcode::fnmadd, rest, reciprocal, near);
  const Ref beyond =
      is_limited(node.operand(0)) ? Ref{} : compare(kNotLess, b, number(kGreatestDivisor));
  return in_two_ways(Opcode::div, {a, b, Ref{}}, rounded, beyond);
}

Ref Selector::square_root(const Node& node) {
  const Ref a = ref(node.operand(0));
  if (!has_sequences()) return emit(Opcode::sqrt, a);
  way_ = Way::sequence;
  const Ref half = number(0.5);
  const Ref estimate = emit(Opcode::rsqrt14, a);
  const Ref root = emit(Opcode::mul, a, estimate);
  const Ref half_inverse = emit(Opcode::mul, estimate, half);
  const Ref error = emit(Opcode::fnmadd, root, half_inverse, half);
  const Ref better = emit(Opcode::fmadd, root, error, root);
  const Ref better_inverse = emit(Opcode::fmadd, half_inverse, error, half_inverse);
  const Ref rest = emit(Opcode::fnmadd, better, better, a);
  const Ref near = emit(Opcode::fmadd, better_inverse, rest, better);
  // NaN where a is zero, negative or infinite.
  const Ref beyond = compare(kNotGreaterEqual, root, number(kLeastRoot));
  return in_two_ways(Opcode::sqrt, {a, Ref{}, Ref{}}, near, beyond);
}

bool Selector::has_sequences() const {
  return machine_.avx512 && !machine_.wide && block_ == &result_.body && !arm_ && !in_rows_;
}

// One value, which each copy makes its own way: `sequence` is the one that was just selected, right
// but for the lanes `beyond`.
Ref Selector::in_two_ways(Opcode opcode, std::array<Ref, 3> operands, Ref sequence, Ref beyond) {
  Instruction direct;
  direct.opcode = opcode;
  direct.src = operands;
  if (beyond) {
    direct.dst = new_value(Bank::vector);
    direct.mask = beyond;
    direct.merge = sequence;
    arm_ = beyond;
    push(direct);
    arm_ = Ref{};
    direct.mask = direct.merge = Ref{};
  } else {
    direct.dst = sequence.index();
  }
  way_ = Way::divider;
  const Ref result = push(direct);
  way_ = Way::either;
  return result;
}

}  // namespace sluice::x64

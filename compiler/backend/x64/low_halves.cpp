#include "compiler/backend/x64/low_halves.hpp"

#include <algorithm>
#include <cmath>

#include "compiler/ir/scalar.hpp"

namespace sluice::x64 {
namespace {

using ir::Elem;
using ir::Node;
using ir::Op;
using ir::ValueId;

constexpr std::uint64_t kLowHalf = 0xffff;
constexpr std::uint64_t kSign = 0x80000000;

class LowHalves {
 public:
  LowHalves(const ir::Graph& graph, std::span<const Dtype> inputs)
      : graph_(graph), inputs_(inputs), of_(graph.size(), LowHalf::any) {}

  // Operands before what uses them.
  std::vector<LowHalf> run() && {
    for (std::uint32_t i = 0; i < graph_.size(); ++i) {
      const Node& node = graph_[ValueId{i}];
      if (node.type.elem == Elem::f32 || node.type.elem == Elem::i32) of_[i] = learn(node);
    }
    return std::move(of_);
  }

 private:
  [[nodiscard]] LowHalf of(ValueId id) const { return of_[id.index]; }
  [[nodiscard]] bool is_zero(ValueId id) const { return of(id) == LowHalf::zero; }

  // Of values that are each one of the operands from `first` on, but for the upper half.
  [[nodiscard]] LowHalf least(const Node& node, std::size_t first = 0) const {
    LowHalf least = LowHalf::zero;
    for (const ValueId operand : node.args().subspan(first)) least = std::min(least, of(operand));
    return least;
  }

  // A NaN that arithmetic gives is one of its operands, or one with the upper half alone.
  [[nodiscard]] LowHalf computed(const Node& node) const {
    return std::min(least(node), LowHalf::zero_in_nans);
  }

  [[nodiscard]] LowHalf learn(const Node& node) const {
    switch (node.op) {
      case Op::input: return inputs_[node.payload] == Dtype::bf16 ? LowHalf::zero : LowHalf::any;
      case Op::constant: return of_constant(node);
      case Op::neg:
      case Op::abs:
      case Op::max:
      case Op::min:
      // bf16 has 8 bits: what of a number is not a multiple of 128 it loses here to the last bit.
      case Op::floor:
      case Op::ceil:
      case Op::trunc:
      case Op::round_even:
      case Op::to_bits:
      case Op::from_bits: return least(node);
      case Op::select: return least(node, 1);
      case Op::mul: return of_product(node);
      case Op::add:
      case Op::sub:
      case Op::div:
      case Op::fma:
      case Op::sqrt:
      case Op::ldexp:
      case Op::scale: return computed(node);
      case Op::to_float: return LowHalf::zero_in_nans;
      case Op::lookup: return of_table(node);
      case Op::iand:
        return is_zero(node.operand(0)) || is_zero(node.operand(1)) ? LowHalf::zero : LowHalf::any;
      case Op::ior:
      case Op::ixor: return with_bits(node);
      case Op::iadd:
      case Op::isub: return least(node) == LowHalf::zero ? LowHalf::zero : LowHalf::any;
      case Op::ishl:
        return graph_.is_constant(node.operand(1)) && graph_[node.operand(1)].payload >= 16
                   ? LowHalf::zero
                   : LowHalf::any;
      default: return LowHalf::any;
    }
  }

  [[nodiscard]] LowHalf of_constant(const Node& node) const {
    if ((node.payload & kLowHalf) == 0) return LowHalf::zero;
    const bool nan = node.type.elem == Elem::f32 && std::isnan(ir::decode(Elem::f32, node.payload));
    return nan ? LowHalf::any : LowHalf::zero_in_nans;
  }

  // By a power of two not below 1 all bits of a number stay.
  [[nodiscard]] LowHalf of_product(const Node& node) const {
    for (int i = 0; i < 2; ++i) {
      const ValueId factor = node.operand(i);
      if (!graph_.is_constant(factor)) continue;
      const double magnitude = std::abs(graph_.constant_value(factor));
      int exponent = 0;
      if (magnitude >= 1 && std::isfinite(magnitude) && std::frexp(magnitude, &exponent) == 0.5)
        return of(node.operand(1 - i));
    }
    return computed(node);
  }

  [[nodiscard]] LowHalf of_table(const Node& node) const {
    const auto& values = graph_.tables()[node.payload].entries;
    const bool numbers = node.type.elem == Elem::f32 &&
                         std::none_of(values.begin(), values.end(), [](std::uint64_t bits) {
                           return std::isnan(ir::decode(Elem::f32, bits));
                         });
    return numbers ? LowHalf::zero_in_nans : LowHalf::any;
  }

  // Further bits of the upper half; a number may become a NaN by others than the sign.
  [[nodiscard]] LowHalf with_bits(const Node& node) const {
    if (least(node) == LowHalf::zero) return LowHalf::zero;
    for (int i = 0; i < 2; ++i)
      if (is_sign(node.operand(i))) return of(node.operand(1 - i));
    return LowHalf::any;
  }

  [[nodiscard]] bool is_sign(ValueId id) const {
    const Node& node = graph_[id];
    const auto is_mask = [&](ValueId each) {
      return graph_.is_constant(each) && graph_[each].payload == kSign;
    };
    return is_mask(id) ||
           (node.op == Op::iand && (is_mask(node.operand(0)) || is_mask(node.operand(1))));
  }

  const ir::Graph& graph_;
  std::span<const Dtype> inputs_;
  std::vector<LowHalf> of_;
};

}  // namespace

std::vector<LowHalf> low_halves(const ir::Graph& graph, std::span<const Dtype> input_dtypes) {
  return LowHalves(graph, input_dtypes).run();
}

}  // namespace sluice::x64

#include "compiler/ir/scalar.hpp"

#include <bit>

#include "compiler/ir/meaning.hpp"

namespace sluice::ir {
namespace {

// How operand bits become the values a meaning speaks of, and its result bits again, for each type
// rule.
template <typename T>
struct Lanes {
  using U = meaning::Unsigned<T>;
  using S = meaning::Signed<T>;

  static T number(std::uint64_t bits) { return std::bit_cast<T>(static_cast<U>(bits)); }
  static std::uint64_t bits(T value) { return std::bit_cast<U>(value); }
  static std::uint64_t bits(U value) { return value; }
  static std::uint64_t bits(bool value) { return value ? 1 : 0; }

  template <TypeRule rule>
  static auto operand(std::uint64_t value) {
    if constexpr (rule == TypeRule::number || rule == TypeRule::compare ||
                  rule == TypeRule::to_integer)
      return number(value);
    else if constexpr (rule == TypeRule::integer || rule == TypeRule::int_compare ||
                       rule == TypeRule::to_number)
      return static_cast<U>(value);
    else
      return value != 0;
  }
};

template <typename T>
std::uint64_t evaluate_as(const Graph& graph, const Node& node,
                          std::span<const std::uint64_t> operands) {
  using L = Lanes<T>;
  using U [[maybe_unused]] = typename L::U;
  using S [[maybe_unused]] = typename L::S;
  const auto raw = [&](std::size_t i) { return i < operands.size() ? operands[i] : 0; };
  if (node.op == Op::select) return raw(0) != 0 ? raw(1) : raw(2);
  [[maybe_unused]] std::span<const std::uint64_t> table;
  if (node.op == Op::lookup) table = graph.tables()[node.payload].entries;
  switch (node.op) {
#define LEAF(name) case Op::name:
#define PRIMITIVE(name, arity, rule) case Op::name:
#define REDUCTION(name, arity, rule, extent) case Op::name:
#define ROW_PRIMITIVE(name, arity, rule, extent) case Op::name:
#include "compiler/ir/ops.def"
    return 0;  // callers pass machine ops only
#define MACHINE(name, arity, rule, meaning_)                                                       \
  case Op::name: {                                                                                 \
    [[maybe_unused]] const auto a = L::template operand<TypeRule::rule>(raw(0));                   \
    [[maybe_unused]] const auto b = L::template operand<TypeRule::rule>(raw(1));                   \
    [[maybe_unused]] const auto c = L::template operand<TypeRule::rule>(raw(2));                   \
    return L::bits(static_cast<decltype(meaning_)>(meaning_));                                     \
  }
#include "compiler/ir/ops.def"
  }
  return 0;
}

}  // namespace

std::uint64_t evaluate(const Graph& graph, const Node& node,
                       std::span<const std::uint64_t> operands) {
  return graph.compute() == Elem::f64 ? evaluate_as<double>(graph, node, operands)
                                      : evaluate_as<float>(graph, node, operands);
}

std::vector<std::uint64_t> evaluate(const Graph& graph, std::span<const std::uint64_t> inputs,
                                    std::span<const std::uint64_t> params) {
  std::vector<std::uint64_t> values(graph.size(), 0);
  for (const ValueId id : graph.live()) {
    const Node& node = graph[id];
    std::uint64_t& value = values[id.index];
    if (node.op == Op::input) {
      value = inputs[node.payload];
    } else if (node.op == Op::param) {
      value = params[node.payload];
    } else if (node.op == Op::constant) {
      value = node.payload;
    } else {
      std::uint64_t operands[kMaxArity] = {};
      for (int i = 0; i < node.arity(); ++i) operands[i] = values[node.operand(i).index];
      value = evaluate(graph, node, {operands, static_cast<std::size_t>(node.arity())});
    }
  }
  std::vector<std::uint64_t> results;
  for (const GraphOutput& output : graph.outputs()) results.push_back(values[output.value.index]);
  return results;
}

std::uint64_t encode(Elem elem, double value) {
  switch (elem) {
    case Elem::f32: return std::bit_cast<std::uint32_t>(static_cast<float>(value));
    case Elem::f64: return std::bit_cast<std::uint64_t>(value);
    case Elem::i32: return static_cast<std::uint32_t>(static_cast<std::int32_t>(value));
    case Elem::i64: return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    case Elem::boolean: return value != 0 ? 1 : 0;
  }
  return 0;
}

double decode(Elem elem, std::uint64_t bits) {
  switch (elem) {
    case Elem::f32:
      return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    case Elem::f64: return std::bit_cast<double>(bits);
    case Elem::i32:
      return static_cast<double>(static_cast<std::int32_t>(static_cast<std::uint32_t>(bits)));
    case Elem::i64: return static_cast<double>(static_cast<std::int64_t>(bits));
    case Elem::boolean: return bits != 0 ? 1 : 0;
  }
  return 0;
}

}  // namespace sluice::ir

#include "compiler/ir/op.hpp"

#include <array>
#include <cstddef>

namespace sluice::ir {
namespace {

constexpr auto kOps = std::to_array<OpInfo>({
#define LEAF(name) {#name, OpClass::leaf, 0, TypeRule::leaf},
#define MACHINE(name, arity, rule, meaning) {#name, OpClass::machine, arity, TypeRule::rule},
#define PRIMITIVE(name, arity, rule) {#name, OpClass::primitive, arity, TypeRule::rule},
#define REDUCTION(name, arity, rule, extent)                                                       \
  {#name, OpClass::reduction, arity, TypeRule::rule, Extent::extent},
#define ROW_PRIMITIVE(name, arity, rule, extent)                                                   \
  {#name, OpClass::primitive, arity, TypeRule::rule, Extent::extent},
#include "compiler/ir/ops.def"
});

constexpr std::array<std::string_view, 5> kElems{"f32", "f64", "i32", "i64", "bool"};
constexpr std::array<std::string_view, 4> kExtents{"scalar", "row", "block", "element"};

template <typename Enum, std::size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& names, std::string_view text) {
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == text) return static_cast<Enum>(i);
  return std::nullopt;
}

}  // namespace

const OpInfo& info(Op op) { return kOps[static_cast<std::size_t>(op)]; }
std::string_view name(Op op) { return info(op).name; }
int op_count() { return static_cast<int>(kOps.size()); }

std::optional<Op> op_from_name(std::string_view text) {
  for (std::size_t i = 0; i < kOps.size(); ++i)
    if (kOps[i].name == text) return static_cast<Op>(i);
  return std::nullopt;
}

std::string_view name(Elem elem) { return kElems[static_cast<std::size_t>(elem)]; }
std::string_view name(Extent extent) { return kExtents[static_cast<std::size_t>(extent)]; }
std::optional<Elem> elem_from_name(std::string_view text) { return find<Elem>(kElems, text); }
std::optional<Extent> extent_from_name(std::string_view text) {
  return find<Extent>(kExtents, text);
}

}  // namespace sluice::ir

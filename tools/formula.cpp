#include "tools/formula.hpp"

#include <array>
#include <cmath>
#include <map>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "compiler/rewrite/term.hpp"

namespace sluice::tools {
namespace {

using ir::Node;
using ir::Op;
using ir::ValueId;

// How tightly an expression binds, loosest first.
enum class Binding { choice, either, both, negation, comparison, sum, product, sign, power, atom };

struct Text {
  std::string text;
  Binding binding = Binding::atom;
};

struct Infix {
  Op op;
  std::string_view sign;
  Binding binding;
};
constexpr std::array kInfix = {
    Infix{Op::add, " + ", Binding::sum},           Infix{Op::sub, " - ", Binding::sum},
    Infix{Op::mul, " * ", Binding::product},       Infix{Op::div, " / ", Binding::product},
    Infix{Op::lt, " < ", Binding::comparison},     Infix{Op::le, " <= ", Binding::comparison},
    Infix{Op::eq, " == ", Binding::comparison},    Infix{Op::ne, " != ", Binding::comparison},
    Infix{Op::logic_and, " and ", Binding::both},  Infix{Op::logic_or, " or ", Binding::either},
    Infix{Op::integer_power, "^", Binding::power},
};

class Printer {
 public:
  explicit Printer(const ir::Graph& graph) : graph_(graph) {}

  std::string print(ValueId root) {
    count(seen_through(root));
    const std::string text = expression(seen_through(root)).text;
    std::string out = text;
    std::string_view between = ", where ";
    // Named in the order in which they were needed, which puts a name's parts behind it.
    for (std::size_t i = 0; i < named_.size(); ++i) {
      out += fmt::format("{}t{} = {}", between, i + 1, structure(named_[i]).text);
      between = ", ";
    }
    return out;
  }

 private:
  // What a reader means by a value: without the marks that later steps go by.
  [[nodiscard]] ValueId seen_through(ValueId id) const {
    while (true) {
      const Node& node = graph_[id];
      const bool mark = node.op == Op::limits || node.op == Op::clause || node.op == Op::detach;
      if (!mark) return id;
      id = node.operand(0);
    }
  }

  // The operands that are shown.
  [[nodiscard]] std::vector<ValueId> parts(const Node& node) const {
    std::vector<ValueId> shown;
    const std::size_t count = rewrite::takes_low_word(node.op) ? 1 : node.args().size();
    for (std::size_t i = 0; i < count; ++i) shown.push_back(seen_through(node.args()[i]));
    return shown;
  }

  void count(ValueId id) {
    if (++uses_[id] > 1) return;
    for (ValueId part : parts(graph_[id])) count(part);
  }

  // Something short is repeated rather than named.
  [[nodiscard]] bool is_named(ValueId id) const {
    const Node& node = graph_[id];
    if (uses_.at(id) < 2 || node.args().empty()) return false;
    for (ValueId part : parts(node))
      if (!graph_[part].args().empty()) return true;
    return node.args().size() > 1 && !rewrite::takes_low_word(node.op);
  }

  Text expression(ValueId id) {
    if (!is_named(id)) return structure(id);
    std::size_t place = 0;
    while (place < named_.size() && named_[place] != id) ++place;
    if (place == named_.size()) named_.push_back(id);
    return {fmt::format("t{}", place + 1)};
  }

  std::string within(ValueId id, Binding outer, bool or_same) {
    const Text inner = expression(id);
    const bool bare = inner.binding > outer || (or_same && inner.binding == outer);
    return bare ? inner.text : "(" + inner.text + ")";
  }

  Text structure(ValueId id) {
    const Node& node = graph_[id];
    const std::vector<ValueId> shown = parts(node);
    for (const Infix& infix : kInfix) {
      if (node.op != infix.op) continue;
      const bool left_groups =
          infix.binding != Binding::comparison && infix.op != Op::integer_power;
      const bool right_groups = node.op == Op::add || infix.binding < Binding::comparison;
      return {within(shown[0], infix.binding, left_groups) + std::string(infix.sign) +
                  within(shown[1], infix.binding, right_groups),
              infix.binding};
    }
    if (node.op == Op::neg) return {"-" + within(shown[0], Binding::sign, false), Binding::sign};
    if (node.op == Op::logic_not)
      return {"not " + within(shown[0], Binding::negation, true), Binding::negation};
    if (node.op == Op::fma)
      return {within(shown[0], Binding::product, true) + " * " +
                  within(shown[1], Binding::product, false) + " + " +
                  within(shown[2], Binding::sum, true),
              Binding::sum};
    if (node.op == Op::select)
      return {"if " + within(shown[0], Binding::choice, false) + " then " +
                  within(shown[1], Binding::choice, false) + " else " +
                  within(shown[2], Binding::choice, true),
              Binding::choice};
    if (shown.empty()) return leaf(id);
    std::string text = fmt::format("{}(", name(node.op));
    for (std::size_t i = 0; i < shown.size(); ++i)
      text += (i > 0 ? ", " : "") + expression(shown[i]).text;
    return {text + ")"};
  }

  [[nodiscard]] Text leaf(ValueId id) const {
    const Node& node = graph_[id];
    const auto index = static_cast<std::size_t>(node.payload);
    if (node.op == Op::input) return {graph_.inputs()[index].name};
    if (node.op == Op::param) return {graph_.params()[index].name};
    if (node.type.elem == ir::Elem::boolean) return {node.payload != 0 ? "true" : "false"};
    const double value = graph_.constant_value(id);
    const bool is_negative = std::signbit(value) && !std::isnan(value);
    return {fmt::format("{:.7g}", value), is_negative ? Binding::sign : Binding::atom};
  }

  const ir::Graph& graph_;
  std::map<ValueId, int> uses_;
  std::vector<ValueId> named_;
};

}  // namespace

std::string formula(const ir::Graph& graph, ValueId value) { return Printer(graph).print(value); }

}  // namespace sluice::tools

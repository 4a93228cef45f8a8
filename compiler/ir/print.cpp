#include "compiler/ir/text.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <vector>

namespace sluice::ir {
namespace {

std::string hex(std::uint64_t value) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  return "0x" + std::string(digits.data(), end);
}

template <typename T>
std::string shortest(T value) {
  if (std::isnan(value)) return "nan";
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return std::string(digits.data(), end);
}

std::string constant(const Node& node) {
  switch (node.type.elem) {
    case Elem::f32: return shortest(std::bit_cast<float>(static_cast<std::uint32_t>(node.payload)));
    case Elem::f64: return shortest(std::bit_cast<double>(node.payload));
    case Elem::i32:
    case Elem::i64: return hex(node.payload);
    case Elem::boolean: return node.payload != 0 ? "true" : "false";
  }
  return {};
}

class Printer {
 public:
  explicit Printer(const Graph& graph) : graph_(graph), numbers_(graph.size(), 0) {}

  std::string run() {
    text_ = "graph " + std::string(name(graph_.compute())) + "\n";
    for (const GraphInput& input : graph_.inputs())
      text_ +=
          "input " + input.name + ": " + std::string(name(input.type.extent)) +
          (input.type.elem == graph_.compute() ? "" : " " + std::string(name(input.type.elem))) +
          "\n";
    for (const GraphParam& param : graph_.params())
      text_ += "param " + param.name + " = " + shortest(param.value) +
               (param.baked ? " baked\n" : " passed\n");
    for (const Table& table : graph_.tables()) {
      text_ += "table " + table.name;
      for (const std::uint64_t entry : table.entries) text_ += " " + hex(entry);
      text_ += "\n";
    }
    std::size_t next = 0;
    for (const ValueId id : graph_.live()) {
      numbers_[id.index] = next++;
      print(id);
    }
    for (const GraphOutput& output : graph_.outputs())
      text_ += "output " + output.name + " = " + number(output.value) + "\n";
    return std::move(text_);
  }

 private:
  std::string number(ValueId id) const { return "%" + std::to_string(numbers_[id.index]); }

  void print(ValueId id) {
    const Node& node = graph_[id];
    text_ += number(id) + ": " + std::string(name(node.type.elem)) + " " +
             std::string(name(node.type.extent)) + " = " + std::string(name(node.op));
    if (node.op == Op::input) text_ += " " + graph_.inputs()[node.payload].name;
    if (node.op == Op::param) text_ += " " + graph_.params()[node.payload].name;
    if (node.op == Op::constant) text_ += " " + constant(node);
    if (node.op == Op::lookup) text_ += " " + graph_.tables()[node.payload].name;
    for (const ValueId operand : node.args()) text_ += " " + number(operand);
    text_ += "\n";
  }

  const Graph& graph_;
  std::vector<std::size_t> numbers_;
  std::string text_;
};

}  // namespace

std::string print(const Graph& graph) { return Printer(graph).run(); }

}  // namespace sluice::ir

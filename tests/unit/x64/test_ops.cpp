// Every machine op, on both levels and in both types, against the table's meaning: random and
// special operands within the op's domain.
#include <catch2/catch.hpp>

#include <cmath>
#include <iostream>

#include "compiler/ir/scalar.hpp"
#include "tests/unit/x64/kernel_check.hpp"

namespace sluice::x64::check {
namespace {

using ir::Elem;
using ir::Graph;
using ir::Op;
using ir::ValueId;

constexpr ir::Extent kElement = ir::Extent::element;

// Graphs for one op: each operand position an input, or a constant where the op or a case asks for
// one. Results that are not numbers are made visible: conditions through select, integers through
// from_bits.
class OpCase {
 public:
  OpCase(Elem elem, Op op) : graph(elem), elem_(elem), op_(op) {}

  ValueId input_for(int position) {
    positions.push_back(static_cast<std::size_t>(position));
    return graph.add_input(std::string(1, static_cast<char>('a' + position)), {elem_, kElement});
  }
  void output(ValueId result) {
    const Elem type = graph[result].type.elem;
    if (type == Elem::boolean)
      result = graph.add(Op::select, {result, graph.constant(1), graph.constant(2)});
    if (ir::is_integer(type)) result = graph.add(Op::from_bits, {result});
    graph.add_output("y", result);
  }

  std::uint64_t operand(std::size_t position, std::mt19937_64& random) const {
    const bool wide = elem_ == Elem::f64;
    const auto uniform = [&](double low, double high) {
      return std::uniform_real_distribution<double>(low, high)(random);
    };
    if (op_ == Op::ldexp && position == 0 && random() % 4 != 0)
      return ir::encode(elem_, std::exp2(uniform(-39.9, 39.9)) * (random() % 2 == 0 ? 1 : -1));
    if (op_ == Op::ldexp && position == 0)
      return ir::encode(elem_, random() % 2 == 0 ? 0.0 : std::nan(""));
    if (op_ == Op::ldexp)
      return ir::encode(elem_, std::floor(wide ? uniform(-1100, 1031) : uniform(-160, 131)));
    if (op_ == Op::scale && position == 1)
      return ir::encode(elem_, std::floor(wide ? uniform(-1022, 1024) : uniform(-126, 128)));
    if (op_ == Op::round_to_int) {
      const double bound = random() % 2 == 0 ? 9 : wide ? 0x1p51 : 0x1p22;
      const double value = uniform(-bound, bound);
      return ir::encode(elem_, random() % 4 == 0 ? std::floor(value) / 2 : value);
    }
    if (op_ == Op::to_float && wide)
      return static_cast<std::uint64_t>(
          static_cast<std::int64_t>(random() >> (13 + random() % 50)) *
          (random() % 2 == 0 ? 1 : -1));
    return any_number(elem_, random);
  }

  Graph graph;
  std::vector<std::size_t> positions;  // of each input among the op's operands

 private:
  Elem elem_;
  Op op_;
};

// Runs every length around the sizes of vectors and rounds, in place and not.
void check_graph(const OpCase& test, std::mt19937_64& random, std::size_t longest) {
  for (const Target& target : targets()) {
    const Compiled compiled = compile(test.graph, target);
    for (std::size_t n = 0; n <= longest; n = n < 40 ? n + 1 : n * 2) {
      Case run;
      run.graph = &test.graph;
      run.count = n;
      run.in_place = n % 3 == 2 && !test.graph.inputs().empty();
      run.flush_end = n % 2 == 0;
      for (std::size_t i = 0; i < test.graph.inputs().size(); ++i) {
        run.inputs.emplace_back();
        for (std::size_t k = 0; k < n; ++k)
          run.inputs.back().push_back(test.operand(test.positions[i], random));
      }
      INFO(to_string(target));
      REQUIRE(difference(compiled, run).value_or("") == "");
    }
  }
}

ValueId as_operand(Graph& graph, ir::TypeRule rule, int position, ValueId value) {
  switch (rule) {
    case ir::TypeRule::integer:
    case ir::TypeRule::int_compare:
    case ir::TypeRule::to_number: return graph.add(Op::to_bits, {value});
    case ir::TypeRule::logic: return graph.add(Op::lt, {value, graph.constant(0.25)});
    case ir::TypeRule::select:
      return position == 0 ? graph.add(Op::lt, {value, graph.constant(0.25)}) : value;
    case ir::TypeRule::leaf:
    case ir::TypeRule::number:
    case ir::TypeRule::compare:
    case ir::TypeRule::to_integer:
    case ir::TypeRule::element_at: return value;
  }
  return value;
}

bool is_shift(Op op) { return op == Op::ishl || op == Op::ishr || op == Op::isar; }
bool lacks_64_bits(Op op) { return op == Op::imul || op == Op::isar; }

// `constants`: a bit for each operand that is a constant.
OpCase make_case(Elem elem, Op op, unsigned constants, std::mt19937_64& random) {
  OpCase test(elem, op);
  const ir::OpInfo& facts = ir::info(op);
  std::vector<ValueId> operands;
  for (int i = 0; i < facts.arity; ++i) {
    const auto position = static_cast<std::size_t>(i);
    if (is_shift(op) && i == 1) {
      operands.push_back(
          test.graph.constant_bits(ir::integer_of(elem), random() % (elem == Elem::f64 ? 64 : 32)));
      continue;
    }
    const bool constant = (constants >> i & 1) != 0;
    ValueId value = constant ? test.graph.constant_bits(elem, test.operand(position, random))
                             : test.input_for(i);
    operands.push_back(as_operand(test.graph, facts.rule, i, value));
  }
  std::uint64_t payload = 0;
  if (op == Op::lookup) {
    ir::Table table{"table", {}};
    const std::size_t size = std::size_t{1} << random() % 8;
    for (std::size_t i = 0; i < size; ++i) table.entries.push_back(any_number(elem, random));
    payload = test.graph.add_table(table);
  }
  test.output(test.graph.add(op, operands, payload));
  return test;
}

void check_op(Elem elem, Op op, std::mt19937_64& random) {
  if (elem == Elem::f64 && lacks_64_bits(op)) return;
  const unsigned variants = 1u << ir::info(op).arity;
  for (unsigned constants = 0; constants < variants; ++constants)
    for (int repeat = 0; repeat < (op == Op::lookup ? 12 : 3); ++repeat)
      check_graph(make_case(elem, op, constants, random), random, 700);
}

}  // namespace

TEST_CASE("every machine op gives its bits", "[x64]") {
  const std::uint64_t seed = 0x51;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < ir::op_count(); ++i) {
    const Op op = static_cast<Op>(i);
    if (ir::info(op).op_class != ir::OpClass::machine) continue;
    for (const Elem elem : {Elem::f32, Elem::f64}) {
      INFO(ir::name(op) << " " << ir::name(elem));
      check_op(elem, op, random);
    }
  }
}

}  // namespace sluice::x64::check

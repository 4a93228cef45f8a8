// Random graphs against the op table's meaning: many values alive at once, so that spilling, memory
// operands and fused instructions all occur; scalar inputs, parameters, several outputs, streaming,
// every alignment.
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/x64/kernel_check.hpp"

namespace sluice::x64::check {
namespace {

using ir::Elem;
using ir::Extent;
using ir::Graph;
using ir::Op;
using ir::ValueId;

class RandomGraph {
 public:
  RandomGraph(Elem elem, std::mt19937_64& random) : graph(elem), random_(random) {
    for (std::size_t i = 0, count = 1 + pick(4); i < count; ++i)
      numbers_.push_back(graph.add_input("x" + std::to_string(i), {elem, Extent::element}));
    for (std::size_t i = 0, count = pick(3); i < count; ++i)
      numbers_.push_back(graph.add_input("s" + std::to_string(i), {elem, Extent::scalar}));
    for (std::size_t i = 0, count = pick(3); i < count; ++i)
      numbers_.push_back(graph.add_param("p" + std::to_string(i), 0, false));
    conditions_.push_back(graph.add(Op::lt, {number(), number()}));
    integers_.push_back(number_bits(number()));
    for (std::size_t i = 0, count = pick(2) == 0 ? pick(12) : pick(150); i < count; ++i) grow();
    if (pick(2) == 0) use_all();
    for (std::size_t i = 0, count = 1 + pick(8) / 3; i < count; ++i)
      graph.add_output("y" + std::to_string(i), i == 0 ? numbers_.back() : number());
  }

  Graph graph;

 private:
  std::size_t pick(std::size_t count) { return random_() % count; }

  // Early values as often as late ones, so that many stay alive.
  ValueId number() {
    switch (pick(8)) {
      case 0: return graph.constant_bits(graph.compute(), any_number(graph.compute(), random_));
      case 1: return graph.constant(static_cast<double>(pick(4)));
      default: return numbers_[pick(numbers_.size())];
    }
  }
  ValueId integer() {
    if (pick(4) == 0) return whole_constant(random_());
    return integers_[pick(integers_.size())];
  }
  ValueId condition() {
    if (pick(16) == 0) return graph.boolean(pick(2) == 0);
    return conditions_[pick(conditions_.size())];
  }
  ValueId whole_constant(std::uint64_t bits) {
    const bool wide = graph.compute() == Elem::f64;
    return graph.constant_bits(ir::integer_of(graph.compute()), wide ? bits : bits & 0xffffffffu);
  }

  // A value that depends on every bit of every number, last first: all are alive until then.
  void use_all() {
    ValueId all = number_bits(numbers_.front());
    for (std::size_t i = numbers_.size(); i-- > 1;)
      all = graph.add(Op::ixor, {all, number_bits(numbers_[i])});
    numbers_.push_back(graph.add(Op::from_bits, {all}));
  }

  // A NaN's bits are not promised, so they are not looked at.
  ValueId number_bits(ValueId any) {
    return graph.add(Op::to_bits, {graph.add(Op::select, {graph.add(Op::eq, {any, any}), any,
                                                          graph.constant(1)})});
  }

  // An integral number in -100..100, as ldexp, scale and round_to_int ask for.
  ValueId small_whole() {
    const ValueId any = number();
    const ValueId real =
        graph.add(Op::select, {graph.add(Op::eq, {any, any}), any, graph.constant(3)});
    const ValueId low = graph.add(Op::max, {real, graph.constant(-100)});
    return graph.add(Op::round_even, {graph.add(Op::min, {low, graph.constant(100)})});
  }
  ValueId near_one() { return graph.add(Op::mantissa, {number()}); }
  ValueId small_integer() { return graph.add(Op::iand, {integer(), whole_constant(0x3ffff)}); }
  std::uint64_t table() {
    ir::Table made{"t" + std::to_string(pick(100000)), {}};
    for (std::size_t i = 0, size = std::size_t{1} << pick(8); i < size; ++i)
      made.entries.push_back(any_number(graph.compute(), random_));
    return graph.add_table(made);
  }

  void add_number(ValueId id) { numbers_.push_back(id); }

  // Values that only what is chosen by an unlikely condition needs; of three conditions at once,
  // so that whole vectors have it nowhere.
  void add_arm() {
    const ValueId two = graph.add(Op::logic_and, {condition(), condition()});
    const ValueId rare = graph.add(Op::unlikely, {graph.add(Op::logic_and, {two, condition()})});
    const std::array sizes{numbers_.size(), integers_.size(), conditions_.size()};
    for (std::size_t i = 0, count = 1 + pick(40); i < count; ++i) grow_plain();
    const std::array chosen{numbers_.back(), number()};
    const ValueId bits = integers_.back();
    numbers_.resize(sizes[0]);
    integers_.resize(sizes[1]);
    conditions_.resize(sizes[2]);
    for (const ValueId value : chosen) add_number(graph.add(Op::select, {rare, value, number()}));
    integers_.push_back(graph.add(Op::select, {rare, bits, integer()}));
  }

  void grow() { pick(20) == 0 ? add_arm() : grow_plain(); }

  void grow_plain() {
    static constexpr Op kUnary[] = {Op::neg,      Op::abs,   Op::sqrt,       Op::floor,
                                    Op::ceil,     Op::trunc, Op::round_even, Op::exponent,
                                    Op::mantissa, Op::neg,   Op::abs};
    static constexpr Op kBinary[] = {Op::add, Op::sub, Op::mul, Op::div, Op::max, Op::min};
    static constexpr Op kCompare[] = {Op::lt, Op::le, Op::eq, Op::ne};
    static constexpr Op kInteger[] = {Op::iadd, Op::isub, Op::iand, Op::ior, Op::ixor};
    const bool wide = graph.compute() == Elem::f64;
    switch (pick(20)) {
      case 0: return add_number(graph.add(kUnary[pick(std::size(kUnary))], {number()}));
      case 1:
        conditions_.push_back(graph.add(kCompare[pick(std::size(kCompare))], {number(), number()}));
        return;
      case 2:
        conditions_.push_back(graph.add(pick(2) == 0 ? Op::ieq : Op::ilt, {integer(), integer()}));
        return;
      case 3:
        conditions_.push_back(
            graph.add(pick(2) == 0 ? Op::logic_and : Op::logic_or, {condition(), condition()}));
        return;
      case 4: conditions_.push_back(graph.add(Op::logic_not, {condition()})); return;
      case 5:
        conditions_.push_back(graph.add(Op::select, {condition(), condition(), condition()}));
        return;
      case 6:
        integers_.push_back(graph.add(kInteger[pick(std::size(kInteger))], {integer(), integer()}));
        return;
      case 7: {
        const Op op = pick(2) == 0 ? Op::ishl : wide || pick(2) == 0 ? Op::ishr : Op::isar;
        integers_.push_back(graph.add(op, {integer(), whole_constant(pick(wide ? 64 : 32))}));
        return;
      }
      case 8: integers_.push_back(number_bits(number())); return;
      case 9: return add_number(graph.add(Op::from_bits, {integer()}));
      case 10: integers_.push_back(graph.add(Op::round_to_int, {small_whole()})); return;
      case 11: return add_number(graph.add(Op::to_float, {small_integer()}));
      case 12: return add_number(graph.add(Op::ldexp, {near_one(), small_whole()}));
      case 13: return add_number(graph.add(Op::scale, {number(), small_whole()}));
      case 14:
        if (pick(4) == 0) return add_number(graph.add(Op::lookup, {integer()}, table()));
        integers_.push_back(graph.add(Op::select, {condition(), integer(), integer()}));
        return;
      case 15:
      case 16: return add_number(graph.add(Op::select, {condition(), number(), number()}));
      case 17: return add_number(graph.add(Op::fma, {number(), number(), number()}));
      default:
        return add_number(graph.add(kBinary[pick(std::size(kBinary))], {number(), number()}));
    }
  }

  std::mt19937_64& random_;
  std::vector<ValueId> numbers_;
  std::vector<ValueId> integers_;
  std::vector<ValueId> conditions_;
};

Case random_case(const Graph& graph, std::size_t n, std::mt19937_64& random) {
  Case test;
  test.graph = &graph;
  test.count = n;
  test.flush_end = random() % 2 == 0;
  test.offset = random() % 3 == 0 ? random() % 130 : 0;
  test.in_place = random() % 3 == 0;
  for (const ir::GraphInput& input : graph.inputs()) {
    const std::size_t size = input.type.extent == Extent::scalar ? 1 : n;
    test.inputs.emplace_back();
    for (std::size_t k = 0; k < size; ++k)
      test.inputs.back().push_back(any_number(graph.compute(), random));
  }
  for (std::size_t i = 0; i < graph.params().size(); ++i)
    test.params.push_back(any_number(graph.compute(), random));
  return test;
}

void check_random(std::uint64_t seed, int count) {
  std::size_t spills = 0;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t graph_seed = seed + static_cast<std::uint64_t>(i);
    std::mt19937_64 random(graph_seed);
    const RandomGraph made(i % 2 == 0 ? Elem::f32 : Elem::f64, random);
    const std::int64_t stream_from =
        random() % 3 == 0 ? 1 + static_cast<std::int64_t>(random() % 100) : 0;
    for (const Target& target : targets()) {
      const Compiled compiled = compile(made.graph, target, stream_from);
      spills += compiled.code.spills_in_loop;
      for (int run = 0; run < 6; ++run) {
        const std::size_t n = run == 0 ? random() % 4 : random() % (run == 1 ? 600 : 150);
        INFO("graph seed " << graph_seed << " on " << to_string(target));
        REQUIRE(difference(compiled, random_case(made.graph, n, random)).value_or("") == "");
      }
    }
  }
  INFO("seed " << seed);
  CHECK((targets().empty() || spills > 0));
}

}  // namespace

TEST_CASE("random graphs give the table's bits", "[x64]") { check_random(1000, 400); }

TEST_CASE("many random graphs give the table's bits", "[x64][slow]") {
  check_random(1000000, 5000);
}

TEST_CASE("streamed outputs, at every alignment and length", "[x64]") {
  std::mt19937_64 random(7);
  for (const Elem elem : {Elem::f32, Elem::f64}) {
    Graph graph(elem);
    const ValueId x = graph.add_input("x", {elem, Extent::element});
    const ValueId y = graph.add(Op::max, {x, graph.constant(0)});
    graph.add_output("y", y);
    graph.add_output("z", graph.add(Op::sub, {x, y}));
    for (const Target& target : targets()) {
      const Compiled compiled = compile(graph, target, 8);
      for (std::size_t n = 0; n < 700; n = n < 150 ? n + 1 : n + 97) {
        Case test = random_case(graph, n, random);
        test.flush_end = false;
        test.offset = n % 130;
        test.in_place = n % 7 == 0;
        INFO(to_string(target) << ", offset " << test.offset);
        REQUIRE(difference(compiled, test).value_or("") == "");
      }
    }
  }
}

}  // namespace sluice::x64::check

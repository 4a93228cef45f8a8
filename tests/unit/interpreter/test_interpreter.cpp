// The interpreter against ir::evaluate, on random graphs of every machine op, with all loops of
// this processor.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

#include "compiler/backend/interpreter/interpreter.hpp"
#include "compiler/ir/expr.hpp"
#include "compiler/ir/scalar.hpp"
#include "compiler/schedule/arms.hpp"

namespace sluice::interpreter {
namespace {

using ir::Elem;
using ir::Extent;
using ir::Op;
using ir::ValueId;

std::vector<Loops> present_loops() {
  std::vector<Loops> present;
  for (const Loops loops : {Loops::baseline, Loops::v3, Loops::v4})
    if (loops <= best_loops()) present.push_back(loops);
  return present;
}

schedule::ElementProgram program_of(ir::Graph graph) {
  schedule::ElementProgram program{"test", std::move(graph), {}, {}, {}, {}, {}, {}, 0};
  const Dtype number = program.graph.compute() == Elem::f64 ? Dtype::f64 : Dtype::f32;
  for (const auto& input : program.graph.inputs())
    program.input_dtypes.push_back(input.type.elem == Elem::boolean ? Dtype::boolean : number);
  for (const auto& output : program.graph.outputs())
    program.output_dtypes.push_back(
        program.graph[output.value].type.elem == Elem::boolean ? Dtype::boolean : number);
  for (const ValueId id : program.graph.live()) {
    const ir::Node& node = program.graph[id];
    if (node.arity() == 0) continue;
    (node.type.extent == Extent::element ? program.body : program.uniform).push_back(id);
  }
  program.arms = schedule::gather_arms(program.graph, program.body);
  return program;
}

// A graph in which each op was asked for about equally often, on operands of the right type.
class RandomGraph {
 public:
  RandomGraph(Elem compute, std::uint32_t seed) : graph_(compute), random_(seed) {
    add(graph_.add_input("x", {compute, Extent::element}));
    add(graph_.add_input("s", {compute, Extent::scalar}));
    add(graph_.add_input("z", {compute, Extent::element}));
    add(graph_.add_input("m", {Elem::boolean, Extent::element}));
    add(graph_.add_param("p", 0.5, false));
    for (const double value : {0.0, 1.0, -0.75, 3.5e-3}) add(graph_.constant(value));
    table_ = graph_.add_table({"t", {1, 2, 3, 0x40490fdb, 5, 6, 7, 8}});
    add(graph_.add(Op::to_bits, {numbers_.front()}));
  }

  ir::Graph make(int operations) {
    for (int i = 0; i < operations; ++i) grow();
    for (int i = 0; i < 3; ++i) graph_.add_output("y" + std::to_string(i), pick(numbers_));
    graph_.add_output("b", pick(bools_));
    graph_.add_output("x", numbers_[0]);
    return std::move(graph_);
  }

 private:
  void add(ValueId id) {
    const Elem elem = graph_[id].type.elem;
    (ir::is_number(elem) ? numbers_ : ir::is_integer(elem) ? integers_ : bools_).push_back(id);
  }
  // Recent values more often, so that graphs are deep and not only wide.
  ValueId pick(const std::vector<ValueId>& from) {
    const std::size_t back =
        std::min<std::size_t>(random_() % 4 == 0 ? from.size() : 6, from.size());
    return from[from.size() - 1 - random_() % back];
  }
  bool is_wide() const { return graph_.compute() == Elem::f64; }
  ValueId integer_constant(std::uint64_t bits) {
    return graph_.constant_bits(ir::integer_of(graph_.compute()), bits);
  }

  void grow() {
    const Op op = static_cast<Op>(random_() % static_cast<std::uint32_t>(ir::op_count()));
    if (ir::info(op).op_class != ir::OpClass::machine) return;
    if (is_wide() && (op == Op::imul || op == Op::isar)) return;
    const ValueId x = pick(numbers_), i = pick(integers_), b = pick(bools_);
    switch (ir::info(op).rule) {
      case ir::TypeRule::leaf:
      case ir::TypeRule::element_at: return;
      case ir::TypeRule::integer: {
        const bool shift = op == Op::ishl || op == Op::ishr || op == Op::isar;
        return add(graph_.add(op, {i, shift ? integer_constant(random_() % 32) : pick(integers_)}));
      }
      case ir::TypeRule::int_compare: return add(graph_.add(op, {i, pick(integers_)}));
      case ir::TypeRule::compare: return add(graph_.add(op, {x, pick(numbers_)}));
      case ir::TypeRule::select: return add(graph_.add(op, {b, x, pick(numbers_)}));
      case ir::TypeRule::to_integer: {
        // A NaN's payload is not promised: it must not become an integer.
        const ValueId known =
            graph_.add(Op::select, {graph_.add(Op::eq, {x, x}), x, graph_.constant(1)});
        return add(graph_.add(op, {known}));
      }
      case ir::TypeRule::to_number: {
        if (op == Op::lookup) return add(graph_.add(op, {i}, table_));
        const ValueId small = graph_.add(Op::iand, {i, integer_constant(0xffff)});
        return add(graph_.add(op, {op == Op::to_float ? small : i}));
      }
      case ir::TypeRule::number:
      case ir::TypeRule::logic: {
        const auto& from = ir::info(op).rule == ir::TypeRule::logic ? bools_ : numbers_;
        std::array<ValueId, ir::kMaxArity> operands;
        for (ValueId& operand : operands) operand = pick(from);
        if (op == Op::ldexp || op == Op::scale)
          operands[1] = graph_.constant(static_cast<double>(random_() % 64) - 32);
        return add(graph_.add(
            op, std::span(operands).first(static_cast<std::size_t>(ir::info(op).arity))));
      }
    }
  }

  ir::Graph graph_;
  std::mt19937 random_;
  std::vector<ValueId> numbers_, integers_, bools_;
  std::uint64_t table_ = 0;
};

template <typename T>
std::uint64_t bits_of(T value) {
  if (value != value) return 0x7ff8'0000'0000'0000u;  // every NaN is one
  return ir::encode(sizeof(T) == 4 ? Elem::f32 : Elem::f64, static_cast<double>(value));
}

template <typename T>
std::vector<T> test_values(std::size_t count, std::mt19937& random) {
  const T special[] = {T{0},
                       -T{0},
                       T{1},
                       -T{1},
                       std::numeric_limits<T>::infinity(),
                       -std::numeric_limits<T>::infinity(),
                       std::numeric_limits<T>::quiet_NaN(),
                       std::numeric_limits<T>::denorm_min(),
                       std::numeric_limits<T>::min(),
                       std::numeric_limits<T>::max()};
  std::normal_distribution<double> normal(0, 3);
  std::vector<T> values(count);
  for (T& value : values)
    value =
        random() % 4 == 0 ? special[random() % std::size(special)] : static_cast<T>(normal(random));
  return values;
}

// Every output of every element; the buffers stand at an odd address, between bytes that must not
// change.
template <typename T>
void compare(const schedule::ElementProgram& program, Loops loops, std::size_t count,
             std::uint32_t seed) {
  constexpr Elem kElem = sizeof(T) == 4 ? Elem::f32 : Elem::f64;
  std::mt19937 random(seed);
  const std::vector<T> x = test_values<T>(count, random), s = test_values<T>(1, random),
                       z = test_values<T>(count, random);
  std::vector<unsigned char> m(count);
  for (auto& value : m) value = static_cast<unsigned char>(random() % 2);
  const std::uint64_t param = ir::encode(kElem, 0.625);

  constexpr std::size_t kPad = 65;
  constexpr std::size_t kOutputs = 5;
  std::vector<std::vector<unsigned char>> results(
      kOutputs, std::vector<unsigned char>(count * sizeof(T) + 2 * kPad, 0xa5));
  std::vector<unsigned char> x_bytes(count * sizeof(T) + 1);
  if (count > 0) std::memcpy(x_bytes.data() + 1, x.data(), count * sizeof(T));
  std::vector<void*> buffers = {x_bytes.data() + 1, const_cast<T*>(s.data()),
                                const_cast<T*>(z.data()), m.data()};
  for (auto& result : results) buffers.push_back(result.data() + kPad);

  const auto interpreter = Interpreter::prepare(program, loops);
  REQUIRE(interpreter.ok());
  interpreter->run(buffers.data(), static_cast<std::int64_t>(count), &param);

  std::size_t wrong = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t inputs[] = {ir::encode(kElem, static_cast<double>(x[i])),
                                    ir::encode(kElem, static_cast<double>(s[0])),
                                    ir::encode(kElem, static_cast<double>(z[i])), m[i]};
    const auto expected = ir::evaluate(program.graph, inputs, {&param, 1});
    for (std::size_t k = 0; k < kOutputs; ++k) {
      const unsigned char* at = results[k].data() + kPad;
      std::uint64_t got = 0, want = 0;
      if (program.output_dtypes[k] == Dtype::boolean) {
        got = at[i];
        want = expected[k];
      } else {
        T value;
        std::memcpy(&value, at + i * sizeof(T), sizeof value);
        got = bits_of(value);
        want = bits_of(static_cast<T>(ir::decode(kElem, expected[k])));
      }
      if (got != want && ++wrong == 1)
        UNSCOPED_INFO("element " << i << " output " << k << " x " << std::hex << inputs[0]
                                 << " expected " << want << " got " << got);
    }
  }
  CHECK(wrong == 0);
  for (std::size_t k = 0; k < kOutputs; ++k) {
    const auto size = static_cast<std::ptrdiff_t>(count * size_of(program.output_dtypes[k]) + kPad);
    const auto untouched = [](unsigned char byte) { return byte == 0xa5; };
    CHECK(std::all_of(results[k].begin(), results[k].begin() + static_cast<std::ptrdiff_t>(kPad),
                      untouched));
    CHECK(std::all_of(results[k].begin() + size, results[k].end(), untouched));
  }
}

TEST_CASE("random graphs have the bits of ir::evaluate", "[interpreter]") {
  for (std::uint32_t seed = 1; seed <= 150; ++seed) {
    const Elem compute = seed % 2 == 0 ? Elem::f64 : Elem::f32;
    const auto program = program_of(RandomGraph(compute, seed).make(seed % 5 == 0 ? 400 : 60));
    const std::size_t count = seed % 7 == 0 ? 1100 : seed % 100;
    for (const Loops loops : present_loops()) {
      INFO("seed " << seed << " loops " << static_cast<int>(loops) << " count " << count);
      if (compute == Elem::f64)
        compare<double>(program, loops, count, seed);
      else
        compare<float>(program, loops, count, seed);
    }
  }
}

TEST_CASE("an output may be an input's buffer", "[interpreter]") {
  ir::Graph graph(Elem::f32);
  const ir::Expr x{&graph, graph.add_input("x", {Elem::f32, Extent::element})};
  const ir::Expr z{&graph, graph.add_input("z", {Elem::f32, Extent::element})};
  graph.add_output("sum", (x + z).id);
  graph.add_output("difference", (x - z).id);
  const auto program = program_of(std::move(graph));
  for (const Loops loops : present_loops()) {
    std::vector<float> a(1000), b(1000);
    for (std::size_t i = 0; i < a.size(); ++i)
      a[i] = static_cast<float>(i), b[i] = static_cast<float>(2 * i);
    void* const swapped[] = {a.data(), b.data(), b.data(),
                             a.data()};  // the sum over z, the difference over x
    Interpreter::prepare(program, loops).value().run(swapped, 1000, nullptr);
    for (std::size_t i = 0; i < a.size(); ++i) {
      CHECK(b[i] == static_cast<float>(3 * i));
      CHECK(a[i] == -static_cast<float>(i));
    }
  }
}

TEST_CASE("stored types convert at the edges", "[interpreter]") {
  ir::Graph graph(Elem::f64);
  const ir::Expr x{&graph, graph.add_input("x", {Elem::f64, Extent::element})};
  graph.add_output("y", (x * x).id);
  graph.add_output("seven", graph.constant(7));
  auto program = program_of(std::move(graph));
  program.input_dtypes = {Dtype::f32};
  program.output_dtypes = {Dtype::f32, Dtype::f64};
  for (const Loops loops : present_loops()) {
    const std::array<float, 3> in = {1.1f, -2.0f, 1e30f};
    std::array<float, 3> out{};
    std::array<double, 3> seven{};
    void* const buffers[] = {const_cast<float*>(in.data()), out.data(), seven.data()};
    Interpreter::prepare(program, loops).value().run(buffers, 3, nullptr);
    CHECK(out[0] == static_cast<float>(1.1f * double{1.1f}));
    CHECK(out[1] == 4.0f);
    CHECK(std::isinf(out[2]));
    CHECK(seven == std::array<double, 3>{7, 7, 7});
  }
}

TEST_CASE("what the interpreter cannot run is said", "[interpreter]") {
  ir::Graph graph(Elem::f32);
  const ir::Expr x{&graph, graph.add_input("x", {Elem::f32, Extent::element})};
  graph.add_output("y", (x + x).id);
  auto program = program_of(std::move(graph));
  program.output_dtypes = {Dtype::i8};
  const auto refused = Interpreter::prepare(program);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().status == Status::unsupported);
  CHECK(refused.error().message.find("i8") != std::string::npos);

  // Two thousand values that all live until the last one is made.
  ir::Graph wide(Elem::f32);
  const ir::Expr w{&wide, wide.add_input("x", {Elem::f32, Extent::element})};
  std::vector<ir::Expr> powers = {w};
  for (int i = 0; i < 2000; ++i) powers.push_back(powers.back() * w);
  ir::Expr sum = powers.back();
  for (const ir::Expr power : powers) sum = sum + power;
  wide.add_output("y", sum.id);
  const auto too_wide = Interpreter::prepare(program_of(std::move(wide)));
  REQUIRE_FALSE(too_wide.ok());
  CHECK(too_wide.error().status == Status::limit_exceeded);
}

}  // namespace
}  // namespace sluice::interpreter

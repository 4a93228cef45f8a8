// Calls in pieces: the bits of the call on the whole, wherever it is cut; and what is held of it.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "runtime/piece_call.hpp"
#include "tests/unit/runtime/row_cases.hpp"
#include "tests/unit/runtime/text_runtime.hpp"

namespace sluice {
namespace {

using testing::RowCase;
using testing::RowData;
using Kind = testing::RowOperand::Kind;
using Bytes = std::vector<std::byte>;
using Dims = std::vector<std::int64_t>;

std::size_t bytes_of(const TensorView& view) {
  return static_cast<std::size_t>(view.count()) * size_of(view.dtype);
}

// Runs pieces of `elements` on copies of the slices, each in memory of its own.
Outcome run_pieces(const Kernel& kernel, const std::vector<TensorView>& whole,
                   std::int64_t elements, std::int64_t* pieces = nullptr,
                   const Parallel& parallel = {}) {
  Result<PieceCall> call = PieceCall::make(kernel, whole, {}, elements);
  if (!call.ok()) return call.error();
  if (pieces != nullptr) *pieces = call->pieces();
  for (std::size_t pass = 0; pass < call->passes(); ++pass)
    for (std::int64_t piece = 0; piece < call->pieces(); ++piece) {
      std::vector<Bytes> memory(whole.size());
      std::vector<TensorView> views;
      for (std::size_t k = 0; k < whole.size(); ++k) {
        const PieceCall::Slice slice = call->slice(k, piece);
        TensorView view(static_cast<void*>(nullptr), whole[k].dtype, Shape(slice.shape));
        if (!call->is_sum(k)) {
          auto* const from = static_cast<std::byte*>(whole[k].data) +
                             static_cast<std::size_t>(slice.first) * size_of(whole[k].dtype);
          memory[k].assign(from, from + bytes_of(view));
          view.data = memory[k].data();
        }
        views.push_back(view);
      }
      if (Outcome ok = call->run(pass, piece, views, parallel); !ok.ok()) return ok;
      for (std::size_t k = 0; k < whole.size() && pass + 1 == call->passes(); ++k)
        if (kernel.operands()[k].output && !call->is_sum(k) && !memory[k].empty())
          std::memcpy(static_cast<std::byte*>(whole[k].data) +
                          static_cast<std::size_t>(call->slice(k, piece).first) *
                              size_of(whole[k].dtype),
                      memory[k].data(), memory[k].size());
    }
  call->finish(whole);
  return Unit{};
}

TEST_CASE("pieces have the bits of the whole", "[runtime]") {
  for (const std::string& target : testing::row_targets())
    for (const RowCase& each : testing::row_cases())
      for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::bf16})
        for (const auto& [rows, columns] : std::vector<std::pair<std::int64_t, std::int64_t>>{
                 {1, 1}, {1, 300}, {150, 70}, {2, 5000}, {7, 1}, {0, 5}, {5, 0}}) {
          if (target == "interpreter" && (dtype != Dtype::f32 || columns > 300)) continue;
          RowData data(each, dtype, {rows, columns}, target);
          const std::vector<Bytes> whole = data.whole();
          for (const std::int64_t elements : {1, 64, 1000, 4097, 1000000}) {
            if (elements == 1 && rows * columns > 1000) continue;
            INFO(each.function << " " << name(each.pass) << " " << name(dtype) << " " << rows
                               << " x " << columns << " by " << elements << " " << target);
            const Outcome done = run_pieces(data.code(), data.views(), elements);
            if (!done.ok()) FAIL(done.error().message);
            CHECK(data.outputs() == whole);
            data.wipe();
          }
        }
}

// One kernel's operands, filled with numbers.
struct Tensors {
  Kernel kernel;
  std::vector<Bytes> memory;
  std::vector<TensorView> views;

  Tensors(Runtime& runtime, const KernelSpec& spec) : kernel(compiled_by(runtime, spec)) {
    for (const OperandSpec& each : spec.operands) {
      TensorView view(static_cast<void*>(nullptr), each.dtype, each.shape);
      std::vector<float> numbers(static_cast<std::size_t>(view.count()));
      for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = static_cast<float>((i * 7919 + views.size()) % 1009) / 99 - 5;
      memory.emplace_back(bytes_of(view));
      std::memcpy(memory.back().data(), numbers.data(), memory.back().size());
      view.data = memory.back().data();
      views.push_back(view);
    }
  }
};

void same_by_pieces(Runtime& runtime, const KernelSpec& spec) {
  Tensors whole(runtime, spec), cut(runtime, spec);
  const Outcome called = whole.kernel.call(whole.views);
  if (!called.ok()) FAIL(called.error().message);
  for (const std::int64_t elements : {1, 5, 6, 30, 77, 210, 211, 4000}) {
    const Outcome done = run_pieces(cut.kernel, cut.views, elements);
    if (!done.ok()) FAIL(done.error().message);
    INFO("pieces of " << elements);
    CHECK(cut.memory == whole.memory);
  }
}

constexpr const char* kText = R"(
fn mul(x, b) = x * b
fn scaled(x; k = 2) = k * x
fn gated(gate, up) = gate * 10 + up
fn centred(x, b) = b * x + 0 * row_max(x)
fn whole(x; k = 3) = k * x + 0 * row_max(x)
fn shifted(x, b: row) = (x - b) * row_max(x)
)";

TEST_CASE("pieces of broadcast operands and their gradients", "[runtime]") {
  static Runtime& runtime = runtime_of(kText);
  const Dims shape = {5, 3, 2, 7};
  for (const char* target : {"", "interpreter"})
    for (const Dims& of_b : std::vector<Dims>{{},
                                              {7},
                                              {2, 7},
                                              {2, 1},
                                              {3, 1, 1},
                                              {3, 2, 1},
                                              {3, 1, 7},
                                              {5, 1, 1, 1},
                                              {5, 1, 2, 7},
                                              {5, 3, 1, 1},
                                              {1, 1, 2, 7},
                                              {5, 3, 2, 7}})
      for (const char* function : {"mul", "centred"})
        for (const int axis : {-1, 1, 0}) {
          if (axis != -1 && std::string(function) == "mul") continue;
          INFO(function << " " << of_b.size() << " axis " << axis);
          same_by_pieces(runtime,
                         {.function = function,
                          .pass = backward,
                          .operands = {f32(shape, "x"), f32(of_b, "b"), f32(shape, "grad_y"),
                                       f32(shape, "dx"), f32(of_b, "db")},
                          .axis = axis,
                          .target = target});
        }
}

TEST_CASE("pieces of halves, parameters and values of rows", "[runtime]") {
  static Runtime& runtime = runtime_of(kText);
  for (const char* target : {"", "interpreter"}) {
    for (const int axis : {-1, 1, 0})
      same_by_pieces(runtime,
                     {.function = "gated",
                      .pass = backward,
                      .operands = {f32({6, 4, 10}, "x"), f32({}, "grad_y"), f32({6, 4, 10}, "dx")},
                      .axis = axis,
                      .reduction = Reduction::mean,
                      .split = Split{"x", "up", "gate"},
                      .target = target});
    for (const char* function : {"scaled", "whole"})
      same_by_pieces(runtime, {.function = function,
                               .pass = backward,
                               .operands = {f32({30, 7}, "x"), f32({30, 7}, "grad_y"),
                                            f32({30, 7}, "dx"), f32({}, "dk")},
                               .gradients = {"x", "k"},
                               .target = target});
    for (const Dims& of_b : std::vector<Dims>{{5, 6}, {6}, {5, 1}, {}})
      same_by_pieces(runtime,
                     {.function = "shifted",
                      .pass = backward,
                      .operands = {f32({5, 6, 7}, "x"), f32(of_b, "b"), f32({5, 6, 7}, "grad_y"),
                                   f32({5, 6, 7}, "dx"), f32(of_b, "db")},
                      .target = target});
  }
}

TEST_CASE("a piece is no larger than asked for, or one row", "[runtime]") {
  const RowCase softmax{"softmax", {{"x", Kind::element}, {"y", Kind::element}}};
  std::int64_t pieces = 0;
  const auto pieces_of = [&](std::int64_t rows, std::int64_t columns, std::int64_t elements) {
    RowData data(softmax, Dtype::f32, {rows, columns}, "");
    REQUIRE(run_pieces(data.code(), data.views(), elements, &pieces).ok());
    return pieces;
  };
  CHECK(pieces_of(100, 10, 1000) == 1);
  CHECK(pieces_of(100, 10, 999) == 2);
  CHECK(pieces_of(100, 10, 300) == 4);
  CHECK(pieces_of(100, 10, 1) == 100);
}

TEST_CASE("operands with strides do not come in pieces", "[runtime]") {
  const auto kernel =
      default_runtime().compile({.function = "relu", .operands = {f32({4, 6}), f32({4, 6})}});
  REQUIRE(kernel.ok());
  const TensorView plain(static_cast<void*>(nullptr), Dtype::f32, {4, 6});
  const TensorView turned(static_cast<void*>(nullptr), Dtype::f32, {4, 6}, {1, 4});
  CHECK(PieceCall::make(*kernel, std::vector<TensorView>{plain, plain}, {}, 6).ok());
  const auto refused = PieceCall::make(*kernel, std::vector<TensorView>{turned, plain}, {}, 6);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().status == Status::unsupported);
}

TEST_CASE("pieces over threads, cut within blocks", "[runtime]") {
  const Parallel parallel{3, [](std::size_t count, TaskRef task) {
                            while (count-- > 0) task(count);
                          }};
  for (const RowCase& each : testing::row_cases())
    for (const auto& [rows, columns] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 100001}, {700, 150}, {3, 30001}}) {
      RowData data(each, Dtype::f32, {rows, columns}, "");
      const std::vector<Bytes> whole = data.whole();
      for (const std::int64_t elements : {20000, 30011, 70000}) {
        INFO(each.function << " " << rows << " x " << columns << " by " << elements);
        REQUIRE(run_pieces(data.code(), data.views(), elements, nullptr, parallel).ok());
        CHECK(data.outputs() == whole);
        data.wipe();
      }
    }
}

TEST_CASE("an index that is no column is found in its piece", "[runtime]") {
  const std::vector<float> x(40 * 3, 1);
  std::vector<std::int64_t> target(40, 2);
  target[33] = 3;
  std::vector<float> loss(40);
  const KernelSpec spec{
      .function = "cross_entropy",
      .operands = {f32({40, 3}, "x"), {Dtype::i64, {40}, "target"}, f32({40}, "loss")},
      .check_indices = true};
  std::vector<TensorView> views = {{x.data(), Dtype::f32, {40, 3}},
                                   {target.data(), Dtype::i64, {40}},
                                   {loss.data(), Dtype::f32, {40}}};
  const Kernel kernel = compiled_by(default_runtime(), spec);
  for (const std::int64_t elements : {7, 30, 1000}) {
    const Outcome done = run_pieces(kernel, views, elements);
    REQUIRE(!done.ok());
    CHECK(done.error().message ==
          "the index 3 of 'target' in row 33 is none of the row's 3 columns");
  }
}

}  // namespace
}  // namespace sluice

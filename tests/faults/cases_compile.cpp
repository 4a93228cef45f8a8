// From text to results: runtimes, definitions, kernels of every kind, calls, rows in pieces.
#include <algorithm>
#include <array>
#include <new>

#include <sluice/expr.hpp>

#include "cases.hpp"

namespace faults {
namespace {

constexpr std::size_t kMostElements = 40'000;
float buffers[3][kMostElements];

// The same numbers each time; what is written is not read before.
void fill() {
  for (auto& buffer : buffers)
    for (std::size_t i = 0; i < kMostElements; ++i)
      buffer[i] = static_cast<float>(i * 37 % 64) / 16 - 2;
}

sluice_status make_runtime(Bits&) {
  Runtime runtime;
  return sluice_runtime_create(nullptr, runtime.place());
}

sluice_status define(Bits& bits) {
  Runtime runtime;
  SLUICE_TRY(sluice_runtime_create(nullptr, runtime.place()));
  SLUICE_TRY(sluice_runtime_define(runtime, "fn twice(x; by = 2) = x * by", "twice.slu"));
  SLUICE_TRY(sluice_runtime_define(runtime, "fn more(x) = twice(x) + 1", nullptr));
  return compile_and_call(runtime, {"more", SLUICE_FORWARD, {{8}}}, bits);
}

constexpr std::int64_t kFlat[] = {100};
constexpr std::int64_t kRows[] = {3, 50};
constexpr std::int64_t kLongRows[] = {2, 20'000};

template <sluice_pass pass>
sluice_status elements(Bits& bits) {
  Runtime runtime;
  SLUICE_TRY(sluice_runtime_create(nullptr, runtime.place()));
  return compile_and_call(runtime, {"silu", pass, kFlat}, bits);
}

template <sluice_pass pass>
sluice_status rows(Bits& bits) {
  Runtime runtime;
  SLUICE_TRY(sluice_runtime_create(nullptr, runtime.place()));
  return compile_and_call(runtime, {"softmax", pass, kRows}, bits);
}

// These take a workspace: first the thread's own, then the caller's.
sluice_status long_rows(Bits& bits) {
  Runtime runtime;
  Kernel kernel;
  const Spec spec("log_softmax", SLUICE_BACKWARD, kLongRows);
  SLUICE_TRY(sluice_runtime_create(nullptr, runtime.place()));
  SLUICE_TRY(sluice_runtime_compile(runtime, spec, kernel.place()));
  SLUICE_TRY(call(kernel, spec, bits));
  alignas(64) static unsigned char workspace[1 << 20];
  sluice_call_options options = sluice_call_options_default();
  options.workspace = workspace;
  options.workspace_bytes = sizeof workspace;
  sluice_tensor tensors[3];
  for (std::size_t i = 0; i < 3; ++i)
    tensors[i] = {buffers[i], kLongRows, nullptr, 2, SLUICE_F32, 0};
  fill();
  const sluice_status status = sluice_kernel_call(kernel, tensors, 3, &options);
  bits.add(buffers[2], sizeof buffers[2]);
  sluice_workspaces_release();
  return status;
}

// Of transposed operands, which are copied on the way.
sluice_status strided(Bits& bits) {
  Runtime runtime;
  Kernel kernel;
  const Spec spec("softmax", SLUICE_FORWARD, kRows);
  SLUICE_TRY(sluice_runtime_create(nullptr, runtime.place()));
  SLUICE_TRY(sluice_runtime_compile(runtime, spec, kernel.place()));
  constexpr std::int64_t kTurned[] = {1, 3};
  const sluice_tensor tensors[] = {{buffers[0], kRows, kTurned, 2, SLUICE_F32, 0},
                                   {buffers[1], kRows, nullptr, 2, SLUICE_F32, 0}};
  fill();
  const sluice_status status = sluice_kernel_call(kernel, tensors, 2, nullptr);
  bits.add(buffers[1], sizeof buffers[1]);
  sluice_workspaces_release();
  return status;
}

// A mean, a sum over rows, a check of indices: kernels of several parts.
sluice_status loss(Bits& bits) {
  constexpr std::int64_t kShape[] = {6, 40};
  constexpr std::array<std::int64_t, 6> kTargets = {0, 39, 7, -100, 12, 3};
  const sluice_operand operands[] = {{"x", SLUICE_F32, 2, kShape, 0, 0},
                                     {"target", SLUICE_I64, 1, kShape, 0, 0},
                                     {"loss", SLUICE_F32, 0, nullptr, 0, 0},
                                     {"grad_loss", SLUICE_F32, 0, nullptr, 0, 0},
                                     {"dx", SLUICE_F32, 2, kShape, 0, 0}};
  sluice_spec spec = sluice_spec_default();
  spec.function = "cross_entropy";
  spec.pass = SLUICE_FORWARD_BACKWARD;
  spec.operands = operands;
  spec.operand_count = 5;
  spec.reduction = SLUICE_REDUCTION_MEAN;
  spec.check_indices = 1;
  Runtime runtime;
  Kernel kernel;
  SLUICE_TRY(sluice_runtime_create(nullptr, runtime.place()));
  SLUICE_TRY(sluice_runtime_compile(runtime, &spec, kernel.place()));
  fill();
  auto targets = kTargets;
  float results[2] = {0, 1};
  sluice_tensor tensors[5];
  for (std::size_t i = 0; i < 5; ++i) {
    sluice_operand_info info{};
    info.size = sizeof info;
    SLUICE_TRY(sluice_kernel_operand(kernel, i, &info));
    const auto* const operand =
        std::find_if(std::begin(operands), std::end(operands), [&](const sluice_operand& each) {
          return std::string_view(each.name) == info.name;
        });
    void* const data[] = {buffers[0], targets.data(), &results[0], &results[1], buffers[1]};
    tensors[i] = {
        data[operand - operands], operand->shape, nullptr, operand->rank, operand->dtype, 0};
  }
  const sluice_status status = sluice_kernel_call(kernel, tensors, 5, nullptr);
  bits.add(results, sizeof results);
  bits.add(buffers[1], 240 * sizeof(float));
  sluice_workspaces_release();
  return status;
}

sluice_status pieces(Bits& bits) {
  Runtime runtime;
  Kernel kernel;
  StateKernel streams;
  RowState state, right, sent;
  SLUICE_TRY(sluice_runtime_create(nullptr, runtime.place()));
  SLUICE_TRY(
      sluice_runtime_compile(runtime, Spec("softmax", SLUICE_FORWARD, kLongRows), kernel.place()));
  SLUICE_TRY(sluice_state_kernel_create(kernel, streams.place()));
  sluice_row_state_options options = sluice_row_state_options_default();
  SLUICE_TRY(sluice_row_state_create(streams, &options, state.place()));
  options.first_column = 4096;
  SLUICE_TRY(sluice_row_state_create(streams, &options, right.place()));
  fill();
  constexpr std::int64_t kBlock[] = {4096};
  const sluice_tensor piece{buffers[0], kBlock, nullptr, 1, SLUICE_F32, 0};
  SLUICE_TRY(sluice_row_state_update(state, &piece, 1));
  SLUICE_TRY(sluice_row_state_update(right, &piece, 1));
  static unsigned char bytes[1 << 16];
  std::size_t size = 0;
  SLUICE_TRY(sluice_row_state_save(right, bytes, sizeof bytes, &size));
  SLUICE_TRY(sluice_row_state_load(streams, bytes, size, sent.place()));
  SLUICE_TRY(sluice_row_state_merge(state, sent));
  SLUICE_TRY(sluice_row_state_finish(state, nullptr, 0));
  SLUICE_TRY(sluice_row_state_begin_at(state, 0));
  const sluice_tensor both[] = {piece, {buffers[1], kBlock, nullptr, 1, SLUICE_F32, 0}};
  const sluice_status status = sluice_row_state_write(state, both, 2);
  bits.add(buffers[1], 4096 * sizeof(float));
  return status;
}

// The C++ front end, where memory that can't be had is an exception.
sluice_status expression(Bits& bits) {
  const auto quick = [](auto x) {
    const auto inner = x * sigmoid(1.702 * x);
    return inner * inner + max(inner, -x) / (1.0 + x * x);
  };
  try {
    Runtime runtime;
    SLUICE_TRY(sluice_runtime_create(nullptr, runtime.place()));
    const std::string text = sluice::define_text("quick", quick);
    SLUICE_TRY(sluice_runtime_define(runtime, text.c_str(), nullptr));
    return compile_and_call(runtime, {"quick", SLUICE_FORWARD, kFlat}, bits);
  } catch (const std::bad_alloc&) {
    return SLUICE_OUT_OF_MEMORY;
  }
}

}  // namespace

Spec::Spec(const char* function, sluice_pass pass, std::span<const std::int64_t> shape)
    : spec_(sluice_spec_default()) {
  for (sluice_operand& operand : operands_)
    operand = {nullptr, SLUICE_F32, static_cast<std::int32_t>(shape.size()), shape.data(), 0, 0};
  spec_.function = function;
  spec_.pass = pass;
  spec_.operands = operands_;
  spec_.operand_count = pass == SLUICE_FORWARD ? 2 : 3;
}

sluice_status call(const sluice_kernel* kernel, const Spec& spec, Bits& bits) {
  const sluice_operand& operand = *static_cast<const sluice_spec*>(spec)->operands;
  sluice_tensor tensors[3];
  for (std::size_t i = 0; i < 3; ++i)
    tensors[i] = {buffers[i], operand.shape, nullptr, operand.rank, SLUICE_F32, 0};
  fill();
  const sluice_status status = sluice_kernel_call(kernel, tensors, spec.count(), nullptr);
  bits.add(buffers[spec.count() - 1], sizeof buffers[spec.count() - 1]);
  return status;
}

sluice_status compile_and_call(sluice_runtime* runtime, const Spec& spec, Bits& bits) {
  Kernel kernel;
  SLUICE_TRY(sluice_runtime_compile(runtime, spec, kernel.place()));
  return call(kernel, spec, bits);
}

std::span<const Case> compile_cases() {
  static constexpr Case kCases[] = {
      {"a runtime", make_runtime},
      {"definitions", define},
      {"silu", elements<SLUICE_FORWARD>},
      {"silu, backward", elements<SLUICE_BACKWARD>},
      {"softmax", rows<SLUICE_FORWARD>},
      {"softmax, backward", rows<SLUICE_BACKWARD>},
      {"rows that take a workspace", long_rows},
      {"strides", strided},
      {"a mean loss with its gradient", loss},
      {"rows in pieces", pieces},
      {"a C++ expression", expression},
  };
  return kCases;
}

}  // namespace faults

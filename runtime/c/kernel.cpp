// Kernels of the C interface: what they are, and their calls.
#include <sluice/kernel.hpp>

#include <algorithm>
#include <limits>
#include <span>
#include <string>

#include "runtime/c/boundary.hpp"
#include "runtime/c/tensor.hpp"
#include "runtime/kernel_state.hpp"

using namespace sluice;

namespace {

constexpr std::size_t kOptionsSize = SLUICE_SIZE_UP_TO(sluice_call_options, parallel);

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

Error misuse(std::string message) { return {Status::invalid_argument, std::move(message)}; }

Error no_such(const char* what, std::size_t index, std::size_t count) {
  return misuse("there is no " + std::string(what) + " " + std::to_string(index) + " of " +
                std::to_string(count));
}

// The caller's loop as the C++ interface calls it; what it refers to fits into the function object.
Parallel parallel_of(const sluice_parallel& given) {
  Parallel parallel;
  parallel.threads = given.threads;
  parallel.for_each = [&given](std::size_t count, TaskRef task) {
    given.for_each(
        given.context, count,
        [](void* own, std::size_t index) { (*static_cast<const TaskRef*>(own))(index); }, &task);
  };
  return parallel;
}

Outcome call(const Kernel& kernel, std::span<const TensorView> operands,
             const sluice_call_options& options) {
  if (options.params == nullptr && options.param_count > 0)
    return c::null("the list of parameters");
  const std::span params(options.params, options.param_count);
  const std::span workspace(static_cast<std::byte*>(options.workspace),
                            options.workspace == nullptr ? 0 : options.workspace_bytes);
  const sluice_parallel* threads = options.parallel;
  if (threads == nullptr || threads->threads <= 1) return kernel.call(operands, params, workspace);
  if (threads->for_each == nullptr) return c::null("the loop over the caller's threads");
  return kernel.call(operands, params, parallel_of(*threads), workspace);
}

// Whether run_rows() serves the kernel: all operands are the code's own.
bool has_plain_operands(const KernelState& state) {
  const auto& all = state.spec->arguments;
  return std::all_of(all.begin(), all.end(),
                     [](const Argument& each) { return each.way == Way::direct && !each.single; });
}

}  // namespace

extern "C" {

sluice_status sluice_kernel_retain(const sluice_kernel* kernel, sluice_kernel** own) {
  if (own != nullptr) *own = nullptr;
  return c::guarded([&]() -> Outcome {
    if (kernel == nullptr) return c::null("the kernel");
    if (own == nullptr) return c::null("the place for the kernel");
    return c::give_kernel(own, c::of(kernel));
  });
}

void sluice_kernel_release(sluice_kernel* kernel) { delete reinterpret_cast<Kernel*>(kernel); }

int32_t sluice_kernel_same(const sluice_kernel* a, const sluice_kernel* b) {
  if (a == nullptr || b == nullptr) return a == b ? 1 : 0;
  return c::of(a).same_as(c::of(b)) ? 1 : 0;
}

sluice_status sluice_kernel_describe(const sluice_kernel* kernel, sluice_kernel_info* info) {
  return c::guarded([&]() -> Outcome {
    if (kernel == nullptr) return c::null("the kernel");
    const Kernel& from = c::of(kernel);
    const Promise promise = from.promise();
    sluice_kernel_info to{};
    to.function = from.function().data();  // a whole string of the program's
    to.pass = static_cast<sluice_pass>(from.pass());
    to.compute_type = static_cast<sluice_dtype>(from.compute_type());
    to.rung = static_cast<sluice_rung>(from.rung());
    to.plain = from.plain() ? 1 : 0;
    to.row_wise = from.row_wise() ? 1 : 0;
    to.checked = promise.checked ? 1 : 0;
    to.rung_reason = KernelState::of(from).rung_reason.c_str();
    to.forward_ulp = promise.forward_ulp.value_or(kNone);
    to.derivative_ulp = promise.derivative_ulp.value_or(kNone);
    to.accuracy = promise.accuracy;
    to.operand_count = from.operands().size();
    to.passed_count = from.passed_parameters().size();
    to.code = from.code().data();
    to.first_code_bytes = from.code().size();
    to.code_bytes = from.code_bytes();
    to.bytes = from.bytes();
    return c::give(info, to, "the kernel info");
  });
}

sluice_status sluice_kernel_operand(const sluice_kernel* kernel, size_t index,
                                    sluice_operand_info* info) {
  return c::guarded([&]() -> Outcome {
    if (kernel == nullptr) return c::null("the kernel");
    const auto all = c::of(kernel).operands();
    if (index >= all.size()) return no_such("operand", index, all.size());
    const OperandInfo& from = all[index];
    sluice_operand_info to{};
    to.name = from.name.c_str();
    to.dtype = static_cast<sluice_dtype>(from.dtype);
    to.output = from.output ? 1 : 0;
    to.scalar = from.scalar ? 1 : 0;
    to.per_row = from.per_row ? 1 : 0;
    if (from.quantisation) {
      to.scale = from.quantisation->scale;
      to.zero_point = from.quantisation->zero_point;
    }
    return c::give(info, to, "the operand info");
  });
}

sluice_status sluice_kernel_passed(const sluice_kernel* kernel, size_t index, const char** name) {
  return c::guarded([&]() -> Outcome {
    if (kernel == nullptr) return c::null("the kernel");
    if (name == nullptr) return c::null("the place for the name");
    const auto all = c::of(kernel).passed_parameters();
    if (index >= all.size()) return no_such("passed parameter", index, all.size());
    *name = all[index].c_str();
    return Unit{};
  });
}

sluice_status sluice_kernel_text(const sluice_kernel* kernel, const char* what, char** text) {
  if (text != nullptr) *text = nullptr;
  return c::guarded([&]() -> Outcome {
    if (kernel == nullptr) return c::null("the kernel");
    if (what == nullptr) return c::null("the name of the text");
    if (text == nullptr) return c::null("the place for the text");
    const std::string_view wanted = what;
    if (wanted == "target") return c::give_text(text, c::of(kernel).target());
    if (wanted == "key") return c::give_text(text, c::of(kernel).key_text());
    const auto made = c::of(kernel).text(wanted);
    return made.ok() ? c::give_text(text, *made) : Outcome(made.error());
  });
}

sluice_status sluice_kernel_call(const sluice_kernel* kernel, const sluice_tensor* operands,
                                 size_t count, const sluice_call_options* options) {
  return c::guarded([&]() -> Outcome {
    if (kernel == nullptr) return c::null("the kernel");
    c::Views views;
    if (Outcome ok = views.set(operands, count); !ok.ok()) return ok;
    if (options == nullptr) return c::of(kernel).call(views.all());
    const auto known =
        c::read(options, sluice_call_options_default(), kOptionsSize, "the call's options");
    return known.ok() ? call(c::of(kernel), views.all(), *known) : Outcome(known.error());
  });
}

sluice_status sluice_kernel_call_workspace(const sluice_kernel* kernel,
                                           const sluice_tensor* operands, size_t count,
                                           size_t threads, size_t* bytes) {
  return c::guarded([&]() -> Outcome {
    if (kernel == nullptr) return c::null("the kernel");
    if (bytes == nullptr) return c::null("the place for the size");
    c::Views views;
    if (Outcome ok = views.set(operands, count); !ok.ok()) return ok;
    *bytes = 0;
    const auto needed = workspace_of_call(c::of(kernel), views.all(), std::max<size_t>(threads, 1));
    if (!needed.ok()) return needed.error();
    *bytes = *needed;
    return Unit{};
  });
}

sluice_status sluice_kernel_run(const sluice_kernel* kernel, void* const* buffers, int64_t count,
                                const uint64_t* params) {
  if (kernel == nullptr || buffers == nullptr)
    return c::fail(Status::invalid_argument, "the kernel or the list of buffers is NULL");
  const KernelState& state = KernelState::of(c::of(kernel));
  if (!state.plain)
    return c::fail(Status::invalid_argument,
                   "the kernel is not plain: sluice_kernel_call() takes all kernels");
  if (count < 0) return c::fail(Status::invalid_argument, "the count is negative");
  if (params == nullptr && !state.passed.empty())
    return c::fail(Status::invalid_argument, "the kernel has parameters, and they are NULL");
  c::of(kernel).run(buffers, count, params);
  return SLUICE_OK;
}

sluice_status sluice_kernel_run_rows(const sluice_kernel* kernel, void* const* buffers,
                                     const sluice_row_extent* extent, void* workspace,
                                     const uint64_t* params) {
  if (kernel == nullptr || buffers == nullptr || extent == nullptr ||
      extent->row_steps == nullptr || extent->column_steps == nullptr)
    return c::fail(Status::invalid_argument,
                   "the kernel, the list of buffers, the extent or its steps are NULL");
  const KernelState& state = KernelState::of(c::of(kernel));
  if (!state.rows || !has_plain_operands(state))
    return c::fail(Status::invalid_argument,
                   "the kernel is not of plain rows: sluice_kernel_call() takes all kernels");
  if (extent->rows < 0 || extent->columns < 0 || extent->columns > kMaxColumns)
    return c::fail(Status::invalid_argument, "there are no rows of that extent");
  if (workspace == nullptr && c::of(kernel).workspace_bytes(extent->columns) > 0)
    return c::fail(Status::invalid_argument, "the kernel needs a workspace, and it is NULL");
  if (params == nullptr && !state.passed.empty())
    return c::fail(Status::invalid_argument, "the kernel has parameters, and they are NULL");
  const RowExtent rows{extent->rows,         extent->columns,   extent->row_steps,
                       extent->column_steps, extent->row_index, extent->row_index_step};
  c::of(kernel).run_rows(buffers, rows, workspace, params);
  return SLUICE_OK;
}

sluice_status sluice_kernel_row_workspace(const sluice_kernel* kernel, int64_t columns,
                                          size_t* bytes) {
  return c::guarded([&]() -> Outcome {
    if (kernel == nullptr) return c::null("the kernel");
    if (bytes == nullptr) return c::null("the place for the size");
    if (columns < 0 || columns > kMaxColumns)
      return misuse("there are no rows of " + std::to_string(columns) + " columns");
    *bytes = c::of(kernel).workspace_bytes(columns);
    return Unit{};
  });
}

sluice_status sluice_kernel_slot(const sluice_kernel* kernel, double value, uint64_t* slot) {
  return c::guarded([&]() -> Outcome {
    if (kernel == nullptr) return c::null("the kernel");
    if (slot == nullptr) return c::null("the place for the slot");
    *slot = c::of(kernel).slot(value);
    return Unit{};
  });
}

}  // extern "C"

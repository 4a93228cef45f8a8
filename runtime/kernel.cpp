#include <sluice/kernel.hpp>

#include <algorithm>
#include <bit>
#include <utility>

#include <sluice/version.hpp>

#include "compiler/driver/compile.hpp"
#include "dsl/stamp.hpp"
#include "runtime/kernel_state.hpp"
#include "runtime/key.hpp"

namespace sluice {

std::string_view name(Rung rung) {
  switch (rung) {
    case Rung::x64: return "x64";
    case Rung::llvm: return "llvm";
    case Rung::interpreter: return "interpreter";
  }
  return "";
}

Kernel::Kernel(std::shared_ptr<const KernelState> state) : state_(std::move(state)) {
  // An address of code is a function's; that they convert is what the system's loaders rely on as
  // well.
  if (!state_->rows && !state_->code.empty())
    entry_ =
        reinterpret_cast<Entry>(reinterpret_cast<std::uintptr_t>(state_->code.front()->entry()));
}

void Kernel::interpret(void* const* buffers, std::int64_t count,
                       const std::uint64_t* params) const {
  state_->interpreter->run(buffers, count, params);
}

schedule::RowCall KernelState::row_call(void* const* buffers, const RowExtent& extent,
                                        void* workspace, const std::uint64_t* params) {
  schedule::RowCall call;
  call.buffers = buffers;
  call.params = params;
  call.rows = extent.rows;
  call.columns = extent.columns;
  call.row_steps = extent.row_steps;
  call.column_steps = extent.column_steps;
  call.row_index = extent.row_index;
  call.row_index_step = extent.row_index_step;
  call.workspace = workspace;
  return call;
}

void Kernel::run_rows(void* const* buffers, const RowExtent& extent, void* workspace,
                      const std::uint64_t* params) const {
  state_->rows->run(KernelState::row_call(buffers, extent, workspace, params));
}

Outcome Kernel::call(std::span<const TensorView> operands, std::span<const double> params,
                     std::span<std::byte> workspace) const {
  return checked_call(*this, operands, params, {workspace, nullptr});
}

Outcome Kernel::call(std::span<const TensorView> operands, std::span<const double> params,
                     const Parallel& parallel, std::span<std::byte> workspace) const {
  return checked_call(*this, operands, params, {workspace, &parallel});
}

std::size_t Kernel::workspace_bytes(std::int64_t columns) const {
  return state_->rows ? state_->rows->workspace_bytes(columns) : 0;
}

std::size_t Kernel::workspace_bytes(std::span<const TensorView> operands,
                                    std::size_t threads) const {
  const auto bytes = workspace_of_call(*this, operands, threads);
  return bytes.ok() ? *bytes : 0;
}

bool Kernel::plain() const { return state_->plain; }
bool Kernel::row_wise() const { return state_->spec->row.has_value(); }

std::uint64_t Kernel::slot(double value) const {
  if (compute_type() == Dtype::f64) return std::bit_cast<std::uint64_t>(value);
  return std::bit_cast<std::uint32_t>(static_cast<float>(value));
}

std::span<const OperandInfo> Kernel::operands() const { return state_->operands; }
std::span<const std::string> Kernel::passed_parameters() const { return state_->passed; }

std::string_view Kernel::function() const { return state_->spec->definition_text().name; }
Pass Kernel::pass() const { return state_->spec->pass; }
Dtype Kernel::compute_type() const { return state_->spec->compute_type(); }

// The text's promise is for f32. A passed parameter's value is not known here: it may leave its
// range.
Promise Kernel::promise() const {
  const dsl::FunctionDef& function = state_->spec->definition_text();
  Promise promise;
  const auto& all = state_->operands;
  const bool narrow = std::all_of(all.begin(), all.end(),
                                  [](const OperandInfo& each) { return each.dtype != Dtype::f64; });
  if (!function.attributes.ulp || !narrow) return promise;
  promise.forward_ulp = function.attributes.ulp->forward;
  promise.derivative_ulp = function.attributes.ulp->derivative;
  // Of the derivative as a function of the stored output.
  constexpr double kSavedOutputUlp = 2;
  for (const driver::Operand& operand : state_->spec->operands)
    if (operand.role == driver::Role::saved_output) promise.derivative_ulp = kSavedOutputUlp;
  const dsl::Program& program = *state_->spec->program;
  const numerics::Grade grade = state_->spec->grade;
  // A stamp says nothing of cheaper kernels, nor of those without fma.
  promise.checked =
      function.from_library ||
      (grade == numerics::Grade::full && state_->spec->target.family == Family::fma &&
       dsl::has_stamp(program.source(function.place.file).text(), function, kVersion));
  promise.accuracy = numerics::info(grade).bound;
  promise.forward_ulp = std::max(*promise.forward_ulp, promise.accuracy * 0x1p23);
  promise.derivative_ulp = std::max(*promise.derivative_ulp, promise.accuracy * 0x1p23);
  const double factor = bound_factor(state_->spec->target.family);
  promise.accuracy *= factor;
  *promise.forward_ulp *= factor;
  *promise.derivative_ulp *= factor;
  for (const dsl::Range& range : function.attributes.ranges)
    if (range.of_parameter && !state_->spec->params[range.target].baked) promise.checked = false;
  return promise;
}

std::string Kernel::target() const {
  switch (rung()) {
    case Rung::x64: return to_string(state_->spec->target);
    case Rung::llvm: return "llvm";
    case Rung::interpreter: return to_string(Target{.family = state_->spec->target.family});
  }
  return {};
}

Rung Kernel::rung() const { return state_->rung; }
std::string_view Kernel::rung_reason() const { return state_->rung_reason; }
std::size_t Kernel::code_bytes() const { return state_->code_bytes; }
std::size_t Kernel::bytes() const { return state_->bytes; }

std::span<const std::uint8_t> Kernel::code() const {
  return state_->code.empty() ? std::span<const std::uint8_t>() : state_->code.front()->bytes();
}

std::string Kernel::key_text() const { return sluice::key_text(*state_->spec); }

Result<std::string> Kernel::text(std::string_view step) const {
  const auto known = driver::step_from_name(step);
  if (!known)
    return Error{Status::unknown_name, "there is no step '" + std::string(step) + "' to show"};
  return driver::show(state_->spec->request(), *known);
}

}  // namespace sluice

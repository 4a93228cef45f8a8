// The streamed form of a row kernel: the same spec, compiled for rows that come in pieces.
#include "runtime/state_kernel.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/key.hpp"

namespace sluice {
namespace {

Error invalid(std::string message) { return {Status::invalid_argument, std::move(message)}; }

Outcome check_kernel(const Kernel& kernel, const ResolvedSpec& spec) {
  const std::string named = "'" + std::string(kernel.function()) + "'";
  if (!spec.row) return invalid(named + " is elementwise: it has no rows that could have states");
  for (const Argument& argument : spec.arguments)
    if (argument.way != Way::direct || argument.single)
      return invalid("the kernel of " + named +
                     " reduces an output or splits an input: compile one without, whose states "
                     "give every row's output");
  if (spec.accumulate)
    for (const driver::Operand& operand : spec.operands)
      if (operand.role == driver::Role::input_gradient &&
          lacks_axis(spec.definition_text(), operand))
        return Error{Status::unsupported, "'" + operand_name(spec.definition_text(), operand) +
                                              "' is one value a row, which states do not add to "
                                              "what its buffer holds: compile a kernel without "
                                              "'accumulate'"};
  if (spec.check_indices)
    return Error{Status::unsupported, "states do not check indices, which the kernel of " + named +
                                          " was asked to: compile one that does not"};
  if (spec.row->across)
    return Error{Status::unsupported,
                 "the elements of the kernel's rows do not lie next to each other: compile a "
                 "kernel for the innermost axis"};
  return Unit{};
}

void sort_operands(StateKernel::Impl& impl) {
  const ResolvedSpec& spec = *impl.state.spec;
  for (std::size_t k = 0; k < spec.operands.size(); ++k) {
    const driver::Operand& operand = spec.operands[k];
    if (driver::is_source(operand.role))
      (operand.extent == ir::Extent::element ? impl.streamed : impl.still).push_back(k);
    else
      (impl.state.operands[k].per_row ? impl.row_outputs : impl.written).push_back(k);
  }
}

}  // namespace

std::uint64_t checksum(std::span<const std::byte> bytes, std::uint64_t seed) {
  for (const std::byte each : bytes)
    seed = (seed ^ std::to_integer<std::uint64_t>(each)) * 0x100000001b3u;
  return seed;
}

Result<StateKernel> StateKernel::make(const Kernel& kernel) {
  const KernelState& whole = KernelState::of(kernel);
  if (Outcome ok = check_kernel(kernel, *whole.spec); !ok.ok()) return ok.error();
  auto spec = std::make_shared<ResolvedSpec>(*whole.spec);
  spec->row = driver::RowShape{false, false, 0, true};
  seal(*spec);
  auto streamed = KernelState::build(spec, whole.home);
  if (!streamed.ok()) return streamed.error();
  auto impl = std::make_shared<Impl>(std::move(streamed).value());
  sort_operands(*impl);
  if (impl->streamed.empty())
    return Error{Status::unsupported, "'" + std::string(kernel.function()) +
                                          "' has no input of one value an element to stream"};
  impl->sizes = impl->rows().sizes();
  for (std::size_t phase = 0; phase < impl->sizes.phases; ++phase)
    if (impl->rows().reads_columns(phase)) impl->phases.push_back(phase);
  impl->levels = impl->phases.size() - (impl->written.empty() ? 0 : 1);
  const std::string_view rung = name(impl->kernel.rung());
  impl->fingerprint =
      checksum(std::as_bytes(std::span(spec->words)), checksum(std::as_bytes(std::span(rung))));
  return StateKernel(std::move(impl));
}

std::span<const OperandInfo> StateKernel::operands() const { return impl_->kernel.operands(); }
std::size_t StateKernel::levels() const { return impl_->levels; }
bool StateKernel::writes() const { return !impl_->written.empty(); }
std::size_t StateKernel::code_bytes() const { return impl_->kernel.code_bytes(); }

std::vector<std::int64_t> shard_bounds(std::int64_t columns, std::size_t ranks) {
  constexpr std::int64_t kBlock = schedule::kBlockColumns;
  const std::int64_t whole_blocks = columns / kBlock;
  const auto count = static_cast<std::int64_t>(ranks);
  std::vector<std::int64_t> bounds;
  for (std::int64_t rank = 0; rank < count; ++rank) {
    // columns * rank / count, without overflow.
    const std::int64_t even = columns / count * rank + columns % count * rank / count;
    bounds.push_back(kBlock * std::min((even + kBlock / 2) / kBlock, whole_blocks));
  }
  bounds.push_back(columns);
  return bounds;
}

}  // namespace sluice

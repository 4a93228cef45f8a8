#include "tools/run_buffers.hpp"

#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace sluice::tools {
namespace {

// A flat plan's elements are those of the result, others have the operand's own shape.
OperandStream stream_of(const RunPlan& plan, Source source, Dtype dtype, const Shape& shape) {
  if (plan.flat) return {std::move(source), dtype, plan.result};
  source.reshape(shape);
  return {std::move(source), dtype, shape};
}

// Memory that is not there is often granted, and the program ended when it is used.
Outcome check_memory(std::size_t bytes) {
  const auto pages = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES));
  if (bytes / static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) < pages) return Unit{};
  return Error{Status::out_of_memory,
               fmt::format("{} bytes must be held at a time, of a row or of sums, and this machine "
                           "has less memory",
                           bytes)};
}

}  // namespace

Result<RunBuffers> RunBuffers::open(RunPlan& plan, const Kernel& kernel) {
  Result<RunSinks> sinks = RunSinks::open(plan.outputs);
  if (!sinks) return sinks.error();
  RunBuffers made(std::move(sinks).value());
  for (const OperandInfo& info : kernel.operands()) {
    Operand operand;
    Shape shape;
    for (RunInput& input : plan.inputs) {
      if (info.output || input.name != info.name) continue;
      shape = input.source.shape();
      operand.from = stream_of(plan, std::move(input.source), input.dtype, shape);
    }
    for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
      RunOutput& output = plan.outputs[i];
      if (!info.output || output.name != info.name) continue;
      shape = output.operand;
      operand.sink = i;
      if (output.held) operand.from = stream_of(plan, std::move(*output.held), output.dtype, shape);
    }
    made.operands_.push_back(std::move(operand));
    made.whole_.emplace_back(static_cast<void*>(nullptr), info.dtype, shape);
  }
  return made;
}

Outcome RunBuffers::fill(std::size_t k, std::int64_t first, std::int64_t count) {
  Operand& operand = operands_[k];
  if (!operand.sink && first == operand.first && count == operand.count) return Unit{};
  operand.first = first;
  operand.count = count;
  const std::size_t bytes = static_cast<std::size_t>(count) * size_of(whole_[k].dtype);
  if (bytes > operand.elements.size()) {
    if (Outcome enough = check_memory(bytes); !enough) return enough;
    operand.elements.resize(bytes);
  }
  return operand.from ? operand.from->fill(first, count, operand.elements) : Outcome(Unit{});
}

TensorView RunBuffers::view(std::size_t k, std::span<const std::int64_t> shape) {
  return {operands_[k].elements.data(), whole_[k].dtype, shape};
}

Outcome RunBuffers::put(std::size_t k) {
  const Operand& operand = operands_[k];
  const std::size_t bytes = static_cast<std::size_t>(operand.count) * size_of(whole_[k].dtype);
  return sinks_.put(*operand.sink, std::span<const std::byte>(operand.elements).first(bytes));
}

Result<std::vector<RunSinks::Bytes>> RunBuffers::publish() && {
  return std::move(sinks_).publish();
}

}  // namespace sluice::tools

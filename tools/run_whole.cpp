#include "tools/run_whole.hpp"

#include <utility>

#include "tools/npy.hpp"

namespace sluice::tools {
namespace {

using Bytes = std::vector<std::byte>;

std::size_t bytes_of(const Shape& shape, Dtype dtype) {
  return static_cast<std::size_t>(element_count(shape)) * size_of(dtype);
}

Result<Bytes> read_all(Source source, Dtype dtype, const Shape& shape) {
  Bytes elements(bytes_of(shape, dtype));
  source.reshape(shape);
  OperandStream stream(std::move(source), dtype, shape);
  if (Outcome filled = stream.fill(0, element_count(shape), elements); !filled)
    return filled.error();
  return elements;
}

struct Tensor {
  std::string name;
  Dtype dtype;
  Shape shape;
  Bytes elements;
};

Outcome publish(const RunPlan& plan, std::vector<Tensor>& outputs) {
  std::vector<NpyWriter> files;
  for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
    if (plan.outputs[i].path.empty()) continue;
    Result<NpyWriter> file =
        NpyWriter::create(plan.outputs[i].path, outputs[i].dtype, plan.outputs[i].shape);
    if (!file) return file.error();
    if (Outcome written = file->append(outputs[i].elements); !written) return written;
    if (Outcome finished = file->finish(); !finished) return finished;
    files.push_back(std::move(file).value());
    outputs[i].elements.clear();
  }
  for (NpyWriter& file : files)
    if (Outcome published = file.publish(); !published) return published;
  return Unit{};
}

}  // namespace

Result<std::vector<Bytes>> run_whole(RunPlan plan, const Kernel& kernel, const Parallel& parallel) {
  std::vector<Tensor> inputs, outputs;
  for (RunInput& input : plan.inputs) {
    const Shape shape = input.source.shape();
    Result<Bytes> elements = read_all(std::move(input.source), input.dtype, shape);
    if (!elements) return elements.error();
    inputs.push_back({input.name, input.dtype, shape, std::move(elements).value()});
  }
  for (RunOutput& output : plan.outputs) {
    Bytes elements(bytes_of(output.operand, output.dtype));
    if (output.held) {
      Result<Bytes> held = read_all(std::move(*output.held), output.dtype, output.operand);
      if (!held) return held.error();
      elements = std::move(held).value();
    }
    outputs.push_back({output.name, output.dtype, output.operand, std::move(elements)});
  }
  // In the kernel's own order; memory without elements is never looked at.
  std::vector<TensorView> views;
  for (const OperandInfo& operand : kernel.operands())
    for (Tensor& tensor : operand.output ? outputs : inputs)
      if (tensor.name == operand.name)
        views.push_back({tensor.elements.data(), tensor.dtype, tensor.shape});
  if (Outcome called = kernel.call(views, {}, parallel); !called) return called.error();
  if (Outcome published = publish(plan, outputs); !published) return published.error();
  std::vector<Bytes> kept;
  for (Tensor& output : outputs) kept.push_back(std::move(output.elements));
  return kept;
}

}  // namespace sluice::tools

#include "tools/accuracy/kernel.hpp"

#include <utility>

#include "compiler/driver/compile.hpp"
#include "support/half.hpp"
#include "support/target.hpp"

namespace sluice::accuracy {
namespace {

driver::Request request_for(const Subject& subject) {
  const dsl::FunctionDef& definition = subject.definition();
  const Dtype dtype = subject.dtype();
  driver::Request request;
  request.program = subject.program;
  request.function = subject.function;
  request.grade = subject.grade;
  request.family = subject.family;
  request.pass = subject.derived_by ? Pass::backward : Pass::forward;
  const auto add = [&](driver::Role role, std::size_t index, ir::Extent extent) {
    request.operands.push_back({role, static_cast<std::uint32_t>(index), dtype, extent});
  };
  for (std::size_t i = 0; i < definition.inputs.size(); ++i)
    add(driver::Role::input, i, ir::Extent::element);
  if (subject.derived_by) {
    add(driver::Role::output_gradient, subject.output, ir::Extent::scalar);
    add(driver::Role::input_gradient, *subject.derived_by, ir::Extent::element);
  } else {
    add(driver::Role::output, subject.output, ir::Extent::element);
  }
  for (std::size_t i = 0; i < definition.parameters.size(); ++i)
    request.params.push_back(
        {subject.params.empty() ? definition.parameters[i].default_value : subject.params[i],
         true});
  return request;
}

}  // namespace

Result<SubjectKernel> SubjectKernel::compile(const Subject& subject) {
  const Result<driver::Compiled> compiled = driver::compile(request_for(subject));
  if (!compiled.ok()) return compiled.error();
  const bool backward = subject.derived_by.has_value();
  if (const auto emitted = driver::emit(compiled->program, host_target()); emitted.ok())
    if (auto code = object::CodeLoader(CodeTools{}).load(*emitted); code.ok())
      return SubjectKernel(std::move(*code), subject.dtype(), backward);
  Result<interpreter::Interpreter> kernel = interpreter::Interpreter::prepare(compiled->program);
  if (!kernel.ok()) return kernel.error();
  return SubjectKernel(std::move(*kernel), subject.dtype(), backward);
}

void SubjectKernel::run(void* const* buffers, std::size_t count) const {
  const auto elements = static_cast<std::int64_t>(count);
  if (const auto* const kernel = std::get_if<interpreter::Interpreter>(&code_))
    return kernel->run(buffers, elements, nullptr);
  const void* const entry = std::get<object::CodeHandle>(code_)->entry();
  reinterpret_cast<schedule::KernelEntry>(reinterpret_cast<std::uintptr_t>(entry))(
      buffers, elements, nullptr);
}

template <typename T>
void SubjectKernel::run_as(std::span<const std::vector<double>> inputs, std::size_t count,
                           std::vector<double>& out) const {
  std::vector<std::vector<T>> buffers;
  for (const std::vector<double>& input : inputs) {
    std::vector<T>& buffer = buffers.emplace_back(count);
    for (std::size_t i = 0; i < count; ++i) buffer[i] = static_cast<T>(input[i]);
  }
  if (backward_) buffers.emplace_back(1, static_cast<T>(1.0));
  buffers.emplace_back(count);
  std::vector<void*> pointers;
  for (std::vector<T>& buffer : buffers) pointers.push_back(buffer.data());
  run(pointers.data(), count);
  out.resize(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<double>(buffers.back()[i]);
}

void SubjectKernel::run(std::span<const std::vector<double>> inputs, std::size_t count,
                        std::vector<double>& out) const {
  if (dtype_ == Dtype::f16) return run_as<F16>(inputs, count, out);
  if (dtype_ == Dtype::bf16) return run_as<BF16>(inputs, count, out);
  if (dtype_ == Dtype::f32) return run_as<float>(inputs, count, out);
  run_as<double>(inputs, count, out);
}

void SubjectKernel::run(std::span<const float> input, std::span<float> out) const {
  const float gradient = 1;
  const auto mutable_pointer = [](const float* data) {
    return static_cast<void*>(const_cast<float*>(data));  // inputs are only read
  };
  std::vector<void*> pointers{mutable_pointer(input.data())};
  if (backward_) pointers.push_back(mutable_pointer(&gradient));
  pointers.push_back(out.data());
  run(pointers.data(), input.size());
}

}  // namespace sluice::accuracy

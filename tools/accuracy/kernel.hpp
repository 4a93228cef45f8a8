// A subject's kernel, run by the interpreter: what is measured. All back ends have its bits.
#pragma once

#include <span>
#include <vector>

#include <sluice/status.hpp>

#include "compiler/backend/interpreter/interpreter.hpp"
#include "tools/accuracy/reference.hpp"

namespace sluice::accuracy {

class SubjectKernel {
 public:
  // `unsupported` where the compiler has no kernel for it yet.
  [[nodiscard]] static Result<SubjectKernel> compile(const Subject& subject);

  // Inputs one after the other, `count` numbers each, already of the operands' type; for a
  // derivative the incoming gradient is 1.
  void run(std::span<const std::vector<double>> inputs, std::size_t count,
           std::vector<double>& out) const;
  // The same for one f32 input, as many results as numbers.
  void run(std::span<const float> input, std::span<float> out) const;

 private:
  SubjectKernel(interpreter::Interpreter kernel, Dtype dtype, bool backward)
      : kernel_(std::move(kernel)), dtype_(dtype), backward_(backward) {}

  interpreter::Interpreter kernel_;
  Dtype dtype_;
  bool backward_;
};

}  // namespace sluice::accuracy

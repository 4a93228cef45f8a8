// A subject's kernel: what is measured. As machine code where this processor can run some, else by
// the interpreter: all back ends have the same bits.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include <sluice/status.hpp>

#include "compiler/backend/interpreter/interpreter.hpp"
#include "compiler/object/load_code.hpp"
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
  using Code = std::variant<object::CodeHandle, interpreter::Interpreter>;
  SubjectKernel(Code code, Dtype dtype, bool backward)
      : code_(std::move(code)), dtype_(dtype), backward_(backward) {}

  void run(void* const* buffers, std::size_t count) const;
  template <typename T>
  void run_as(std::span<const std::vector<double>> inputs, std::size_t count,
              std::vector<double>& out) const;

  Code code_;
  Dtype dtype_;
  bool backward_;
};

}  // namespace sluice::accuracy

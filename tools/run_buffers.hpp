// The operands of a run's kernel: of each the elements at hand, and where the rest comes from or
// goes to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <sluice/kernel.hpp>
#include <sluice/status.hpp>
#include <sluice/tensor.hpp>

#include "tools/operand.hpp"
#include "tools/run_plan.hpp"
#include "tools/run_sinks.hpp"

namespace sluice::tools {

// By the kernel's operands, in its order.
class RunBuffers {
 public:
  // Takes the plan's sources. Errors: io_error.
  [[nodiscard]] static Result<RunBuffers> open(RunPlan& plan, const Kernel& kernel);

  [[nodiscard]] std::size_t size() const { return operands_.size(); }
  [[nodiscard]] bool is_output(std::size_t k) const { return operands_[k].sink.has_value(); }
  // Views of the whole operands, without memory.
  [[nodiscard]] std::span<const TensorView> whole() const { return whole_; }

  // Elements `first`, `first` + 1, ... (of a flat plan the result's) are at hand: an input's, those
  // that an output is added to, or for other outputs room. Errors: io_error; out_of_memory where no
  // machine like this could hold them.
  [[nodiscard]] Outcome fill(std::size_t k, std::int64_t first, std::int64_t count);
  // The elements at hand, under a shape.
  [[nodiscard]] TensorView view(std::size_t k, std::span<const std::int64_t> shape);
  // An output's elements at hand, which follow those before, go to their place.
  [[nodiscard]] Outcome put(std::size_t k);

  // Everything has been put: as RunSinks has it.
  [[nodiscard]] Result<std::vector<RunSinks::Bytes>> publish() &&;

 private:
  struct Operand {
    std::optional<OperandStream> from = {};
    std::optional<std::size_t> sink = {};
    std::vector<std::byte> elements = {};
    std::int64_t first = 0, count = -1;  // at hand
  };

  explicit RunBuffers(RunSinks sinks) : sinks_(std::move(sinks)) {}

  std::vector<Operand> operands_;
  std::vector<TensorView> whole_;
  RunSinks sinks_;
};

}  // namespace sluice::tools

// Where the outputs of `sluice run` go: each to its file, or to memory where it is to be printed.
//
// In: their elements, in order, in pieces. Files appear in their places only when all of them are
// complete; on an error none does.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <sluice/status.hpp>

#include "tools/npy.hpp"
#include "tools/run_plan.hpp"

namespace sluice::tools {

class RunSinks {
 public:
  using Bytes = std::vector<std::byte>;

  // One each of a plan's outputs. Errors: io_error.
  [[nodiscard]] static Result<RunSinks> open(const std::vector<RunOutput>& outputs);

  [[nodiscard]] Outcome put(std::size_t output, std::span<const std::byte> elements);

  // Everything has been put. The elements of the outputs that have no file; the others' are empty.
  [[nodiscard]] Result<std::vector<Bytes>> publish() &&;

 private:
  std::vector<std::optional<NpyWriter>> files_;
  std::vector<Bytes> kept_;
};

}  // namespace sluice::tools

// Libraries made ahead of time: an object file for each target, and where there are several for one
// architecture a function that asks the processor which of them it can run.
#pragma once

#include <span>
#include <string>

#include <sluice/status.hpp>

#include "compiler/object/ahead.hpp"

namespace sluice::llvm_backend {

// A static library for one architecture: the functions, and `int PREFIX_available(void)`, which is
// 0 where the processor has none of the targets. `targets`: of one architecture, the lowest first.
[[nodiscard]] Result<std::string> archive(std::span<const object::AheadFunction> functions,
                                          std::span<const object::AheadTarget> targets,
                                          const std::string& prefix);

// The functions as one module of assembly, of a GPU as PTX: there elements go to the threads of a
// grid of any size in one dimension, and rows to its warps, in turns where there are more of them.
[[nodiscard]] Result<std::string> assembly_of(std::span<const object::AheadFunction> functions,
                                              const object::AheadTarget& target);

// The same as LLVM IR.
[[nodiscard]] Result<std::string> ir_of(std::span<const object::AheadFunction> functions,
                                        const object::AheadTarget& target);

}  // namespace sluice::llvm_backend

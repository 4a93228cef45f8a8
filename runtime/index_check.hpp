// Whether the indices of a call are columns, asked before anything is written.
//
// In: a call of a kernel whose spec checks indices, and its views, which go together. What is read
// by index, and whether the row's outputs depend on it, only the function's text knows: a kernel of
// the same inputs finds that out (compiler/rewrite/index_reads.hpp).
#pragma once

#include <cstdint>
#include <span>

#include <sluice/status.hpp>
#include <sluice/tensor.hpp>

#include "runtime/call_checks.hpp"

namespace sluice {

struct PieceOf;

// Errors: `invalid_operands`, naming the first row that has such an index; `out_of_memory`.
// `piece` says where the views lie; null where they are the whole.
[[nodiscard]] Outcome check_indices(const CallChecks& checks, std::span<const TensorView> views,
                                    const std::uint64_t* params, const PieceOf* piece);

}  // namespace sluice

// The version of what kernels compute, bit for bit.
#pragma once

#include <cstdint>

namespace sluice::numerics {

// Raised with each change to the bits of any kernel, in one commit with tests/hashes.json, which
// says for each kernel at which version its bits changed last. Kernels and what is kept of them on
// disk belong to one version: it is in their key.
inline constexpr std::uint32_t kVersion = 7;

}  // namespace sluice::numerics

// A C caller's spec as the C++ one.
#pragma once

#include <vector>

#include <sluice/sluice.h>
#include <sluice/spec.hpp>
#include <sluice/status.hpp>

namespace sluice::c {

// Errors: invalid_argument for what is NULL or no structure, unknown_name for numbers that stand
// for nothing.
[[nodiscard]] Result<KernelSpec> spec_of(const sluice_spec* spec);

// Of bits 1 << SLUICE_RUNG_. Rungs that this version has not can't be taken anyway.
[[nodiscard]] std::vector<Rung> denied_rungs(std::uint32_t bits);

}  // namespace sluice::c

// Which cheaper expansions there are, one line each.
#include "compiler/numerics/fast.hpp"

#include <limits>
#include <span>

#include "compiler/numerics/grade.hpp"

namespace sluice::numerics {
namespace {

using ir::Op;

// What tolerances() leaves of a grade's bound, for outputs that are one function.
constexpr double kR20 = 0x1p-21 - 0x1p-23;
// What is left of what a result stored as f16 may be off by.
constexpr double kF16 = storage_bound(Dtype::f16) / 2 - 0x1p-23;

constexpr FastExpansion kExpansions[] = {
    {Op::exp, kR20, fast_exp, fast_exp_scaled},
    {Op::exp2, kR20, fast_exp2},
    {Op::expm1, kF16, fast_expm1},
    {Op::sigmoid, kR20, fast_sigmoid, fast_sigmoid_scaled},
    {Op::sigmoid_derivative, kF16 / 4, fast_sigmoid_derivative, fast_sigmoid_derivative_scaled},
    {Op::log1p_exp, kF16, fast_log1p_exp, fast_log1p_exp_scaled},
    {Op::log_sigmoid, kF16, fast_log_sigmoid, fast_log_sigmoid_scaled},
    {Op::tanh, kF16, fast_tanh, fast_tanh_scaled},
    {Op::erf, kF16, fast_erf, fast_erf_scaled},
    {Op::normal_cdf, kF16, fast_normal_cdf},
};

constexpr FastProduct kProducts[] = {
    {Op::sigmoid, kF16 / 4, fast_times_sigmoid},
    {Op::tanh_log1p_exp, kF16 / 4, fast_times_tanh_log1p_exp},
    {Op::normal_cdf, kF16, fast_times_normal_cdf},
};

constexpr FastPlusSlope kPlusSlopes[] = {
    {Op::sigmoid, kF16 / 4, fast_sigmoid_plus_slope},
    {Op::tanh_log1p_exp, kF16 / 4, fast_tanh_log1p_exp_plus_slope},
    {Op::normal_cdf, kF16, fast_normal_cdf_plus_slope},
};

template <typename Entry, std::size_t Count>
const Entry* find(const Entry (&entries)[Count], Op op, double tolerance) {
  for (const Entry& entry : entries)
    if (entry.op == op && entry.least <= tolerance) return &entry;
  return nullptr;
}

}  // namespace

const FastExpansion* fast_expansion(Op op, double tolerance) {
  return find(kExpansions, op, tolerance);
}
const FastProduct* fast_product(Op op, double tolerance) { return find(kProducts, op, tolerance); }
const FastPlusSlope* fast_plus_slope(Op op, double tolerance) {
  return find(kPlusSlopes, op, tolerance);
}

bool has_fast(Op op) {
  constexpr double kAny = std::numeric_limits<double>::infinity();
  return fast_expansion(op, kAny) != nullptr || fast_product(op, kAny) != nullptr;
}

}  // namespace sluice::numerics

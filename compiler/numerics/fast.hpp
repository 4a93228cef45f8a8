// Cheaper expansions for the grades of accuracy (grade.hpp), in f32.
//
// Each is told the relative error that it may have, its own roundings included, and takes the
// shortest polynomial that keeps it; `least` is the smallest that it can. What has no entry here,
// or none for the tolerance, is expanded in full: every bound is then met.
#pragma once

#include <optional>

#include "compiler/ir/op.hpp"
#include "compiler/numerics/toolkit.hpp"

namespace sluice::numerics {

struct FastExpansion {
  ir::Op op;
  double least;
  Expr (*value)(Expr x, Expr low, double tolerance);
  // For products; a primitive that lacks it takes the full one there.
  Scaled (*scaled)(Expr x, Expr low, double tolerance) = nullptr;
};

// x * f(x) as one piece, where x is not below what the result vanishes at.
struct FastProduct {
  ir::Op op;
  double least;
  Expr (*value)(Expr x, double tolerance);
};

// f(x + low) + x f'(x + low) as one piece.
struct FastPlusSlope {
  ir::Op op;
  double least;
  Expr (*value)(Expr x, Expr low, double tolerance);
};

// Null where there is none for this tolerance.
[[nodiscard]] const FastExpansion* fast_expansion(ir::Op op, double tolerance);
[[nodiscard]] const FastProduct* fast_product(ir::Op op, double tolerance);
[[nodiscard]] const FastPlusSlope* fast_plus_slope(ir::Op op, double tolerance);
// Whether there is any, for whatever tolerance.
[[nodiscard]] bool has_fast(ir::Op op);

// fast_exp.cpp
Expr fast_exp(Expr x, Expr low, double tolerance);
Scaled fast_exp_scaled(Expr x, Expr low, double tolerance);
Expr fast_exp2(Expr x, Expr low, double tolerance);
Expr fast_expm1(Expr x, Expr low, double tolerance);
Expr fast_sigmoid(Expr x, Expr low, double tolerance);
Expr fast_times_sigmoid(Expr x, double tolerance);
Scaled fast_sigmoid_scaled(Expr x, Expr low, double tolerance);
Expr fast_sigmoid_derivative(Expr x, Expr low, double tolerance);
Scaled fast_sigmoid_derivative_scaled(Expr x, Expr low, double tolerance);
Expr fast_sigmoid_plus_slope(Expr x, Expr low, double tolerance);
Scaled fast_log1p_exp_scaled(Expr x, Expr low, double tolerance);
Expr fast_log1p_exp(Expr x, Expr low, double tolerance);
Scaled fast_log_sigmoid_scaled(Expr x, Expr low, double tolerance);
Expr fast_log_sigmoid(Expr x, Expr low, double tolerance);
Expr fast_times_tanh_log1p_exp(Expr x, double tolerance);
Expr fast_tanh_log1p_exp_plus_slope(Expr x, Expr low, double tolerance);

// fast_tables.cpp
Expr fast_tanh(Expr x, Expr low, double tolerance);
Scaled fast_tanh_scaled(Expr x, Expr low, double tolerance);
Expr fast_erf(Expr x, Expr low, double tolerance);
Scaled fast_erf_scaled(Expr x, Expr low, double tolerance);
Expr fast_normal_cdf(Expr x, Expr low, double tolerance);
Expr fast_times_normal_cdf(Expr x, double tolerance);
Expr fast_normal_cdf_plus_slope(Expr x, Expr low, double tolerance);

// 2^-s for |s| <= 1/2 and a little more, times `factor`, a power of two.
Expr fast_exp2_reduced(Expr s, double tolerance, double factor = 1);

}  // namespace sluice::numerics

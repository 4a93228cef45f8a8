// Which elementary function a built-in is, for tape.hpp.
#include "tools/accuracy/tape.hpp"

namespace sluice::accuracy {

using dsl::Builtin;

std::optional<Function> function_of(dsl::Builtin builtin) {
  switch (builtin) {
#define ELEMENTARY(name)                                                                           \
  case Builtin::name: return Function::name;
    ELEMENTARY(sqrt)
    ELEMENTARY(rsqrt)
    ELEMENTARY(cbrt)
    ELEMENTARY(exp)
    ELEMENTARY(exp2)
    ELEMENTARY(expm1)
    ELEMENTARY(log)
    ELEMENTARY(log2)
    ELEMENTARY(log10)
    ELEMENTARY(log1p)
    ELEMENTARY(sin)
    ELEMENTARY(cos)
    ELEMENTARY(tan)
    ELEMENTARY(asin)
    ELEMENTARY(acos)
    ELEMENTARY(atan)
    ELEMENTARY(sinh)
    ELEMENTARY(cosh)
    ELEMENTARY(tanh)
    ELEMENTARY(asinh)
    ELEMENTARY(acosh)
    ELEMENTARY(atanh)
    ELEMENTARY(erf)
    ELEMENTARY(erfc)
    ELEMENTARY(sigmoid)
    ELEMENTARY(log_sigmoid)
    ELEMENTARY(log1p_exp)
    ELEMENTARY(normal_cdf)
    ELEMENTARY(normal_pdf)
#undef ELEMENTARY
    default: return std::nullopt;
  }
}

}  // namespace sluice::accuracy

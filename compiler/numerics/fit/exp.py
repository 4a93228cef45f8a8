"""exp, exp2, expm1: e^r on the reduced range |r| <= ln 2 / 2 and a little more, for the rounding of k. The first two
coefficients are 1, so that e^r - 1 = r + r^2 (c2 + ...) has a relative error as small at 0 as elsewhere."""

from fit import fit

R = "0.3475"
print("// Made by fit/exp.py.\n")
for name, degree, width in (("kExpF32", 6, "f32"), ("kExpF64", 11, "f64")):
    fit(name, "exp(x)", list(range(2, degree + 1)), width, "-" + R, R, fixed="1+x",
        error="p/exp(x)-1", meaning=f"e^r, degree {degree}: relative error")

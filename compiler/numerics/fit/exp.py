"""exp and its relatives: e^r on the reduced range |r| <= ln 2 / 2 and a little more, for the rounding of k. The
first two coefficients are 1, and the fit is to e^r - 1 = r + r^2 (c2 + ...) relative to itself."""

from fit import fit

R = "0.3475"
print("// Made by fit/exp.py.\n")
for name, degree, width in (("kExpF32", 6, "f32"), ("kExpF64", 11, "f64")):
    fit(name, "expm1(x)", list(range(2, degree + 1)), width, "-" + R, R, fixed="x", plus="1", kind="relative",
        error="(p-1)/expm1(x)-1", meaning=f"e^r - 1, degree {degree}: relative error")

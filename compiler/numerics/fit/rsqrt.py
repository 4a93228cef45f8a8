"""rsqrt(x) = y (1 - r)^(-1/2), r = 1 - x y^2, for a y with |r| <= 0.0695: (1 - r)^(-1/2) = 1 + r P(r)."""

from fit import fit

print("// Made by fit/rsqrt.py.\n")
for width, degree in (("f32", 4), ("f64", 10)):
    fit(f"kRsqrt{width.upper()}", "(((1-x)^(-1/2)-1)/x)", list(range(degree + 1)), width, "-0.0695", "0.0695",
        error="x*(p-((1-x)^(-1/2)-1)/x)*(1-x)^(1/2)",
        meaning=f"((1 - r)^(-1/2) - 1) / r, degree {degree}: error of 1 + r P(r), relative,")

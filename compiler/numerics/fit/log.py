"""log, log2, log10, log1p on a mantissa 1 + r in [3/4, 3/2): log(1 + r) = r + r^2 Q(r), and for the other bases, whose linear term
is rounded, log_b(1 + r) = (r - r^2/2) / ln b + r^3 Q(r)."""

from fit import fit

print("// Made by fit/log.py.\n")
for suffix, degree, width in (("F32", 8, "f32"), ("F64", 19, "f64")):
    fit("kLog" + suffix, "(log1p(x)-x)/x^2", list(range(degree + 1)), width, "-0.25", "0.5", kind="relative",
        meaning=f"(log(1 + r) - r) / r^2, degree {degree}: relative error")
for name, base in (("kLog2", "log(2)"), ("kLog10", "log(10)")):
    for suffix, degree, width in (("F32", 8, "f32"), ("F64", 18, "f64")):
        fit(name + suffix, f"((log1p(x)-x+x^2/2)/x^3/{base})", list(range(degree + 1)), width, "-0.25", "0.5", kind="relative",
            meaning=f"(log_b(1 + r) - (r - r^2/2) / ln b) / r^3, degree {degree}: relative error")

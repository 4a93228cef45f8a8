"""expm1: e^r - 1 as in exp.py, one degree higher, for its error is amplified where 2^k e^r - 1 cancels: fourfold at
x = ln 2 / 2. In f32 a term is added that makes e^r 2^-29.7 smaller near the lower end: at k = 25 all other
errors have the other sign (exp.cpp)."""

from fit import fit

R = "0.3475"
print("// Made by fit/expm1.py.\n")
for name, degree, width in (("kExpm1F32", 7, "f32"), ("kExpm1F64", 12, "f64")):
    fit(name, "expm1(x)", list(range(2, degree + 1)), width, "-" + R, R, fixed="x", kind="relative",
        plus="1+x^3*2^-24+x^4*2^-27-x^5*0x1.32p-22" if width == "f32" else "1",
        error="(p-1)/expm1(x)-1", meaning=f"e^r - 1, degree {degree}: relative error")

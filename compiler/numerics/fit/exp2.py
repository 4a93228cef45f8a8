"""exp2: 2^r for |r| <= 1/2."""

from fit import fit

print("// Made by fit/exp2.py.\n")
for name, degree, width in (("kExp2F32", 6, "f32"), ("kExp2F64", 11, "f64")):
    fit(name, "2^x", list(range(1, degree + 1)), width, "-0.5", "0.5", fixed="1",
        error="p/2^x-1", meaning=f"2^r, degree {degree}: relative error")

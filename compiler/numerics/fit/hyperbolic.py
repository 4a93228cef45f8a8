"""sinh r = r (1 + r^2 S(r^2)) and cosh r = 1 + r^2 C(r^2) on the reduced range of exp.py; the fits are in y = r^2."""

from fit import fit

LIMIT = "0.1208"  # 0.3475^2
SINH = "(sinh(sqrt(x))/sqrt(x))"
COSH = "cosh(sqrt(x))"

print("// Made by fit/hyperbolic.py.\n")
for name, function, of, counts in (("Sinh", SINH, "sinh r", (3, 6)), ("Cosh", COSH, "cosh r", (3, 5))):
    for width, terms in zip(("f32", "f64"), counts):
        fit(f"k{name}{width.upper()}", f"(({function}-1)/x)", list(range(terms)), width, "1b-40", LIMIT,
            error=f"(1+x*p)/{function}-1", meaning=f"in y = r^2, degree {terms - 1}: error of {of}, relative,")

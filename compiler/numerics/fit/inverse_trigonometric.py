"""atan t = t + t^3 Q(t^2) for t in [0, 1]; asin s = s + s^3 Q(s^2) for s in [0, 1/2]. The bounds are relative to the whole."""

from fit import fit

print("// Made by fit/inverse_trigonometric.py.\n")
for name, function, end, degrees in (("Atan", "atan", "1", (9, 20)), ("Asin", "asin", "0.25", (5, 12))):
    for width, degree in zip(("f32", "f64"), degrees):
        fit(f"k{name}{width.upper()}", f"({function}(sqrt(x))/sqrt(x)-1)/x", list(range(degree + 1)), width, "0x1p-30", end,
            kind="absolute", error=f"(1+x*p)*sqrt(x)/{function}(sqrt(x))-1",
            meaning=f"({function}(t) / t - 1) / t^2 in t^2, degree {degree}: relative error of {function}")

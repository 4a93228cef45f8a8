"""x - tanh(x) = x^3 (1/3 - u Q(u)), u = x^2, for |x| < 5/8. Beyond, the difference is formed of tanh in two words."""

from fit import fit

print("// Made by fit/tanhshrink.py.\n")
for width, degree in (("f32", 5), ("f64", 12)):
    fit(f"kTanhshrink{width.upper()}", "(1/3-(1-tanh(sqrt(x))/sqrt(x))/x)/x", list(range(degree + 1)), width, "1b-30",
        "0.390625", error="x*(p-(1/3-(1-tanh(sqrt(x))/sqrt(x))/x)/x)/((1-tanh(sqrt(x))/sqrt(x))/x)",
        meaning=f"Q, degree {degree}: error of 1/3 - u Q(u), relative,")

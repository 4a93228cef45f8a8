"""log(1 + e^x) = max(x, 0) + log(1 + q), q = e^-|x| in (0, 1]: log(1 + q) = q - q^2/2 + q^3 H(q - 1/2). Powers of q - 1/2 fall
twice as fast as those of q, and the roundings of Horner's scheme with them."""

from fit import fit

H = "((log1p(x+0.5)-(x+0.5)+(x+0.5)^2/2)/(x+0.5)^3)"
print("// Made by fit/softplus.py.\n")
for name, degree, width in (("kLog1pUnitF32", 10, "f32"), ("kLog1pUnitF64", 20, "f64")):
    fit(name, H, list(range(degree + 1)), width, "-0.49", "0.5", error=f"(p-{H})*(x+0.5)^3/log1p(x+0.5)",
        meaning=f"H, degree {degree}: error of log(1 + q) relative to itself")

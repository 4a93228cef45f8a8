"""log(1 + e^x) = max(x, 0) + log(1 + q), q = e^-|x| in (0, 1].

f32: on eighths of [1, 2), log(1 + q) = T + log(1 + r) with r = q i + (i - 1) and T = -log i (accurate.py); the index is
(bits of 1 + q) >> 20, modulo 8. The first two intervals have i = 1 and T = 0: there the result is as small as q, and r
is q itself.

f64: log(1 + q) = q - q^2/2 + q^3 H(q - 1/2). Powers of q - 1/2 fall twice as fast as those of q, and the roundings of
Horner's scheme with them."""

from mpmath import mp, mpf

from accurate import eighths, inverse
from fit import fit

LAST_BIT = -17  # of T: few, so that what max(x, 0) + T loses is found by one subtraction of T
H = "((log1p(x+0.5)-(x+0.5)+(x+0.5)^2/2)/(x+0.5)^3)"

print("// Made by fit/softplus.py.\n")
eighths("kLog1pEighths", "log(1 + q) = T + log((1 + q) i) by the eighth of [1, 2) that 1 + q is in: i, T.",
        [(1, 0)] * 2 + [inverse(1 + (mpf(j) + 0.5) / 8, mp.e, LAST_BIT) for j in range(2, 8)])
fit("kLog1pEighth", "log1p(x)", list(range(2, 8)), "f32", "-0.051", "0.2501", kind="relative", fixed="x",
    meaning="log(1 + r), degree 7: relative error")
fit("kLog1pUnitF64", H, list(range(21)), "f64", "-0.49", "0.5", error=f"(p-{H})*(x+0.5)^3/log1p(x+0.5)",
    meaning="H, degree 20: error of log(1 + q) relative to itself")

"""cbrt(x) for x = 2^(3 q + s) m, m in [3/4, 3/2), s in -1, 0, 1:

    cbrt(x) = 2^q S_s C_j (1 + r Q(r)),   r = m i_j - 1

by the eighth of an octave that m is in; the index is its first three bits behind the point. C has half a number's bits
and i, near the inverse of the interval's middle, is C^-3 within some hundredths of an ulp (Gal, "Computing elementary
functions", 1986). S = 2^(s/3) is a high word of half the bits and a low word: S_high C is exact."""

import random

from mpmath import cbrt, floor, log, mp, mpf, nint

from accurate import hexadecimal
from fit import fit

mp.prec = 160
HALF = {"f32": 12, "f64": 26}
BITS = {"f32": 24, "f64": 53}


def rounded(x, bits):
    ulp = mpf(2) ** (floor(log(x, 2)) + 1 - bits)
    return nint(x / ulp) * ulp


def interval(middle, width):
    """i and C: of some hundred C the one whose i is nearest to a number."""
    random.seed(1)
    best = None
    around = cbrt(middle)
    ulp = mpf(2) ** (floor(log(around, 2)) + 1 - HALF[width])
    steps = int(around / ulp / (400 if width == "f32" else 5000))
    for step in range(-steps, steps + 1) if width == "f32" else (random.randint(-steps, steps) for _ in range(400)):
        c = (nint(around / ulp) + step) * ulp
        exact = 1 / c**3
        i = rounded(exact, BITS[width])
        off = abs(i - exact) / exact * mpf(2) ** BITS[width]
        if best is None or off < best[0]:
            best = (off, i, c)
    return best


print("// Made by fit/cbrt.py.\n")
for width, degree in (("f32", 4), ("f64", 9)):
    name = width.upper()
    rows = [interval((1 + (mpf(j) + 0.5) / 8) / (2 if j >= 4 else 1), width) for j in range(8)]
    print(f"// i, C by the eighth: i is C^-3 within {float(max(r[0] for r in rows)):.2f} 2^-{BITS[width]}")
    print(f"inline constexpr double kEighths{name}[2][8] = {{")
    for column in (1, 2):
        print("    {" + ", ".join(hexadecimal(row[column]) for row in rows) + "},")
    print("};\n")
    s = [cbrt(mpf(2) ** k) for k in (0, 1, 2, -1)]
    high = [rounded(x, HALF[width]) for x in s]
    print("// The words of S, by s modulo 4.")
    print(f"inline constexpr double kThirds{name}[2][4] = {{")
    print("    {" + ", ".join(hexadecimal(h) for h in high) + "},")
    print("    {" + ", ".join(hexadecimal(x - h) for x, h in zip(s, high)) + "},")
    print("};\n")
    for j, (_, i, _) in enumerate(rows):
        assert all(abs((1 + mpf(k) / 8) / (2 if j >= 4 else 1) * i - 1) < 0.067 for k in (j, j + 1))
    fit(f"kCbrt{name}", "(((1+x)^(1/3)-1)/x)", list(range(degree + 1)), width, "-0.067", "0.067",
        error="x*(p-((1+x)^(1/3)-1)/x)/(1+x)^(1/3)",
        meaning=f"((1 + r)^(1/3) - 1) / r, degree {degree}: error of 1 + r Q(r), relative,")

"""sin, cos, tan: the polynomials on [-pi/4, pi/4], and 2/pi in words for groups of exponents.

sin r = r + r^3 S(r^2), cos r = 1 - r^2/2 + r^4 C(r^2).

The words: for |x| = 2^(G j) m with m < 2^G, |x| 2/pi modulo 4 is m W modulo 4 with W = 2^(G j) 2/pi modulo 2^(p+1), for
the last bit of m, of p bits, is 2^(1-p) at least where j > 0. W is the sum of words of p bits, each nearest to what the ones
before leave. The first is made so large, 2^(p+2) to 2^(p+3), that its product with m, rounded, is a multiple of 8 and
needs no attention: only what rounding takes from it does. For j = 0 it is 0 (Payne and Hanek, "Radian
reduction for trigonometric functions", 1983, is where the words come from)."""

from mpmath import floor, mp, mpf, nint, pi, log
from accurate import hexadecimal
from fit import fit

mp.prec = 2000


def rounded(x, bits):
    if x == 0:
        return mpf(0)
    ulp = mpf(2) ** (floor(log(abs(x), 2)) - bits + 1)
    return nint(x / ulp) * ulp


def words(name, bits, group, count):
    rows = []
    for j in range(8):
        left = 2 / pi * mpf(2) ** (group * j)
        row = []
        if j == 0:
            row.append(mpf(0))
        else:
            left = left - floor(left / mpf(2) ** (bits + 1)) * mpf(2) ** (bits + 1) + mpf(2) ** (bits + 2)
            row.append(nint(left / 8) * 8)
            left -= row[0]
        while len(row) < count:
            row.append(rounded(left, bits))
            left -= row[-1]
        rows.append(row)
    print(f"// 2^({group} j) 2/pi modulo 2^{bits + 1}, a row a word.")
    print(f"inline constexpr double {name}[{count}][8] = {{")
    for i in range(count):
        print("    {" + ", ".join(hexadecimal(row[i]) for row in rows) + "},")
    print("};\n")


print("// Made by fit/trigonometric.py.\n")
for width, sine, cosine in (("f32", 4, 3), ("f64", 7, 6)):
    fit(f"kSin{width.upper()}", "(sin(sqrt(x))/sqrt(x)-1)/x", list(range(sine)), width, "0x1p-30", "0.7",
        error="(1+x*p)*sqrt(x)/sin(sqrt(x))-1", meaning=f"(sin(r) / r - 1) / r^2 in r^2, degree {sine - 1}: relative error of sin")
    fit(f"kCos{width.upper()}", "(cos(sqrt(x))-1+x/2)/x^2", list(range(cosine)), width, "0x1p-30", "0.7",
        error="(1-x/2+x^2*p)/cos(sqrt(x))-1",
        meaning=f"(cos(r) - 1 + r^2/2) / r^4 in r^2, degree {cosine - 1}: relative error of cos")
words("kTwoOverPiF32", 24, 16, 4)
words("kTwoOverPiF64", 53, 128, 5)

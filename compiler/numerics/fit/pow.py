"""log2 as a pair, for pow: m = (1 + r) / i for a mantissa m in [3/4, 3/2) and i by its eighth of an octave, log2 m = T + T' +
log2(1 + r). The index is the top bits of m, modulo 8 (log.py). T is short, so that k + T is exact; i = 1 and T = 0
in the two eighths next to 1. Of log2(1 + r) the first coefficients are pairs, for with y log2 x near 150 (f64: 1075) it must
be good to 2^-35 (f64: 2^-66) of itself."""

from mpmath import log, mp, mpf, nint, floor
from accurate import hexadecimal, inverse
from fit import fit

mp.prec = 200


def rounded(x, bits):
    ulp = mpf(2) ** (floor(log(abs(x), 2)) - bits + 1)
    return nint(x / ulp) * ulp


def octave(name, bits, last_bit):
    rows = [(mpf(1), mpf(0), mpf(0))] * 8
    for j in range(1, 7):
        middle = (1 + (j + mpf(1) / 2) / 8) / (2 if j >= 4 else 1)
        if bits == 24:
            i, t = map(mpf, inverse(middle, 2, last_bit))
        else:
            i = nint(2048 / middle) / 2048
            t = nint(-log(i, 2) / mpf(2) ** last_bit) * mpf(2) ** last_bit
        rows[j] = (i, t, rounded(-log(i, 2) - t, bits))
    print("// By the eighth of an octave: i, T, T'.")
    print(f"inline constexpr double {name}[3][8] = {{")
    for column in range(3):
        print("    {" + ", ".join(hexadecimal(row[column]) for row in rows) + "},")
    print("};\n")


def leading(name, bits, count):
    print("// (-1)^(j+1) / (j ln 2), j from 1: high and low words.")
    print(f"inline constexpr double {name}[{count}][2] = {{")
    for j in range(1, count + 1):
        c = (-1) ** (j + 1) / (j * log(2))
        high = rounded(c, bits)
        print(f"    {{{hexadecimal(high)}, {hexadecimal(rounded(c - high, bits))}}},")
    print("};\n")


print("// Made by fit/pow.py.\n")
for width, bits, last_bit, count, degree in (("f32", 24, -16, 3, 6), ("f64", 53, -40, 5, 11)):
    suffix = width.upper()
    octave("kPowOctave" + suffix, bits, last_bit)
    leading("kPowLeading" + suffix, bits, count)
    series = "-".join(f"({(-1) ** (j + 1)})*x^{j}/{j}" for j in range(1, count + 1))
    fit("kPow" + suffix, f"(log1p(x)-{series})/log(2)/x^{count + 1}", list(range(degree + 1)), width, "-0.0666", "0.1251",
        error=f"(p-(log1p(x)-{series})/log(2)/x^{count + 1})*x^{count + 1}*log(2)/log1p(x)",
        meaning=f"log2(1 + r) less the leading terms, over r^{count + 1}, degree {degree}: relative error of the sum")

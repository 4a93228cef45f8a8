"""log, log2, log10, log1p on a mantissa 1 + r in [3/4, 3/2): log(1 + r) = r + r^2 Q(r), and for the other bases, whose linear term
is rounded, log_b(1 + r) = (r - r^2/2) / ln b + r^3 Q(r).

log, log2 and log10 in f32: on eighths of an octave, log_b m = T + log_b(1 + r) with r = m i - 1 and T = -log_b i. The
index is (bits of m) >> 20, modulo 8. i is chosen near 1 / MIDDLES so that T is nearly a number short enough for its
sum with k log_b 2 to be exact (accurate.py). The two intervals at 1 have i = 1 and T = 0. The middles are the
intervals' own, but next to 1: there |T| is a large part of the result, and r is better small where the result is just
above a power of two, for its rounding and that of log_b(1 + r) count in ulps of the result."""

from mpmath import floor, log, mp, mpf, nint
from accurate import eighths, hexadecimal, inverse
from fit import fit

mp.prec = 120
MIDDLES = {"Log": {1: "1.15737", 6: "0.91"}, "Log2": {1: "1.161", 6: "0.91"}, "Log10": {1: "1.161", 6: "0.918"}}
# The last bit of T: 24 bits hold 149 log_b 2 and that.
LAST_BIT = {"Log": -17, "Log2": -16, "Log10": -18}


def f32(x):
    ulp = mpf(2) ** (floor(log(abs(x), 2)) - 23)
    return nint(x / ulp) * ulp


def octave(name, base):
    rows = [(1.0, 0.0)] * 8
    for j in range(1, 7):
        lo = (1 + mpf(j) / 8) / (2 if j >= 4 else 1)
        middle = mpf(MIDDLES[name].get(j, lo + mpf(1) / (32 if j >= 4 else 16)))
        rows[j] = inverse(middle, base, LAST_BIT[name])
    eighths(f"k{name}Octave", "log_b m = T + log_b(m i) for a mantissa m, by its eighth of an octave: i, T.", rows)
    # The linear coefficient is 1 / ln b less its rounding, which is applied apart, with an fma.
    exact = 1 / log(base)
    high = f32(exact)
    function = f"(log1p(x)*{exact})"
    fit(f"k{name}F32", function, list(range(2, 7)), "f32", "-0.0626", "0.1251", kind="relative", fixed=f"x*{exact}",
        plus=f"x*({hexadecimal(f32(exact - high) if exact != high else 0)}-{exact})",
        error=f"(p+x*{hexadecimal(high)})/{function}-1",
        meaning=f"log_b(1 + r) less {hexadecimal(high)} r, degree 6: relative error of the sum")


print("// Made by fit/log.py.\n")
for suffix, degree, width in (("F32", 8, "f32"), ("F64", 19, "f64")):
    fit("kLog1p" + suffix, "(log1p(x)-x)/x^2", list(range(degree + 1)), width, "-0.25", "0.5", kind="relative",
        meaning=f"(log(1 + r) - r) / r^2, degree {degree}: relative error")
for name, base in (("kLog2", "log(2)"), ("kLog10", "log(10)")):
    fit(name + "F64", f"((log1p(x)-x+x^2/2)/x^3/{base})", list(range(19)), "f64", "-0.25", "0.5", kind="relative",
        meaning="(log_b(1 + r) - (r - r^2/2) / ln b) / r^3, degree 18: relative error")
for name, base in (("Log", mp.e), ("Log2", mpf(2)), ("Log10", mpf(10))):
    octave(name, base)

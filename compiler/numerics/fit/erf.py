"""erf on [0, end]: beyond, it rounds to 1. Intervals of one width around 0, width, 2 width, ...

    erf(h) = base + d (c1 + c2 d + ...),   d = h - centre

where base is erf(centre), or d in the first interval, so that its relative error is as small at 0 as elsewhere. A centre
is not exactly a multiple of the width but a number nearby at which the polynomial's value lies within some thousandths
of an ulp of a number of the format (Gal and Bachelis, "An accurate elementary mathematical library", TOMS 1991): base
needs no low word.

    python3 erf.py > ../coefficients_erf.inc
"""

from mpmath import erf, fabs, log, mpf, polyval, sqrt

from piecewise import BITS, centred, constant, literal, remez, rounded, rows, shifted, table

# last: where the last interval has its centre. For f64 where erf is 1 - 2^-53: from there on what is added decides between
# that and 1.
FORMATS = {
    "f32": dict(end=mpf("3.9375"), spacing=mpf("0.53125"), count=8, degree=7, even=4, last=mpf("0.5")),
    "f64": dict(end=mpf("5.9375"), spacing=mpf("0.09375"), count=64, degree=11, even=6, last=mpf("0.05")),
}


def first_interval(half, terms, bits):
    """d + d q(d^2): q's coefficients at the even places of a polynomial in d."""
    def q(square):
        d = sqrt(square)
        return erf(d) / d - 1

    c = remez(q, mpf(2) ** -60, half * half, terms - 1)
    c = shifted(c, -(half * half + mpf(2) ** -60) / 2)
    return [rounded(k, bits) for k in c]


def fit(width, end, spacing, count, degree, even, last):
    name, bits = width.upper(), BITS[width]
    half = spacing / 2
    first = first_interval(half * mpf("1.0001"), even, bits)
    zero = mpf(0)
    pieces = [(zero, [zero] + [first[i // 2] if i % 2 == 0 and i // 2 < even else zero for i in range(degree)])]
    for i in range(1, count):
        lo, hi = i * spacing - half, i * spacing + half
        pieces.append(centred(remez(erf, lo, hi, degree, relative=True), lo, hi, bits,
                              last if i == count - 1 else mpf("0.5")))
    worst = mpf(0)
    for i, (centre, c) in enumerate(pieces):
        for k in range(-40, 41):
            h = i * spacing + half * k / 40
            if 0 < h <= end:
                d = h - centre
                worst = max(worst, fabs((polyval(c[::-1], d) + (d if i == 0 else 0)) / erf(h) - 1))
    print(f"// {width}")
    constant(f"kEnd{name}", end)
    constant(f"kSpacing{name}", spacing)
    table(f"kCentre{name}", [p[0] for p in pieces])
    table(f"kBase{name}", [p[1][0] for p in pieces], "erf(centre); in the first interval d takes its place")
    rows(f"kSlope{name}", [[p[1][j] for p in pieces] for j in range(1, degree + 1)],
         f"c1, c2, ..., degree {degree}: relative error below 2^{float(log(worst, 2)):.1f} on [0, {literal(end)}]")


if __name__ == "__main__":
    print("// Made by fit/erf.py.\n")
    for width, choices in FORMATS.items():
        fit(width, **choices)

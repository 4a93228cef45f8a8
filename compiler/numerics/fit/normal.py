"""normal_cdf's lower tail, Phi(-h) for h >= 0, and normal_pdf.

    Phi(-h) = T 2^(-N/8) e^(-r rho/2),   r = h^2 + mu(h) - N step,   mu = -h^2 - 2/rho ln(Phi(-h)/T)

where step is ln 2 / 4 cut to so few bits that N step is exact, rho = ln 2 / (4 step) makes up for the cut, and mu, slow
and smooth, is a table of polynomials. T is a number near 1 for which all of T 2^(j/8) lie within some hundredths of an
ulp of numbers of the format (Gal and Bachelis, "An accurate elementary mathematical library", TOMS 1991), so that
these need no low words. An interval's mu is `whole` + a polynomial without much of a constant: `whole` is a multiple of
1/8, which the sum that removes N step takes exactly, and near a multiple of step, so that r stays small.

normal_pdf is the same with mu = h^2 (1/rho - 1) + a constant. The derivative of x Phi(x), which changes sign, is

    Phi(-h) - h phi(h) = T 2^(-N/8) e^(-r rho/2) s(h),   r = h^2 - N step

with polynomials for s.

    python3 normal.py > ../coefficients_normal.inc
"""

import random

from mpmath import erfc, exp, fabs, ldexp, ln, log, mpf, nint, pi, polyval, sqrt

from piecewise import BITS, Cells, centred, constant, greatest_error, literal, remez, rounded, rows, table

# end: beyond it, h phi(h) rounds to 0. step_bits: N has as many more as the format's width allows.
FORMATS = {
    "f32": dict(tail=dict(end=mpf("14.5625"), start=mpf("1.68"), cell_bits=2, count=8, degree=6, exp_degree=4, step_bits=13),
        slope=dict(start=mpf("1.0453"), cell_bits=1, count=8, degree=7,
                   places={0: mpf("0.67"), 1: mpf("0.1"), 2: mpf("0.25")})),
    "f64": dict(tail=dict(end=mpf("38.75"), start=mpf("1.5"), cell_bits=4, count=32, degree=11, exp_degree=8, step_bits=38),
        slope=dict(start=mpf("1.5"), cell_bits=3, count=32, degree=13, places={})),
}


WIDTH = {24: "F32", 53: "F64"}


def near_numbers(bits):
    """T in [1.05, 2^(1/8)) with all T 2^(j/8) close to numbers of the format, and the greatest distance in ulps. From 1.05
    on the power taken at h = 0 is below Phi(0): then e^(-r rho/2) - 1 >= 0 there, and x Phi(x) keeps the sign of -0."""
    random.seed(1)
    fraction = 90
    roots = [int(ldexp(mpf(2) ** (mpf(j) / 8), fraction)) for j in range(8)]
    one = 1 << fraction
    best = (one, 0)
    every = range(int(1.05 * 2**23), int(1.0905 * 2**23)) if bits == 24 else (
        int(random.uniform(1.05, 1.0905) * 2**52) for _ in range(1500000))
    for t in every:
        worst = 0
        for root in roots[1:]:
            part = t * root % one
            worst = max(worst, min(part, one - part))
            if worst >= best[0]:
                break
        else:
            best = (worst, t)
    return ldexp(mpf(best[1]), 1 - bits), float(best[0]) / one


def wholes(near, step):
    candidates = [(nint(near * 8) + i) / 8 for i in range(-5, 6)]
    return [w for w in candidates if fabs(w / step - nint(w / step)) < mpf("0.22")]


def mu_pieces(cells, mu, degree, step):
    """Interval by interval: centre, coefficients, `whole`."""
    pieces = []
    for lo, hi in zip(cells.edges, cells.edges[1:]):
        # At 0 the result is largest beside its ulp: there the rest, whose rounding counts, should be least.
        weight = mpf("1.5") if lo == 0 else mpf(1)
        at_ends = (mu(lo), mu(hi))
        c = remez(mu, lo, hi, degree)
        whole = min(wholes(c[0], step), key=lambda w: max(weight * fabs(at_ends[0] - w), fabs(at_ends[1] - w)))
        pieces.append((*centred(c, lo, hi, cells.bits, taken=whole), whole))
    return pieces


def grid(cells, prefix="k"):
    name = WIDTH[cells.bits]
    constant(f"{prefix}CellScale{name}", cells.scale)
    constant(f"{prefix}CellStart{name}", cells.start)
    print(f"inline constexpr int {prefix}CellShift{name} = {cells.shift};\n")


def mu_tables(prefix, of, cells, mu, pieces, step, magic):
    name, degree = WIDTH[cells.bits], len(pieces[0][1]) - 1
    bound = max(greatest_error(lambda h: mu(h) - whole, centre, c, lo, hi)
                for (centre, c, whole), lo, hi in zip(pieces, cells.edges, cells.edges[1:]))
    bound = log(bound * ln(2) / (8 * step), 2)
    pieces = cells.in_table_order(pieces)
    table(f"{prefix}Centre{name}", [p[0] for p in pieces])
    rows(f"{prefix}Mu{name}", [[p[1][j] for p in pieces] for j in range(degree + 1)],
         f"mu's polynomials, degree {degree}: error of {of}, relative, below 2^{float(bound):.1f}"
         f" on [0, {literal(cells.edges[-1])}]")
    table(f"{prefix}MagicLess{name}", [magic - nint(p[2] / step) for p in pieces], "kMagic less `whole` in steps")
    table(f"{prefix}Whole{name}", [p[2] - magic * step for p in pieces], "`whole` less kMagic steps")
    for p in pieces:
        assert rounded(p[2] - magic * step, cells.bits) == p[2] - magic * step


def tail(width, end, start, cell_bits, count, degree, exp_degree, step_bits):
    name, bits = width.upper(), BITS[width]
    step = rounded(ln(2) / 4, step_bits)
    rho = ln(2) / (4 * step)
    t, off = near_numbers(bits)
    magic = 9 * mpf(2) ** (bits - 4)

    def mu(h):
        return -2 / rho * ln(erfc(h / sqrt(mpf(2))) / 2 / t) - h * h

    print(f"// {width}")
    constant(f"kTailEnd{name}", end)
    cells = Cells(width, end, start, cell_bits, count)
    pieces = mu_pieces(cells, mu, degree, step)
    grid(cells)
    constant(f"kStep{name}", step)
    constant(f"kMagic{name}", magic)
    mu_tables("k", "Phi", cells, mu, pieces, step, magic)
    power(width, step, rho, exp_degree)
    table(f"kPower{name}", [rounded(t * mpf(2) ** (mpf(j) / 8), bits) for j in range(8)],
          f"T 2^(j/8), rounded: off by at most {off:.2f} ulps")

    at_zero = -2 / rho * ln(1 / sqrt(2 * pi) / t)
    whole = min(wholes(at_zero, step), key=lambda w: fabs(w - at_zero))
    print("// normal_pdf: mu's constant, less `whole`, and its slope in h^2; `whole` as above")
    constant(f"kDensityMu{name}", rounded(at_zero - whole, bits))
    constant(f"kDensitySlope{name}", rounded(1 / rho - 1, bits))
    constant(f"kDensityMagicLess{name}", magic - nint(whole / step))
    constant(f"kDensityWhole{name}", whole - magic * step)
    constant(f"kNoWhole{name}", -magic * step)
    return rho, t


def slope(width, end, rho, t, start, cell_bits, count, degree, places):
    """The zero at 0.75 is inside an interval that ends where errors are measured absolutely (numerics.md, zero crossings);
    the intervals beside it have their centres near it, so that the constant outweighs the rest there as well."""
    name, bits = width.upper(), BITS[width]

    def s(h):
        return (exp(h * h / 2) * erfc(h / sqrt(mpf(2))) / 2 - h / sqrt(2 * pi)) * exp(-h * h * (1 - rho) / 2) / t

    cells = Cells(width, end, start, cell_bits, count)
    pieces, bound = [], mpf(0)
    for lo, hi in zip(cells.edges, cells.edges[1:]):
        place = places.get(len(pieces), mpf("0.5"))
        centre, c = centred(remez(s, lo, hi, degree), lo, hi, bits, place)
        pieces.append((centre, c))
        bound = max(bound, greatest_error(s, centre, c, lo, hi, lambda value: max(fabs(value), mpf("0.06"))))
    pieces = cells.in_table_order(pieces)
    grid(cells, "kSlope")
    table(f"kSlopeCentre{name}", [p[0] for p in pieces])
    rows(f"kSlope{name}", [[p[1][j] for p in pieces] for j in range(degree + 1)],
         f"s, degree {degree}: error below 2^{float(log(bound, 2)):.1f} of max(|s|, 0.06)")


def power(width, step, rho, degree):
    bits = BITS[width]
    limit = step * mpf("0.73")
    c = remez(lambda r: exp(-r * rho / 2), -limit, limit, degree, relative=True)
    c = [rounded(k / c[0], bits) for k in c]
    grid = [limit * i / 60 for i in range(-60, 61)]
    bound = log(max(fabs(polyval(c[::-1], r) / exp(-r * rho / 2) - 1) for r in grid), 2)
    table(f"kFall{width.upper()}", c[1:],
          f"e^(-r rho/2) - 1 over r, degree {degree - 1}: relative error of the power below 2^{float(bound):.1f}")


if __name__ == "__main__":
    print("// Made by fit/normal.py.\n")
    for width, choices in FORMATS.items():
        rho, t = tail(width, **choices["tail"])
        slope(width, choices["tail"]["end"], rho, t, **choices["slope"])

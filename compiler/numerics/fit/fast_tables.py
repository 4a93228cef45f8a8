"""Tables of polynomials for the grades of accuracy (grade.hpp), in the variable itself, not in the distance from a centre as
those of piecewise.py: what rounding takes is far below a grade's bound.

    Phi(-h)            = 2^-fall(h),                          h >= 0
    Phi(-h) - h phi(h) = 2^-(h^2 log2(e)/2) slope(h),         x Phi(x)'s derivative
    tanh(x) = x P(|x|),  erf(x) = x P(|x|),                   |x| limited to where the rest is within the bound

    python3 fast_tables.py > ../coefficients_fast_tables.inc
"""

from math import ceil

from mpmath import erf, erfc, fabs, log, mpf, npdf, pi, polyval, sqrt, tanh

from piecewise import Cells, literal, remez, rounded, rows, shifted

HALF_LOG2E = 1 / (2 * log(mpf(2)))


def phi_tail(h):
    return erfc(h / sqrt(mpf(2))) / 2


def fall(h):
    return -log(phi_tail(h), 2)


def slope(h):
    return (phi_tail(h) - h * npdf(h)) * mpf(2) ** (h * h * HALF_LOG2E)


def over_argument(f, at_zero):
    return lambda x: f(x) / x if x > 0 else at_zero


def cells(name, f, end, start, cell_bits, degree, relative=False, count=8):
    """Polynomials on so many intervals of [0, end], as rows in table order."""
    grid = Cells("f32", mpf(end), mpf(start), cell_bits, count)
    columns, worst = [], 0
    for lo, hi in zip(grid.edges, grid.edges[1:]):
        middle = (lo + hi) / 2
        c = [rounded(k, 24) for k in shifted(remez(f, lo, hi, degree, relative), -middle)]
        for i in range(201):
            x = lo + (hi - lo) * i / 200
            worst = max(worst, fabs(polyval(c[::-1], x) - f(x)) / (f(x) if relative else 1))
        columns.append(c)
    place = ", ".join(map(literal, (grid.scale, grid.start, mpf(end))))
    print(f"// The intervals: scale, start, end, shift.\ninline constexpr Cells k{name}Cells{{{place}, {grid.shift}}};")
    kind = "relative " if relative else ""
    comment = f"Row by row of 1, x, x^2, ...: {kind}error below 2^{ceil(log(worst, 2) * 10) / 10:.1f}"
    rows(f"k{name}", list(zip(*grid.in_table_order(columns))), comment)


print("// Made by fit/fast_tables.py.\n")
cells("FastTailDegree3", fall, "14.5625", "1.1", 1, 3)
cells("FastTailDegree2", fall, "14.5625", "1.1", 1, 2)
cells("FastSlopeDegree4", slope, "14.5625", "1.1", 1, 4)
cells("FastSlopeDegree3", slope, "14.5625", "1.1", 1, 3)
cells("FastTanhDegree3", over_argument(tanh, mpf(1)), "5.5", "2.6", 3, 3, True)
cells("FastTanhDegree2", over_argument(tanh, mpf(1)), "4.5", "2.6", 3, 2, True)
cells("FastErfDegree3", over_argument(erf, 2 / sqrt(pi)), "3.1", "2.6", 3, 3, True)
cells("FastErfDegree2", over_argument(erf, 2 / sqrt(pi)), "2.5", "2.6", 3, 2, True)
# For results of 16 bits.
cells("FineTailDegree5", fall, "14.5625", "1.3", 1, 5)
cells("FineTailDegree4", fall, "14.5625", "1.0", 2, 4)
cells("FineSlopeDegree5", slope, "14.5625", "1.1", 1, 5)
cells("FineTanhDegree3", over_argument(tanh, mpf(1)), "6.6", "2.05", 3, 3, True, 16)
cells("FineErfDegree3", over_argument(erf, 2 / sqrt(pi)), "3.5", "1.5", 3, 3, True, 16)

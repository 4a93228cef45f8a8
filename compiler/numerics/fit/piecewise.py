"""Tables of polynomials, one an interval, in the distance from the interval's centre; with mpmath alone.

Intervals are the cells of a grid on v = scale x + start: the leading bits of v, `cell_bits` of its fraction among them,
are the index into the tables, taken modulo their length, so that finding it costs an fma and a shift. Minimax
polynomials come from Remez's exchange; their coefficients are then rounded, and of some thousand centres the one is
taken with which rounding costs least (Gal and Bachelis, "An accurate elementary mathematical library", TOMS 1991).
"""

from mpmath import cos, fabs, frexp, ldexp, lu_solve, matrix, mp, mpf, nint, pi, polyval

mp.dps = 50
BITS = {"f32": 24, "f64": 53}
BIAS = {"f32": 127, "f64": 1023}


def rounded(x, bits):
    """The nearest number with so many significant bits."""
    mantissa, exponent = frexp(mpf(x))
    return ldexp(nint(ldexp(mantissa, bits)), exponent - bits)


def remez(f, lo, hi, degree, relative=False, points=12):
    """The polynomial in (x - middle of [lo, hi]) nearest to f on [lo, hi]."""
    middle, half = (lo + hi) / 2, (hi - lo) / 2
    n = degree + 2
    grid = [-cos(pi * mpf(i) / (n * points)) for i in range(n * points + 1)]
    values = [f(middle + half * t) for t in grid]
    weights = [fabs(v) if relative else mpf(1) for v in values]
    reference = [i * points * n // (n - 1) for i in range(n)]
    for _ in range(20):
        a, b = matrix(n, n), matrix(n, 1)
        for i, g in enumerate(reference):
            for j in range(degree + 1):
                a[i, j] = grid[g] ** j
            a[i, n - 1] = (-1) ** i * weights[g]
            b[i] = values[g]
        solution = lu_solve(a, b)
        c = [solution[j] for j in range(degree + 1)]
        error = [(polyval(c[::-1], t) - v) / w for t, v, w in zip(grid, values, weights)]
        if max(map(fabs, error)) < fabs(solution[n - 1]) * mpf("1.01"):
            break
        extrema = []
        for g, e in enumerate(error):
            if not extrema or (e > 0) != (error[extrema[-1]] > 0):
                extrema.append(g)
            elif fabs(e) > fabs(error[extrema[-1]]):
                extrema[-1] = g
        while len(extrema) > n:
            extrema.pop(0 if fabs(error[extrema[0]]) < fabs(error[extrema[-1]]) else -1)
        if len(extrema) < n:
            break
        reference = extrema
    return [k / half**j for j, k in enumerate(c)]


def shifted(c, by):
    """The polynomial in d that equals the polynomial c at d + by."""
    c = list(c)
    for i in range(len(c)):
        for j in range(len(c) - 2, i - 1, -1):
            c[j] += by * c[j + 1]
    return c


class Cells:
    """The intervals of [0, end]: `count` cells of the grid, the first from v = start on."""

    def __init__(self, width, end, start, cell_bits, count):
        self.count, self.cell_bits, self.bits = count, cell_bits, BITS[width]
        self.start = rounded(start, self.bits)
        self.first = int(self._floor(self.start))
        top = self._edge(self.first + count)
        self.scale = rounded((top - self.start) / (end * mpf("1.0003")), self.bits)
        edges = [(self._edge(self.first + i) - self.start) / self.scale for i in range(count + 1)]
        self.edges = [mpf(0)] + edges[1:-1] + [mpf(end)]
        self.phase = (BIAS[width] << cell_bits) % count + self.first
        self.shift = self.bits - 1 - cell_bits

    def _edge(self, cell):
        exponent, part = divmod(cell, 2**self.cell_bits)
        return ldexp(1 + mpf(part) / 2**self.cell_bits, exponent)

    def _floor(self, v):
        exponent = frexp(v)[1] - 1
        return exponent * 2**self.cell_bits + (ldexp(v, -exponent) - 1) * 2**self.cell_bits

    def in_table_order(self, values):
        table = [None] * self.count
        for i, value in enumerate(values):
            table[(self.phase + i) % self.count] = value
        return table


def centred(polynomial, lo, hi, bits, place=0.5, taken=0, count=4000):
    """A centre near lo + place (hi - lo), and the coefficients there, rounded: of many centres the one where rounding the
    first coefficients costs least. `taken` is taken off the constant one before."""
    width = hi - lo
    best = None
    for i in range(-count // 2, count // 2 + 1):
        centre = rounded(lo + width * (place + mpf(i) / (8 * count + 1)), bits)
        c = shifted(polynomial, centre - (lo + hi) / 2)
        c[0] -= taken
        cost = sum(fabs(k - rounded(k, bits)) * (width / 2) ** j for j, k in enumerate(c[:4]))
        if best is None or cost < best[0]:
            best = (cost, centre, c)
    return best[1], [rounded(k, bits) for k in best[2]]


def greatest_error(f, centre, c, lo, hi, weight=lambda value: 1, points=64):
    """Of the polynomial about the centre, on a grid."""
    errors = []
    for i in range(points + 1):
        x = lo + (hi - lo) * i / points
        value = f(x)
        errors.append(fabs(polyval(c[::-1], x - centre) - value) / weight(value))
    return max(errors)


def literal(x):
    return float(x).hex()


def table(name, values, comment=None):
    if comment:
        print(f"// {comment}")
    print(f"inline constexpr double {name}[] = {{")
    for value in values:
        print(f"    {literal(value)},")
    print("};\n")


def rows(name, values, comment):
    """A table a coefficient, one row each."""
    print(f"// {comment}")
    print(f"inline constexpr double {name}[][{len(values[0])}] = {{")
    for row in values:
        print("    {" + ", ".join(map(literal, row)) + "},")
    print("};\n")


def constant(name, value):
    print(f"inline constexpr double {name} = {literal(value)};\n")

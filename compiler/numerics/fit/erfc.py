"""erfc(h) for h >= 0, as normal.py's tail: it is 2 Phi(-sqrt(2) h), and with r = 2 h^2 + mu(h) - N step all else is the same.

    python3 erfc.py > ../coefficients_erfc.inc
"""

from mpmath import erfc, ldexp, ln, mpf

from normal import FORMATS, WIDTH, grid, mu_pieces, mu_tables, near_numbers
from piecewise import BITS, Cells, constant, rounded

# Beyond it, erfc rounds to 0.
END = {"f32": mpf("10.25"), "f64": mpf("27.375")}
# In f32 one more than Phi's: its end is nearer to what is promised.
DEGREE = {"f32": 7, "f64": 11}

print("// Made by fit/erfc.py.\n")
for width, choices in FORMATS.items():
    bits, choices = BITS[width], choices["tail"]
    step = rounded(ln(2) / 4, choices["step_bits"])
    rho = ln(2) / (4 * step)
    t = near_numbers(bits)[0]

    def mu(h):
        return -2 / rho * ln(erfc(h) / 2 / t) - 2 * h * h

    cells = Cells(width, END[width], choices["start"], choices["cell_bits"], choices["count"])
    print(f"// {width}")
    constant(f"kErfcEnd{WIDTH[bits]}", END[width])
    grid(cells, "kErfc")
    mu_tables("kErfc", "erfc", cells, mu, mu_pieces(cells, mu, DEGREE[width], step), step, 9 * ldexp(1, bits - 4))

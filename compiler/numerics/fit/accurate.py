"""Factors i near 1 / m whose -log_b i is within 2^-30 of a short number T, a multiple of 2^last_bit: then log_b m = T +
log_b(m i), and T costs no rounding (Gal, "Computing elementary functions", 1986). With mpmath alone."""

import math
import re

from mpmath import log, mp, mpf, nint

mp.prec = 120
STEPS = 24000  # ulps of i


def inverse(middle, base, last_bit):
    ulp, best = 2.0 ** (-24 if middle > 1 else -23), None
    for step in range(-STEPS, STEPS + 1):
        i = (int(nint(1 / middle / ulp)) + step) * ulp
        scaled = -math.log(i) / float(log(base)) * 2.0**-last_bit
        error = abs(scaled - round(scaled))
        if best is None or error < best[0]:
            best = (error, i, round(scaled) * 2.0**last_bit)
    assert abs(log(best[1], base) + best[2]) < mpf(2) ** -30
    return best[1:]


def hexadecimal(x):
    return re.sub(r"\.?0*p", "p", float(x).hex())


def eighths(name, comment, rows):
    print(f"// {comment}")
    print(f"inline constexpr double {name}[2][8] = {{")
    for column in range(2):
        print("    {" + ", ".join(hexadecimal(row[column]) for row in rows) + "},")
    print("};\n")

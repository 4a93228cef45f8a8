"""tanh in f32: on each of 16 intervals T + r*(...), r = |x| - m.

The intervals are the quarter octaves of |x| + 5/8 from 5/8 to 10: narrow at 0, a fifth of |x| further up. A table's index
is (bits of |x| + 5/8) >> 21, modulo 16. m is chosen near an interval's middle so that tanh(m) is within 2^-7 ulps of an
f32 number T (Gal, "Computing elementary functions", 1986): the constant term then costs nothing, and r*(...) is a
fraction of T, so that its roundings hardly count. The first interval has m = T = 0."""

import struct
from mpmath import atanh, mp, mpf, tanh
from fit import sollya

mp.prec = 120
DEGREE = 6
LAST = 9.03  # tanh is 1 from 9.02 on; the argument is limited to it


def f32(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def bits32(x):
    return struct.unpack("<I", struct.pack("<f", x))[0]


def nearest(x):
    return struct.unpack("<f", struct.pack("<f", float(x)))[0]


def accurate_point(lo, hi):
    middle, best = (lo + hi) / 2, None
    for step in range(-2000, 2000):
        t = f32(bits32(nearest(tanh(mpf(middle)))) + step)
        if t >= 1:
            continue
        m = nearest(atanh(mpf(t)))
        error = abs(tanh(mpf(m)) / t - 1)
        if abs(m - middle) < (hi - lo) / 16 and (best is None or error < best[0]):
            best = (error, m, t)
    return best[1], best[2]


rows = {}
worst = None
for quarter in range(16):
    start = bits32(0.625) + (quarter << 21)
    lo, hi = f32(start) - 0.625, min(f32(start + (1 << 21)) - 0.625, LAST)
    m, t = (0.0, 0.0) if lo == 0 else accurate_point(lo, hi)
    f = f"tanh(x+({m.hex()}))"
    reach = f"[{(lo - m).hex() if lo else '1b-60'};{(hi - m).hex()}]"
    out = sollya(f"""p = fpminimax({f}, [|{",".join(str(i) for i in range(1, DEGREE + 1))}|], [|SG...|], {reach}, floating,
        relative, {t.hex()});
        b = dirtyinfnorm(p/{f}-1, {reach});
        print(ceil(log2(b) * 10)); display = hexadecimal!;
        for i from 1 to {DEGREE} do print(coeff(p, i));""")
    worst = int(out[0]) if worst is None else max(worst, int(out[0]))
    rows[(start >> 21) & 15] = [m.hex(), t.hex()] + out[1:]
print("// Made by fit/tanh.py.\n")
print(f"// tanh on 16 intervals: relative error below 2^{worst / 10:.1f}. Row by row: m, T, then of r, r^2, ...")
print(f"inline constexpr double kTanhF32[{DEGREE + 2}][16] = {{")
for column in range(DEGREE + 2):
    print("    {" + ", ".join(rows[i][column] for i in range(16)) + "},")
print("};")

"""e^x = P (1 + s) with P = 2^k C 2^(j/8): C is chosen so that all eight C 2^(j/8) are numbers, nearly (Gal, "Computing
elementary functions", 1986), and s = e^r / C - 1 where r = x less the eighths of ln 2."""

import struct

from accurate import hexadecimal
from fit import fit


def number(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def shifted(x, j):
    """The number whose bits are x's less j eighths of an octave: adding (8 k + j) 2^20 gives 2^k x."""
    bits = struct.unpack("I", struct.pack("f", x))[0] - (j << 20)
    return struct.unpack("f", struct.pack("I", bits))[0]


eighths = [2.0 ** (j / 8) for j in range(8)]
best = (1.0, 0.0)
for step in range(-700_000, 370_000):  # half an eighth of an octave to either side
    c, worst = 1 + step * 2.0 ** (-24 if step < 0 else -23), 0.0
    for e in eighths[1:]:
        worst = max(worst, abs(number(c * e) / (c * e) - 1))
        if worst >= best[0]:
            break
    else:
        best = (worst, c)
worst, c = best

print("// Made by fit/exp_eighths.py.\n")
print(f"// C 2^(j/8), relative error {worst:.1e}; less j eighths of an octave in their bits.")
print("inline constexpr double kExpEighthF32[8] = {")
for j, e in enumerate(eighths):
    print(f"    {hexadecimal(shifted(number(c * e), j))},")
print("};\n")
fit("kExpLessOneF32", f"(exp(x)/{c.hex()}-1)", list(range(5)), "f32", "-0.0434", "0.0434",
    error=f"p-(exp(x)/{c.hex()}-1)", meaning="s, degree 4: error")

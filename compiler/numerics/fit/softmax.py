"""Softmax's exponential: 2^(j/8) and e^r, both exactly 1 at 0.

    python3 softmax.py > ../coefficients_softmax.inc
"""

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
worst = max(abs(number(e) / e - 1) for e in eighths)
print("// Made by fit/softmax.py.\n")
print(f"// 2^(j/8), relative error {worst:.1e}; less j eighths of an octave in their bits.")
print("inline constexpr double kSoftmaxEighth[8] = {")
for j, e in enumerate(eighths):
    print(f"    {hexadecimal(shifted(number(e), j))},")
print("};\n")
fit("kSoftmaxExp", "exp(x)", list(range(1, 4)), "f32", "-0.0434", "0.0434", kind="relative", error="p/exp(x)-1",
    meaning="e^r: relative error", fixed="1")

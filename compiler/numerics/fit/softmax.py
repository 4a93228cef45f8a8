"""The polynomial of softmax's exponential: e^r, exactly 1 at 0.

    python3 softmax.py > ../coefficients_softmax.inc
"""

from fit import fit

print("// Made by fit/softmax.py.\n")
fit("kSoftmaxExp", "exp(x)", list(range(1, 6)), "f32", "-0.3475", "0.3475", kind="relative", error="p/exp(x)-1",
    meaning="e^r: relative error", fixed="1")

"""Polynomials for the grades of accuracy (grade.hpp): e^x = 2^k 2^-s with s = k - x log2 e, (2^-s - 1)/s and log(1 + q)/q for 0 <= q <= 1.

    python3 fast_exp.py > ../coefficients_fast_exp.inc
"""

from fit import fit

print("// Made by fit/fast_exp.py.\n")
for degree in (2, 3, 4, 5):
    fit(f"kFastExp2Degree{degree}", "2^(-x)", list(range(degree + 1)), "f32", "-0.5005", "0.5005", kind="relative",
        error="p/2^(-x)-1", meaning=f"2^-s, degree {degree}: relative error")
for degree in (3, 5, 6):
    fit(f"kFastLog1pDegree{degree}", "log(1+x)/x", list(range(degree + 1)), "f32", "1b-30", "1", kind="relative",
        error="p/(log(1+x)/x)-1", meaning=f"log(1 + q)/q, degree {degree}: relative error")
for degree in (3, 4):
    fit(f"kFastExp2Less1Degree{degree}", "expm1(-x*log(2))/x", list(range(degree + 1)), "f32", "-0.5005", "0.5005", kind="relative",
        error="p/(expm1(-x*log(2))/x)-1", meaning=f"(2^-s - 1)/s, degree {degree}: relative error")

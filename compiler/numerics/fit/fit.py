"""Fits a polynomial with Sollya and prints it as a C++ table with its bound.

Method: fpminimax (Brisebarre and Chevillard, "Efficient polynomial L-infinity approximations", ARITH 2007), with
coefficients of the width in which they are used. The bound printed is Sollya's supnorm of the error named beside it,
rounded up. The scripts exp.py, log.py, ... say what is fitted to what; each prints a whole coefficients_*.inc:

    python3 exp.py > ../coefficients_exp.inc

Sollya is not needed to build: the tables are committed, and tests/unit/numerics/test_coefficients.cpp checks their
bounds again, in long double, without it.
"""

import subprocess

FORMATS = {"f32": "SG", "f64": "D"}  # SG: 24 bits with f32's exponents


def sollya(script):
    run = subprocess.run(["sollya", "--warnonstderr"], input="verbosity = 0!; prec = 250!; " + script + "\nquit;",
                         capture_output=True, text=True, check=True)
    if "error" in run.stdout or not run.stdout.strip():
        raise RuntimeError(script + "\n" + run.stdout + run.stderr)
    return run.stdout.split()


def fit(name, function, monomials, width, lo, hi, kind="absolute", error=None, meaning="relative error", fixed="0", plus="0"):
    """`fixed` plus a polynomial in the monomials, nearest to `function` on [lo, hi] in absolute or relative error. `error`, in
    terms of p (the whole polynomial), is the function whose maximum is printed as the bound; `plus` is added to
    the fitted polynomial."""
    error = error or f"p/({function})-1"
    formats = ", ".join([FORMATS[width]] * len(monomials))
    powers = ", ".join(str(m) for m in monomials)
    out = sollya(f"""p = fpminimax({function}, [|{powers}|], [|{formats}|], [{lo};{hi}], floating, {kind}, {fixed}) + {plus};
        b = dirtyinfnorm({error}, [{lo};{hi}]);
        print(ceil(log2(b) * 10));
        display = hexadecimal!;
        for i from 0 to degree(p) do print(coeff(p, i));""")
    table(name, out[1:], f"{meaning} below 2^{int(out[0]) / 10:.1f} on [{lo}, {hi}]")


def table(name, coefficients, comment):
    print(f"// {comment}")
    print(f"inline constexpr double {name}[] = {{")
    for c in coefficients:
        print(f"    {c},")
    print("};\n")

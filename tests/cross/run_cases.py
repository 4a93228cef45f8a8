#!/usr/bin/env python3
"""Makes the library's kernels ahead of time for an architecture, runs them on the hashes' inputs, and
compares the bits with tests/hashes.json. Exit code 77: what is needed for that is not installed.

usage: run_cases.py ARCHITECTURE   in the environment: SLUICE, CASES, CC
"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SLUICE, CASES = os.environ["SLUICE"], os.environ.get("CASES")
RVV = "rv64,v=true,vext_spec=v1.0,vlen="
# By architecture: the targets, each a library of its own; their family; the compiler; how its
# programs run; a function that is left out.
ARCHITECTURES = {
    "x86-64": (["x86-64-v3", "x86-64-v4"], "fma", os.environ.get("CC", "cc"), [[]], None),
    "x86-64-v2": (["x86-64-v2"], "nofma", os.environ.get("CC", "cc"), [[]], None),
    "aarch64": (["aarch64", "aarch64+sve2"], "fma", "aarch64-linux-gnu-gcc",
                [["qemu-aarch64-static", "-cpu", "max"]], None),
    # QEMU 7.2 stops with an assertion of its own where vfcvt.rtz comes first after vsetvli.
    "riscv64": (["riscv64+v"], "fma", "riscv64-linux-gnu-gcc",
                [["qemu-riscv64-static", "-cpu", RVV + "128"],
                 ["qemu-riscv64-static", "-cpu", RVV + "256"]], "trunc"),
    "ppc64le": (["ppc64le"], "fma", "powerpc64le-linux-gnu-gcc",
                [["qemu-ppc64le-static", "-cpu", "power8"]], None),
    "wasm32": (["wasm32+simd128"], "nofma", None, [["node"]], None),
}


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, **options)


class Cases:
    """The inputs, and what is done with each library."""

    def __init__(self, architecture, inputs):
        _, self.family, self.compiler, _, left_out = ARCHITECTURES[architecture]
        self.without = [] if left_out is None else [left_out]
        self.inputs = Path(inputs)
        self.functions = run(CASES, "write", inputs, *self.without, stdout=subprocess.PIPE,
                             text=True).stdout.split()

    def make(self, target, folder):
        """What is run."""
        run(SLUICE, "compile", "-o", folder / "cases", "--functions", ",".join(self.functions),
            "--passes", "forward,backward", "--dtypes", "f32,f64,f16,bf16", "--targets", target,
            "--baked", stdout=subprocess.DEVNULL)
        if self.compiler is None:
            return [Path(__file__).with_name("run_cases.mjs"), folder]
        self.check_symbols(folder / "libcases.a")
        run(self.compiler, "-O1", "-static", "-w", "-I", folder, self.inputs / "program.c",
            folder / "libcases.a", "-o", folder / "program")
        return [folder / "program"]

    def check_symbols(self, library):
        """The library needs no other."""
        nm = self.compiler.removesuffix("gcc") + "nm" if "linux" in self.compiler else "nm"
        listed = run(nm, "-u", library, stdout=subprocess.PIPE, text=True).stdout
        symbols = {line.split()[-1] for line in listed.splitlines() if " U " in line}
        strays = {one for one in symbols if not one.startswith("cases_")} - {"getauxval", ".TOC."}
        assert not strays, f"{library.name} needs {strays}"

    def compare(self, name, command, folder):
        outputs = folder / "outputs"
        with open(outputs, "wb") as file:
            done = subprocess.run(command, stdout=file, cwd=self.inputs, check=False)
        if done.returncode == 3:
            print(f"skipped: {name}: this processor lacks it")
            return True
        if done.returncode != 0:
            print(f"{name}: the program ended with {done.returncode}")
            return False
        checked = subprocess.run([CASES, "check", outputs, self.family, *self.without],
                                 stdout=subprocess.PIPE, text=True, check=False)
        print("\n".join(f"{name}: {line}" for line in checked.stdout.splitlines()))
        if checked.returncode == 0:
            print(f"ran: {name}")
        return checked.returncode == 0


def is_installed(architecture):
    """Whether all is there that programs for it are made and run with; what is not, is said."""
    _, _, compiler, runners, _ = ARCHITECTURES[architecture]
    needed = [[compiler] if compiler else ["wasm-ld-19", "wasm-ld"], *[[one] for one in runners[0][:1]]]
    for names in needed:
        if not any(map(shutil.which, names)):
            print(f"skipped: {architecture}: there is no {names[-1]}")
            return False
    return True


def main():
    architecture = sys.argv[1]
    targets, _, _, runners, _ = ARCHITECTURES[architecture]
    if not is_installed(architecture):
        return 77
    right = True
    with tempfile.TemporaryDirectory() as inputs:
        cases = Cases(architecture, inputs)
        for target in targets:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                program = cases.make(target, folder)
                for runner in runners:
                    right = cases.compare(" ".join([target, *runner[-1:]]), [*runner, *program],
                                          folder) and right
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())

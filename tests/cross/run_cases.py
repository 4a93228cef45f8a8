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

SLUICE, CASES = os.environ["SLUICE"], os.environ["CASES"]
RVV = "rv64,v=true,vext_spec=v1.0,vlen="
# By architecture: the targets, each a library of its own; the compiler; how its programs run; a
# function that is left out.
ARCHITECTURES = {
    "x86-64": (["x86-64-v3", "x86-64-v4"], os.environ.get("CC", "cc"), [[]], None),
    "aarch64": (["aarch64", "aarch64+sve2"], "aarch64-linux-gnu-gcc",
                [["qemu-aarch64-static", "-cpu", "max"]], None),
    # QEMU 7.2 stops with an assertion of its own where vfcvt.rtz comes first after vsetvli.
    "riscv64": (["riscv64+v"], "riscv64-linux-gnu-gcc",
                [["qemu-riscv64-static", "-cpu", RVV + "128"],
                 ["qemu-riscv64-static", "-cpu", RVV + "256"]], "trunc"),
    "ppc64le": (["ppc64le"], "powerpc64le-linux-gnu-gcc",
                [["qemu-ppc64le-static", "-cpu", "power8"]], None),
}


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, **options)


def compare(name, program, runner, inputs, without):
    outputs = program.with_name("outputs")
    with open(outputs, "wb") as file:
        done = subprocess.run([*runner, program], stdout=file, cwd=inputs, check=False)
    if done.returncode == 3:
        print(f"skipped: {name}: this processor lacks it")
        return True
    if done.returncode != 0:
        print(f"{name}: the program ended with {done.returncode}")
        return False
    checked = subprocess.run([CASES, "check", outputs, *without], stdout=subprocess.PIPE, text=True,
                             check=False)
    print("\n".join(f"{name}: {line}" for line in checked.stdout.splitlines()))
    if checked.returncode == 0:
        print(f"ran: {name}")
    return checked.returncode == 0


def make(target, compiler, functions, inputs, folder):
    run(SLUICE, "compile", "-o", folder / "cases", "--functions", ",".join(functions), "--passes",
        "forward,backward", "--dtypes", "f32,f64,f16,bf16", "--targets", target, "--baked",
        stdout=subprocess.DEVNULL)
    run(compiler, "-O1", "-static", "-w", "-I", folder, inputs / "program.c",
        folder / "libcases.a", "-o", folder / "program")
    return folder / "program"


def main():
    architecture = sys.argv[1]
    targets, compiler, runners, left_out = ARCHITECTURES[architecture]
    for needed in [compiler, *runners[0][:1]]:
        if shutil.which(needed) is None:
            print(f"skipped: {architecture}: there is no {needed}")
            return 77
    without = [] if left_out is None else [left_out]
    right = True
    with tempfile.TemporaryDirectory() as inputs:
        functions = run(CASES, "write", inputs, *without, stdout=subprocess.PIPE,
                        text=True).stdout.split()
        for target in targets:
            with tempfile.TemporaryDirectory() as folder:
                program = make(target, compiler, functions, Path(inputs), Path(folder))
                for runner in runners:
                    name = " ".join([target, *runner[-1:]])
                    right = compare(name, program, runner, inputs, without) and right
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())

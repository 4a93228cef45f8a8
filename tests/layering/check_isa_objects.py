#!/usr/bin/env python3
"""Checks objects compiled for one instruction set: check_isa_objects.py NM OBJECT...

Objects of *_v3.cpp and *_v4.cpp hold AVX2 or AVX-512 code and run only where CPUID allows it. An
inline function or template that such an object defines as a weak symbol may be the copy that the
linker keeps for the whole program, which then stops with an illegal instruction on a lesser
processor. So these objects may define no weak symbol. Exit code 1 with a line for each, 77 if there
are no such objects.
"""
import re
import subprocess
import sys

OF_ONE_ISA = re.compile(r"_v[34]\.cpp\.o$")


def weak_symbols(nm, path):
    listing = subprocess.run([nm, "-C", "--defined-only", path], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    rows = (line.split(maxsplit=2) for line in listing.splitlines())
    return [row[2] for row in rows if len(row) == 3 and row[1] in "wWvVu"]


def main(nm, objects):
    objects = [path for path in objects if OF_ONE_ISA.search(path)]
    if not objects:
        print("skipped: objects of one instruction set: this build has none")
        return 77
    found = [f"{path}: shares {symbol}" for path in objects for symbol in weak_symbols(nm, path)]
    print("\n".join(found) if found else f"{len(objects)} objects share nothing")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

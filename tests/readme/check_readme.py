#!/usr/bin/env python3
"""Checks that README.md shows code that is built and run: check_readme.py ROOT

Each block marked `cpp` must stand, indentation aside, in one of examples/*/*.cpp. Exit code 1 with
the first line of each block that does not.
"""
import re
import sys
from pathlib import Path


def without_indentation(text):
    return "\n".join(line.strip() for line in text.strip().splitlines())


def main(root):
    programs = [without_indentation(path.read_text(encoding="utf-8"))
                for path in sorted(root.glob("examples/*/*.cpp"))]
    readme = (root / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```cpp\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    if not blocks:
        print("README.md shows no C++")
        return 1
    strays = [block for block in blocks
              if not any(without_indentation(block) in program for program in programs)]
    for block in strays:
        print(f"README.md: no example holds the block that begins: {block.strip().splitlines()[0]}")
    return 1 if strays else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

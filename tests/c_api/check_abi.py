#!/usr/bin/env python3
"""Checks the binary interface: check_abi.py NM CC LIBRARY ABI_FILE TESTS HEADER... -- CFLAGS...

ABI_FILE lists, for 64-bit processors, what programs that were linked earlier rely on: the functions
that the shared library exports, the values of constants, and where the fields of structures lie.
The check fails where the library and its headers say otherwise, where the library exports anything
else, where a function's comment does not say from which threads it may be called, and where no test
in the folder TESTS calls it. SLUICE_UPDATE_ABI=1 rewrites the file; its difference is to be read:
lines may come, but those of a released version stay, but for the size of a structure with `size`.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

COMMENT = re.compile(r"//[^\n]*")
FUNCTION = re.compile(r"SLUICE_API[^;]*?\b(sluice_\w+)\(")
STRUCT = re.compile(r"typedef struct (\w+) \{(.*?)\n\} \w+;", re.DOTALL)
ENUM = re.compile(r"\benum \{(.*?)\}", re.DOTALL)
THREADS = re.compile(r"Threads: (any|exclusive)")


def exported(nm, library):
    lines = subprocess.run([nm, "-D", "--defined-only", library], check=True, text=True,
                           capture_output=True).stdout.splitlines()
    symbols = [line.split() for line in lines]
    # "A" is the name of the symbols' version; nothing else is meant to be seen.
    return sorted(name.split("@")[0] for _, kind, name in symbols if kind != "A")


def fields(body):
    """Names of the fields of a structure, which the house's style puts one or more a line."""
    found = []
    for declaration in COMMENT.sub("", body).split(";"):
        pointer = re.search(r"\(\*(\w+)\)\(", declaration)
        if pointer:
            found.append(pointer[1])
        elif declaration.strip():
            names = declaration.strip().split(",")
            found += [re.search(r"(\w+)(\[\d+\])?\s*$", name)[1] for name in names]
    return found


def layout(cc, flags, headers):
    """Constants and structures as the compiler sees them."""
    text = "\n".join(Path(header).read_text(encoding="utf-8") for header in headers)
    prints = []
    for body in ENUM.findall(text):
        for name in re.findall(r"\bSLUICE_\w+", COMMENT.sub("", body)):
            prints.append(f'printf("constant {name} %d\\n", (int){name});')
    for name, body in STRUCT.findall(text):
        prints.append(f'printf("struct {name} %zu\\n", sizeof({name}));')
        for field in fields(body):
            prints.append(f'printf("field {name}.{field} %zu\\n", offsetof({name}, {field}));')
    includes = "".join(f'#include "{Path(header).resolve()}"\n' for header in headers)
    program = ("#include <stdio.h>\n" + includes + "int main(void) {\n" + "\n".join(prints) +
               "\nreturn 0;\n}\n")
    with tempfile.TemporaryDirectory() as folder:
        source, binary = Path(folder) / "layout.c", Path(folder) / "layout"
        source.write_text(program, encoding="utf-8")
        subprocess.run([cc, "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", *flags, source,
                        "-o", binary], check=True)
        return subprocess.run([binary], check=True, text=True,
                              capture_output=True).stdout.splitlines()


def undocumented(headers):
    """Functions whose comment does not end by saying from which threads they may be called."""
    for header in headers:
        text = Path(header).read_text(encoding="utf-8")
        for match in FUNCTION.finditer(text):
            before = text[:match.start()].rstrip().splitlines()
            comment = []
            while before and before[-1].startswith("//"):
                comment.insert(0, before.pop())
            if not THREADS.search(" ".join(comment)):
                yield match[1]


def main(arguments):
    split = arguments.index("--")
    nm, cc, library, abi_file, tests, *headers = arguments[:split]
    declared = sorted(name for header in headers
                      for name in FUNCTION.findall(Path(header).read_text(encoding="utf-8")))
    symbols = exported(nm, library)
    called = "".join(path.read_text(encoding="utf-8") for path in sorted(Path(tests).glob("*.c")))
    found = [f"exported and not declared: {name}" for name in symbols if name not in declared]
    found += [f"declared and not exported: {name}" for name in declared if name not in symbols]
    found += [f"no 'Threads: any' or 'exclusive': {name}" for name in undocumented(headers)]
    found += [f"no test calls it: {name}" for name in declared
              if not re.search(rf"\b{name}\(", called)]

    is_lines = [f"function {name}" for name in symbols] + layout(cc, arguments[split + 1:], headers)
    if os.environ.get("SLUICE_UPDATE_ABI"):
        Path(abi_file).write_text("\n".join(is_lines) + "\n", encoding="utf-8")
    listed = Path(abi_file).read_text(encoding="utf-8").splitlines()
    found += [f"not in {Path(abi_file).name}: {line}" for line in is_lines if line not in listed]
    found += [f"gone, though listed: {line}" for line in listed if line not in is_lines]
    print("\n".join(found) if found else f"abi: {len(symbols)} functions as listed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

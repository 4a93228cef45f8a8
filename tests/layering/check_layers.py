#!/usr/bin/env python3
"""Checks the sources against the architecture: check_layers.py [ROOT]

Comes in: the tree. Goes out: one line "file:line: what is wrong" a violation, and exit code 1 if
there is any. What is held:
  - a layer includes itself and layers before it, back ends never each other;
  - public headers, examples/, docs/ and python/ see the public interface (<sluice/...>) alone;
  - each third-party library is included only where the table below says;
  - no source file is longer than 600 lines. A table may be: it is a .def or .inc file, or it stands
    in TABLES below with the reason.
"""
import os
import re
import sys
from pathlib import Path

# Layers from the bottom up. Those on one line may not include each other.
LAYERS = [
    ["support"],
    ["dsl"],
    ["compiler/ir"],
    ["compiler/lower"],
    ["compiler/autodiff"],
    ["compiler/rewrite"],
    ["compiler/numerics"],
    ["compiler/schedule"],
    ["compiler/object"],
    ["compiler/backend/composed", "compiler/backend/interpreter", "compiler/backend/x64",
     "compiler/backend/llvm"],
    ["compiler/driver"],
    ["runtime"],
    ["bench/measure"],
    ["bench/measure"],
    ["tools", "bench"],
    ["tests"],
]
RANK = {layer: rank for rank, row in enumerate(LAYERS) for layer in row}

# Folders that use Sluice as any embedder would.
EMBEDDERS = ["examples", "docs", "python"]

# First part of an include path, and where it may stand. At run time the library needs none of them.
THIRD_PARTY = {
    "xbyak": ["compiler/backend/x64"],
    "llvm": ["compiler/backend/llvm"],
    "llvm-c": ["compiler/backend/llvm"],
    "fmt": ["tools", "bench", "tests"],
    "CLI": ["tools", "bench", "tests"],
    "nlohmann": ["tools", "bench", "tests"],
    "Zydis": ["tools", "bench", "tests"],
    "mpfr.h": ["tools", "tests"],
    "gmp.h": ["tools", "tests"],
    "catch2": ["tests"],
    "benchmark": ["bench"],
    "xxhash.h": ["runtime", "tests"],
    "omp.h": ["runtime/include"],
    "oneapi": ["runtime/include"],
    "mpi.h": ["runtime/include", "tests", "examples"],
    "dlpack": ["runtime/c", "runtime/include", "tests", "examples"],
    "Eigen": ["examples"],
    "eigen3": ["examples"],
}

MAX_LINES = 600
# Sources that are tables though their name does not say so: path, and why.
TABLES: dict[str, str] = {}

CODE = {".cpp", ".hpp", ".h", ".c", ".def", ".inc"}
SIZED = {".cpp", ".hpp", ".h", ".c", ".py", ".cmake"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def sources(root):
    """Every file of the tree that a rule speaks of, as paths relative to `root`, in order."""
    found = []
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = [f for f in folders if not f.startswith(".") and f != "__pycache__"
                      and not (here == Path(".") and f.startswith("build"))]
        found += [here / f for f in files
                  if Path(f).suffix in CODE | SIZED or f == "CMakeLists.txt"]
    return sorted(found)


def layer_of(path):
    """The layer a path lies in, None for a path outside all; bench/measure comes before bench."""
    text = path.as_posix()
    return next((layer for layer in RANK if text.startswith(layer + "/")), None)


def embedder_of(path):
    return path.parts[0] if path.parts and path.parts[0] in EMBEDDERS else None


def is_public_header(path):
    return "include/sluice/" in path.as_posix()


def resolve(root, source, quoted, name):
    """The file of the tree that an include names, relative to the root; None if it is outside."""
    candidates = []
    if quoted:
        candidates = [Path(name), source.parent / name]
    if name.startswith("sluice/"):
        candidates += [Path("support/include") / name, Path("runtime/include") / name]
    for candidate in candidates:
        if (root / candidate).is_file():
            return Path(os.path.normpath(candidate))
    return None


def check_third_party(source, name):
    allowed = THIRD_PARTY.get(name.split("/")[0])
    if allowed and not any(source.as_posix().startswith(place + "/") for place in allowed):
        return f"{name} may be included only from {', '.join(allowed)}"
    return None


def check_outsider(source, target, public):
    """For a source that may see the public interface alone."""
    if is_public_header(target):
        return None
    if not public and embedder_of(source) == embedder_of(target):
        return None
    who = "a public header" if public else f"{embedder_of(source)}/"
    return f"{who} may include <sluice/...> only, not {target.as_posix()}"


def check_layer(source, target):
    own, other = layer_of(source), layer_of(target)
    if own is None or own == other:
        return None
    if other is None:
        return f"{own} may not include {target.as_posix()}, which is in no layer"
    if RANK[other] < RANK[own]:
        return None
    return f"{own} may not include {target.as_posix()}: {other} does not stand before it"


def check_include(root, source, quoted, name):
    """What is wrong with one include line, or None."""
    wrong = check_third_party(source, name)
    if wrong:
        return wrong
    target = resolve(root, source, quoted, name)
    public = is_public_header(source)
    if target is None:
        return f"{name} is not in the tree; others' headers go in <>" if quoted else None
    if public or embedder_of(source):
        wrong = check_outsider(source, target, public)
        if wrong or not public:
            return wrong
    return check_layer(source, target)


def violations(root):
    """All violations below `root`, as "file:line: text"."""
    root = Path(root)
    found = []
    for source in sources(root):
        lines = (root / source).read_text(encoding="utf-8", errors="replace").splitlines()
        if source.suffix in CODE:
            for number, line in enumerate(lines, 1):
                match = INCLUDE.match(line)
                wrong = match and check_include(root, source, match[1] == '"', match[2])
                if wrong:
                    found.append(f"{source.as_posix()}:{number}: {wrong}")
        is_sized = source.suffix in SIZED or source.name == "CMakeLists.txt"
        if is_sized and len(lines) > MAX_LINES and source.as_posix() not in TABLES:
            found.append(f"{source.as_posix()}:{MAX_LINES + 1}: {len(lines)} lines; "
                         f"{MAX_LINES} is the limit for what is not a table")
    return found


def main(arguments):
    root = Path(arguments[0] if arguments else ".")
    if not (root / "support").is_dir():
        print(f"{root} is not Sluice's source tree", file=sys.stderr)
        return 2
    found = violations(root)
    print("\n".join(found) if found else "layering: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

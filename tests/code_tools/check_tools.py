#!/usr/bin/env python3
"""Checks what tools are told of kernels: check_tools.py gdb|perf_map|jitdump PROGRAM

Exit code 77, with the reason, where the machine lacks the tool.
"""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77


def skip(tool, reason):
    print(f"skipped: code_tools.{tool}: {reason}")
    sys.exit(SKIPPED)


def run(program, way, tool, **variables):
    """The number of the process that compiled kernels, and (address, function) of each."""
    environment = dict(os.environ, SLUICE_CODE_TOOLS=tool, **variables)
    done = subprocess.run([program, way], env=environment, capture_output=True, text=True)
    if done.returncode == SKIPPED:
        skip(tool, done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    number, *kernels = done.stdout.split("\n")[:-1]
    pairs = [line.split(" ") for line in kernels]
    return int(number), [(int(address, 16), function) for address, function in pairs]


def check_gdb(program):
    gdb = shutil.which("gdb")
    if gdb is None:
        skip("gdb", "gdb is not installed")
    script = ["set confirm off", "set auto-load no", "set debuginfod enabled off",
              "set environment SLUICE_CODE_TOOLS gdb", "run names", "run fault", "bt"]
    command = [gdb, "-nx", "-batch"] + [part for line in script for part in ("-ex", line)]
    done = subprocess.run(command + ["--args", program], capture_output=True, text=True)
    text = done.stdout
    print(text + done.stderr)
    if "SIGSEGV" not in text:
        skip("gdb", "gdb can't run a program here")
    frames = re.findall(r"^#\d+ .*$", text, re.M)
    assert re.search(r"sluice:gelu\.forward\.f32\.v[34]\[n\]", frames[0]), "no name of the kernel"
    assert "fault()" in frames[1], "no caller"
    assert "main" in "".join(frames[2:]), "the backtrace ends early"
    assert not any("??" in frame for frame in frames), "a frame without a name"
    assert "exited normally" in text, "kernels that came and went"


def check_kernels(found, kernels, where):
    """`found`: address to name."""
    for address, function in kernels:
        name = found.get(address)
        assert name is not None, f"no {function} in {where}"
        form = r"\[n,40\]" if function == "softmax" else r"\[n\]"
        assert re.fullmatch(rf"sluice:{function}\.forward\.f32\.v[34]{form}", name), name


def check_perf_map(program):
    for way in ("names", "fork"):
        process, kernels = run(program, way, "perf_map")
        path = Path(f"/tmp/perf-{process}.map")
        lines = path.read_text().splitlines()
        path.unlink()
        found = {}
        for line in lines:
            address, size, name = line.split(" ", 2)
            assert int(size, 16) > 0
            found[int(address, 16)] = name
        check_kernels(found, kernels, path)
        assert not any(":relu" in name for name in found.values()), "the parent's in the child's"


def read_dump(data):
    """Address to (name, code) of a jitdump's records."""
    magic, version, size, machine = struct.unpack_from("<4I", data)
    assert (magic, version, size, machine) == (0x4A695444, 1, 40, 62)
    found, indices, last = {}, [], 0
    while size < len(data):
        kind, total, time = struct.unpack_from("<IIQ", data, size)
        assert kind == 0 and time >= last
        last = time
        address, entry, length, index = struct.unpack_from("<4Q", data, size + 24)
        body = data[size + 56:size + total]
        name, code = body[:-length - 1], body[-length:]
        assert address == entry and body[-length - 1] == 0
        found[address] = name.decode(), code
        indices.append(index)
        size += total
    assert size == len(data) and len(set(indices)) == len(indices)
    return found


def check_jitdump(program):
    for way in ("names", "fork"):
        with tempfile.TemporaryDirectory() as folder:
            process, kernels = run(program, way, "jitdump", JITDUMPDIR=folder)
            found = read_dump((Path(folder) / f"jit-{process}.dump").read_bytes())
        check_kernels({at: name for at, (name, _) in found.items()}, kernels, "the dump")
        assert all(len(code) > 16 for _, code in found.values())


def main():
    tool, program = sys.argv[1:]
    {"gdb": check_gdb, "perf_map": check_perf_map, "jitdump": check_jitdump}[tool](program)
    print(f"ran: {tool}")


if __name__ == "__main__":
    main()

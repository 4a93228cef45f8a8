"""What the tests of the command share: running it, and reading and writing .npy files.

The path of the command comes in the environment variable SLUICE. Arrays are lists of Python numbers
with a dtype ("<f4") and a shape; elements are also compared as bytes, where bits matter.
"""
import json
import math
import os
import re
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

SLUICE = os.environ.get("SLUICE", "sluice")
TARGETS = ["interpreter", "llvm", "x86-64-v3", "x86-64-v4"]
CODES = {"f4": "f", "f8": "d", "f2": "e", "u2": "H", "i1": "b", "u1": "B", "i4": "i", "i8": "q",
         "b1": "?"}


class Finished:
    """What a run of the command left."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()

    def json(self):
        return json.loads(self.out)


def sluice(*arguments, stdin=b"", folder=None):
    """Runs the command."""
    words = [SLUICE, *[str(word) for word in arguments]]
    return Finished(subprocess.run(words, input=stdin, capture_output=True, cwd=folder, timeout=120,
                                   check=False))


def memory_of(*arguments, folder=None):
    """Runs the command; the most memory it held, in bytes."""
    words = [SLUICE, *[str(word) for word in arguments]]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL) as started:
        _, status, usage = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
    assert started.returncode == 0, words
    return usage.ru_maxrss * 1024


def runnable_targets():
    """Those of TARGETS that this machine runs, e.g. ["interpreter", "llvm", "x86-64-v3"]."""
    version = sluice("--version", "--json").json()
    runs = {one.split("+")[0] for one in version["processor"]["runs"]}
    return [target for target in TARGETS
            if target in version["rungs"] or target in version["targets"] and target in runs]


def report_targets(ran):
    """The lines that `./dev test` closes with."""
    for target in TARGETS:
        if target in ran:
            print(f"ran: {target}")
        else:
            print(f"skipped: {target}: this processor or this build lacks it")


def npy_bytes(values, descr="<f4", shape=None):
    """A .npy file of these values."""
    values = list(values)
    shape = (len(values),) if shape is None else tuple(shape)
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    data = struct.pack(f"<{len(values)}{CODES[descr[1:]]}", *values)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


class Array:
    """A .npy file as it was read."""

    def __init__(self, path):
        content = Path(path).read_bytes()
        assert content[:8] == b"\x93NUMPY\x01\x00", path
        length = struct.unpack("<H", content[8:10])[0]
        header = content[10:10 + length].decode()
        self.descr = re.search(r"'descr': '([^']*)'", header)[1]
        self.shape = tuple(int(n) for n in re.findall(r"\d+", re.search(r"\(([^)]*)\)", header)[1]))
        self.data = content[10 + length:]
        code = CODES[self.descr[1:]]
        count = len(self.data) // struct.calcsize(code)
        self.values = struct.unpack(f"<{count}{code}", self.data)


def to_f32(value):
    """The nearest f32, as a Python float."""
    if math.isnan(value) or math.isinf(value):
        return value
    if abs(value) >= 2.0**128 - 2.0**103:
        return math.copysign(math.inf, value)
    return struct.unpack("<f", struct.pack("<f", value))[0]


class CommandTest(unittest.TestCase):
    """A test in a folder of its own."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def sluice(self, *arguments, stdin=b""):
        return sluice(*arguments, stdin=stdin, folder=self.folder)

    def succeeds(self, *arguments, stdin=b""):
        done = self.sluice(*arguments, stdin=stdin)
        self.assertEqual(done.code, 0, f"{arguments}: {done.err}")
        return done

    def values(self, *arguments, stdin=b""):
        """The numbers of one printed line."""
        lines = self.succeeds("run", *arguments, stdin=stdin).out.splitlines()
        self.assertEqual(len(lines), 1, lines)
        return [float(word) for word in lines[0].split()]

    def fails(self, *arguments, says, stdin=b""):
        """Bad usage: exit code 2, words on standard error, nothing printed or written."""
        before = sorted(self.folder.iterdir())
        done = self.sluice(*arguments, stdin=stdin)
        self.assertEqual(done.code, 2, f"{arguments}: {done.out}{done.err}")
        self.assertIn(says, done.err)
        self.assertEqual(done.out, "")
        self.assertEqual(sorted(self.folder.iterdir()), before)
        return done

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

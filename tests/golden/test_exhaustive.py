"""All 65,536 numbers of f16 and bf16 through `sluice run`, on every target, against results that were
rounded once. README.md says what the data is."""
import json
import lzma
import struct
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))

from command import Array, npy_bytes, report_targets, runnable_targets, sluice  # noqa: E402

CASES = [case for case in json.loads((HERE / "manifest.json").read_text())["cases"]
         if case["group"] == "exhaustive"]
PATTERNS = range(1 << 16)
INFINITY = {"f16": 0x7C00, "bf16": 0x7F80}


def is_finite(bits, dtype):
    return bits & 0x7FFF < INFINITY[dtype]


def ordinal(bits):
    """Numbers in their order as consecutive integers; both zeros are 0."""
    return bits if bits < 0x8000 else -(bits & 0x7FFF)


class Exhaustive(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def expected(self, case):
        path = self.folder / "expected.npy"
        path.write_bytes(lzma.decompress((HERE / "data" / case["outputs"]["y"]).read_bytes()))
        return struct.unpack(f"<{len(PATTERNS)}H", Array(path).data)

    def results(self, case, target):
        descr = "<f2" if case["dtype"] == "f16" else "<u2"
        content = bytearray(npy_bytes([0] * len(PATTERNS), descr))
        content[-2 * len(PATTERNS):] = struct.pack(f"<{len(PATTERNS)}H", *PATTERNS)
        (self.folder / "x.npy").write_bytes(content)
        done = sluice("run", case["op"], "--in", "x=x.npy", "--dtype", f"x={case['dtype']}",
                      "--out", "y=y.npy", "--target", target, folder=self.folder)
        self.assertEqual(done.code, 0, done.err)
        return struct.unpack(f"<{len(PATTERNS)}H", Array(self.folder / "y.npy").data)

    def test_every_number(self):
        """Within the case's units in the last place, with one sign where the result is not zero."""
        targets = runnable_targets()
        report_targets(targets)
        compared, misrounded = 0, 0
        for case in CASES:
            wanted = self.expected(case)
            seen = []
            for target in targets:
                with self.subTest(case=case["id"], target=target):
                    got = self.results(case, target)
                    numbers = [x for x in PATTERNS if is_finite(x, case["dtype"])]
                    far = [x for x in numbers
                           if abs(ordinal(got[x]) - ordinal(wanted[x])) > case["tol"]["ulp"]]
                    self.assertFalse(far, [f"x = 0x{x:04x}: expected 0x{wanted[x]:04x}, got "
                                           f"0x{got[x]:04x}" for x in far[:5]])
                    compared += len(numbers)
                    misrounded += sum(ordinal(got[x]) != ordinal(wanted[x]) for x in numbers)
                    seen.append([y if y & 0x7FFF <= INFINITY[case["dtype"]] else None for y in got])
            self.assertTrue(all(one == seen[0] for one in seen), f"{case['id']}: targets differ")
        print(f"{compared} results, {misrounded} of them not the nearest number")


if __name__ == "__main__":
    unittest.main()

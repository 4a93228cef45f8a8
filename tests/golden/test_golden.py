"""Every golden case whose function is in the library, through `sluice run`: forward and backward, on
every target. README.md says what the data is and how it is compared."""
import json
import math
import struct
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))

from command import Array, npy_bytes, report_targets, runnable_targets, sluice, to_f32  # noqa: E402

DATA = HERE / "data"

# Where PyTorch's f32 result is not the function's: (op, which result) -> x -> the right one.
LARGEST = 3.4028234663852886e38
HUGE = to_f32(1e30)
TORCH_IS_WRONG = {
    ("gelu", "y"): {LARGEST: LARGEST,              # overflows before it is halved
                    -3.0: -0.00404969409489028},   # -3 * normal_cdf(-3); 1 + erf has cancelled
    ("gelu_tanh", "dx"): {LARGEST: 1, -LARGEST: 0, HUGE: 1, -HUGE: 0},  # inf * 0 is NaN
    ("hardswish", "y"): {LARGEST: LARGEST},        # overflows before it is divided by 6
}
CASES = json.loads((HERE / "manifest.json").read_text())["cases"]


def number(value):
    """JSON has no infinities: they are strings there."""
    return float(value)


def ordinal(value):
    """f32 numbers as consecutive integers, for distances in units in the last place."""
    bits = struct.unpack("<i", struct.pack("<f", value))[0]
    return bits if bits >= 0 else -(bits & 0x7FFFFFFF)


def describe(x, wanted, got):
    bits = struct.unpack("<I", struct.pack("<f", x))[0]
    distance = "-"
    if math.isfinite(wanted) and math.isfinite(got):
        distance = abs(ordinal(got) - ordinal(wanted))
    return f"x = {x!r} (0x{bits:08x}): expected {wanted!r}, got {got!r}, {distance} ULP"


class Tolerance:
    """How far a result may be from the truth."""

    def __init__(self, case, prefix=""):
        tol = case["tol"]
        self.relative = tol[prefix + "rtol"]
        self.absolute = tol[prefix + "atol"]
        self.of_x = tol.get(prefix + "xtol", 0.0)

    def accepts(self, got, truth, x, scale=1.0):
        wanted = to_f32(truth)
        if math.isnan(wanted):
            return math.isnan(got)
        if math.isinf(wanted) or not math.isfinite(got):
            return got == wanted
        # Where the truth rounds to a finite number, an error below its last place is none.
        room = self.relative * abs(truth) + self.absolute * max(1.0, abs(scale))
        if self.of_x:
            room += self.of_x * abs(x)
        return abs(got - truth) <= room or got == wanted


class Golden(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.targets = runnable_targets()
        cls.names = set()
        for one in json.loads(sluice("list", "--json").out):
            cls.names |= {one["name"], *one["aliases"]}
        cls.cases = [case for case in CASES if case["op"] in cls.names]
        absent = sorted({case["op"] for case in CASES} - cls.names)
        if absent:
            print(f"not in the library: {', '.join(absent)}")
        print(f"{len(cls.cases)} cases of {len(CASES)}")
        report_targets(cls.targets)

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        self.checked = 0

    def run_case(self, case, target, words):
        parameters = [word for name, value in case["params"].items()
                      for word in ("--param", f"{name}={value!r}")]
        if "axis" in case:
            parameters += ["--axis", str(case["axis"])]
        done = sluice("run", case["op"], *parameters, "--target", target, *words, folder=self.folder)
        self.assertEqual(done.code, 0, f"{case['id']} on {target}: {done.err}")
        return done

    def compare(self, case, target, rows, tolerance):
        """rows: x, got, truth, and the incoming gradient."""
        wrong = [describe(x, to_f32(truth), got) for x, got, truth, scale in rows
                 if not tolerance.accepts(got, truth, x, scale)]
        self.checked += len(rows)
        self.assertFalse(wrong, f"{case['id']} on {target}, {len(wrong)} of {len(rows)}:\n"
                         + "\n".join(wrong[:5]))

    def inputs(self, case):
        return [word for name, path in case["inputs"].items()
                for word in ("--in", f"{name}={DATA / path}")]

    def first_input(self, case):
        return Array(DATA / next(iter(case["inputs"].values()))).values

    def test_forward(self):
        for case in self.cases:
            x = self.first_input(case)
            truth = Array(DATA / case["outputs"]["y"]).values
            seen = {}
            for target in self.targets:
                with self.subTest(case=case["id"], target=target):
                    self.run_case(case, target, [*self.inputs(case), "--out", "y=y.npy"])
                    got = Array(self.folder / "y.npy")
                    self.assertEqual(list(got.shape), case["shape"])
                    self.compare(case, target,
                                 [(a, b, c, 1.0) for a, b, c in zip(x, got.values, truth)],
                                 Tolerance(case))
                    seen[target] = got
            self.same_bits(case, seen)
        print(f"forward: {self.checked} results")

    def test_backward(self):
        for case in self.cases:
            for name, path in case.get("grads", {}).items():
                # The gradient of a broadcast input is a sum, and not compared here.
                if Array(DATA / case["inputs"][name]).shape == tuple(case["shape"]):
                    self.check_gradient(case, name, Array(DATA / path).values)
        print(f"backward: {self.checked} results")

    def check_gradient(self, case, name, truth):
        x = self.first_input(case)
        gradient = Array(DATA / case["grad_out"]).values
        seen = {}
        for target in self.targets:
            with self.subTest(case=case["id"], by=name, target=target):
                self.run_case(case, target,
                              [*self.inputs(case), "--pass", "backward", "--grad",
                               f"y={DATA / case['grad_out']}", "--wrt", name, "--out",
                               f"d{name}=d.npy"])
                got = Array(self.folder / "d.npy")
                self.compare(case, target, list(zip(x, got.values, truth, gradient)),
                             Tolerance(case, "grad_"))
                seen[target] = got
        self.same_bits(case, seen)

    def same_bits(self, case, seen):
        """Every target gives the same bits; a NaN is a NaN."""
        if not seen:
            return
        (first, wanted), *others = seen.items()
        for target, got in others:
            for a, b in zip(wanted.values, got.values):
                same = struct.pack("<f", a) == struct.pack("<f", b)
                self.assertTrue(same or (a != a and b != b),
                                f"{case['id']}: {first} gives {a!r}, {target} {b!r}")

    def test_special_values(self):
        for case in self.cases:
            if "special_torch_f32" not in case:
                continue
            table = Array(DATA / case["special_torch_f32"]).values
            count = len(table) // 3
            x, values, slopes = (table[i * count:(i + 1) * count] for i in range(3))
            (self.folder / "x.npy").write_bytes(npy_bytes(x))
            for target in self.targets:
                with self.subTest(case=case["id"], target=target):
                    self.run_case(case, target,
                                  ["--in", "x=x.npy", "--pass", "forward_backward", "--out",
                                   "y=y.npy", "--out", "dx=dx.npy"])
                    y = Array(self.folder / "y.npy").values
                    dx = Array(self.folder / "dx.npy").values
                    wrong = TORCH_IS_WRONG.get((case["op"], "y"), {})
                    self.compare(case, target,
                                 self.special_rows(x, y, values, wrong, case["limits"]),
                                 Tolerance(case))
                    wrong = TORCH_IS_WRONG.get((case["op"], "dx"), {})
                    self.compare(case, target, self.special_rows(x, dx, slopes, wrong, {}),
                                 Tolerance(case, "grad_"))
        print(f"special values: {self.checked} results")

    def special_rows(self, x, got, torch, wrong, limits):
        rows = []
        for a, b, c in zip(x, got, torch):
            c = wrong.get(a, c)
            if math.isinf(a) and math.isnan(c):
                # PyTorch has no answer at this infinity; the limit is one, where it is known.
                self.assertFalse(math.isnan(b), f"NaN at {a!r}")
                c = number(limits.get("inf" if a > 0 else "-inf", b))
            rows.append((a, b, c, 1.0))
        return rows

    def test_limits(self):
        for case in self.cases:
            if not case.get("limits"):
                continue
            wanted = [to_f32(number(case["limits"][at])) for at in ("-inf", "inf")]
            for target in self.targets:
                with self.subTest(case=case["id"], target=target):
                    done = self.run_case(case, target, ["--values", "-inf,inf"])
                    got = [to_f32(float(word)) for word in done.out.split()]
                    self.compare(case, target,
                                 [(x, g, w, 1.0) for x, g, w in
                                  zip((-math.inf, math.inf), got, wanted)], Tolerance(case))


if __name__ == "__main__":
    unittest.main()

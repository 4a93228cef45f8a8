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
CASES = [case for case in json.loads((HERE / "manifest.json").read_text())["cases"]
         if case["group"] != "exhaustive"]  # test_exhaustive.py

# From here up numbers of these types are rounded to infinity.
BEYOND = {"<f2": 65520.0}


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


def function_of(case):
    """The library's function: a loss whose targets are probabilities is one of its own."""
    soft = case["op"] == "cross_entropy" and stored(case["inputs"]["target"]).descr == "<f4"
    return "soft_cross_entropy" if soft else case["op"]


def stored(path):
    return Array(DATA / path)


def numbers(array, dtype):
    """An array's elements; bf16 is stored as its bits."""
    if dtype != "bf16" or array.descr != "<u2":
        return array.values
    return struct.unpack(f"<{len(array.values)}f",
                         b"".join(struct.pack("<I", bits << 16) for bits in array.values))


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
        cls.cases = [case for case in CASES if function_of(case) in cls.names]
        functions = {function_of(case) for case in CASES if case["group"] != "mlp"}  # test_mlp.py
        absent = sorted(functions - cls.names)
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
        parameters = []
        for name, value in case["params"].items():
            if name == "reduction":
                parameters += ["--reduction", value]
            elif name == "dim":  # PyTorch's glu has its gate in the second half
                parameters += ["--split", "x=up,gate"]
            else:
                text = str(value).lower() if isinstance(value, bool) else repr(value)
                parameters += ["--param", f"{name}={text}"]
        if "axis" in case:
            parameters += ["--axis", str(case["axis"])]
        if case["dtype"] == "bf16":
            parameters += ["--dtype", "x=bf16"]
            if "--grad" in words:  # whose type is the output's
                parameters += ["--dtype", "y=bf16"]
        done = sluice("run", function_of(case), *parameters, "--target", target, *words,
                      folder=self.folder)
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
        array = stored(next(iter(case["inputs"].values())))
        return numbers(array, case["dtype"])

    def check(self, case, target, got, truth, prefix="", scales=None):
        """An output's shape and elements."""
        self.assertEqual(got.shape, truth.shape, f"{case['id']} on {target}")
        x = self.first_input(case)
        if len(x) != len(truth.values):  # not what the result's elements are made of
            x = [0.0] * len(truth.values)
        values = numbers(got, case["dtype"])
        limit = BEYOND.get(got.descr, math.inf)
        wanted = [math.copysign(math.inf, one) if abs(one) >= limit else one
                  for one in truth.values]
        self.compare(case, target, list(zip(x, values, wanted, scales or [1.0] * len(x))),
                     Tolerance(case, prefix))

    def test_forward(self):
        for case in self.cases:
            truth = stored(case["outputs"]["y"])
            seen = {}
            for target in self.targets:
                with self.subTest(case=case["id"], target=target):
                    self.run_case(case, target, [*self.inputs(case), "--out", "y=y.npy"])
                    seen[target] = Array(self.folder / "y.npy")
                    self.check(case, target, seen[target], truth)
            self.same_bits(case, seen)
        print(f"forward: {self.checked} results")

    def test_backward(self):
        for case in self.cases:
            for name, path in case.get("grads", {}).items():
                self.check_gradient(case, name, stored(path))
        print(f"backward: {self.checked} results")

    def check_gradient(self, case, name, truth):
        gradient = stored(case["grad_out"]).values
        # Of an input that broadcasts the gradient is a sum of many.
        scales = gradient
        if len(gradient) != len(truth.values):
            scales = [max(map(abs, gradient), default=1.0)] * len(truth.values)
        seen = {}
        for target in self.targets:
            with self.subTest(case=case["id"], by=name, target=target):
                self.run_case(case, target,
                              [*self.inputs(case), "--pass", "backward", "--grad",
                               f"y={DATA / case['grad_out']}", "--wrt", name, "--out",
                               f"d{name}=d.npy"])
                seen[target] = Array(self.folder / "d.npy")
                self.check(case, target, seen[target], truth, "grad_", scales)
        self.same_bits(case, seen)

    def test_gradients_of_parameters(self):
        for case in self.cases:
            sums = case.get("param_grads", {}).get("sums", {})
            names = list(sums)
            for target in self.targets if names else []:
                with self.subTest(case=case["id"], target=target):
                    done = self.run_case(case, target, [
                        "--in", f"x={DATA / case['param_grads']['x']}", "--pass", "backward",
                        "--grad", f"y={DATA / case['param_grads']['grad_out']}", "--wrt",
                        ",".join(names), "--json"])
                    for name in names:
                        got = done.json()["outputs"]["d" + name]
                        self.assertEqual(got["shape"], [])
                        room = case["param_grads"]["rtol_of_abs_sum"] * sums[name]["abs_sum"]
                        self.assertLessEqual(abs(got["data"][0] - sums[name]["value"]), room, name)
                        self.checked += 1
        print(f"gradients of parameters: {self.checked} results")

    def same_bits(self, case, seen):
        """Every target gives the same bits; a NaN is a NaN."""
        if not seen:
            return
        (first, wanted), *others = seen.items()
        for target, got in others:
            if got.data == wanted.data:
                continue
            for a, b in zip(numbers(wanted, case["dtype"]), numbers(got, case["dtype"])):
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

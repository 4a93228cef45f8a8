"""The golden networks Linear(5, 3), ReLU, Linear(3, 1), Sigmoid: activations, losses and their gradients
through `sluice run`, matrix products here. README.md says what the data is."""
import math
import tempfile
import unittest
from pathlib import Path

from test_golden import CASES, Tolerance, stored

from command import Array, npy_bytes, report_targets, runnable_targets, sluice


def matrix(path):
    array = stored(path)
    rows = array.shape[0]
    columns = array.shape[1] if len(array.shape) > 1 else 1
    return [list(array.values[i * columns:(i + 1) * columns]) for i in range(rows)]


def product(a, b):
    return [[math.fsum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]


def transposed(a):
    return [list(column) for column in zip(*a)]


def flat(a):
    return [x for row in a for x in row]


class Network(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def kernel(self, function, operands, *words, out="y"):
        """A pass over matrices, which become f32."""
        files = []
        for name, (option, values) in operands.items():
            shape = (len(values), len(values[0])) if values and isinstance(values[0], list) else ()
            content = npy_bytes(flat(values) if shape else values, shape=shape)
            (self.folder / f"{name}.npy").write_bytes(content)
            files += [option, f"{name}={name}.npy"]
        done = sluice("run", function, *files, *words, "--out", f"{out}=out.npy", "--target",
                      self.target, folder=self.folder)
        self.assertEqual(done.code, 0, done.err)
        got = Array(self.folder / "out.npy")
        if len(got.shape) < 2:
            return list(got.values)
        return [list(got.values[i * got.shape[1]:(i + 1) * got.shape[1]])
                for i in range(got.shape[0])]

    def linear(self, x, weight, bias):
        return [[v + b for v, b in zip(row, flat(bias))] for row in product(x, transposed(weight))]

    def close(self, case, got, path, prefix=""):
        truth = stored(path).values
        self.assertEqual(len(got), len(truth))
        tolerance = Tolerance(case, prefix)
        for a, b in zip(got, truth):
            self.assertTrue(tolerance.accepts(a, b, 0.0), f"{case['id']}, {path}: {a!r}, not {b!r}")

    def run_network(self, case):
        given = {name: matrix(path) for name, path in case["inputs"].items()}
        x, w1, b1, w2, b2 = (given[name] for name in ("x", "w1", "b1", "w2", "b2"))
        z1 = self.linear(x, w1, b1)
        a1 = self.kernel("relu", {"x": ("--in", z1)})
        z2 = self.linear(a1, w2, b2)
        gradient = stored(case["grad_out"])
        y = self.kernel("sigmoid", {"x": ("--in", z2)})
        if case["op"] == "mlp":
            self.close(case, flat(y), case["outputs"]["y"])
            dy = matrix(case["grad_out"])
            dz2 = self.kernel("sigmoid", {"x": ("--in", z2), "y": ("--grad", dy)}, "--pass",
                              "backward", out="dx")
        else:
            logits = case["op"] == "mlp_bce_logits"
            loss = "bce_with_logits" if logits else "bce"
            operands = {"x": ("--in", z2 if logits else y), "target": ("--in", given["target"])}
            mean = ["--reduction", "mean"]
            self.close(case, self.kernel(loss, operands, *mean), case["outputs"]["y"])
            operands["y"] = ("--grad", list(gradient.values))
            dz2 = self.kernel(loss, operands, *mean, "--pass", "backward", "--wrt", "x", out="dx")
            if not logits:
                dz2 = self.kernel("sigmoid", {"x": ("--in", z2), "y": ("--grad", dz2)}, "--pass",
                                  "backward", out="dx")
        da1 = product(dz2, w2)
        dz1 = self.kernel("relu", {"x": ("--in", z1), "y": ("--grad", da1)}, "--pass", "backward",
                          out="dx")
        found = {"x": flat(product(dz1, w1)), "w1": flat(product(transposed(dz1), x)),
                 "b1": [math.fsum(c) for c in zip(*dz1)],
                 "w2": flat(product(transposed(dz2), a1)), "b2": [math.fsum(c) for c in zip(*dz2)]}
        for name, path in case["grads"].items():
            self.close(case, found[name], path, "grad_")

    def test_networks(self):
        cases = [case for case in CASES if case["group"] == "mlp"]
        self.assertTrue(cases)
        for self.target in runnable_targets():
            for case in cases:
                with self.subTest(case=case["id"], target=self.target):
                    self.run_network(case)
        report_targets(runnable_targets())
        print(f"{len(cases)} networks")


if __name__ == "__main__":
    unittest.main()

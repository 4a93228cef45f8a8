"""Row functions on what is at the edge or beyond it: rows of nothing, no rows, one column, rows that are
ignored, axes and lengths that there are none of. Each has its value or its sentence."""
import math
import unittest

from command import CommandTest, npy_bytes

# Of no columns: what one value a row is.
EMPTY_ROWS = {"logsumexp": -math.inf, "logmeanexp": math.nan}
ELEMENTS = ["softmax", "log_softmax", "softmin", "softmax1", "hardmax", "sparsemax", "entmax15",
            "layer_norm", "rms_norm", "l2_normalize", "poly_norm"]


class Edges(CommandTest):
    def outputs(self, *words):
        done = self.succeeds("run", *words, "--json").json()["outputs"]
        return {name: [float(v) for v in y["data"]] for name, y in done.items()}

    def same(self, got, wanted):
        self.assertEqual([str(float(v)) for v in got], [str(float(v)) for v in wanted])

    def test_empty_rows_and_no_rows(self):
        for shape in ((3, 0), (0, 3), (0, 0)):
            self.write("x.npy", npy_bytes([], shape=shape))
            for name in [*ELEMENTS, *EMPTY_ROWS]:
                for step in ("forward", "backward", "forward_backward"):
                    done = self.outputs(name, "--in", "x=x.npy", "--pass", step)
                    wanted = [EMPTY_ROWS[name]] * shape[0] if name in EMPTY_ROWS else []
                    self.same(done.get("y", wanted), wanted)
                    self.assertEqual(done.get("dx", []), [])

    def test_one_column(self):
        self.write("x.npy", npy_bytes([1, -200, 7e30], shape=(3, 1)))
        wanted = {"softmax": [1] * 3, "log_softmax": [0] * 3, "softmin": [1] * 3,
                  "hardmax": [1] * 3, "sparsemax": [1] * 3, "entmax15": [1] * 3,
                  "layer_norm": [0] * 3, "logsumexp": [1, -200, 7.000000130016262e+30]}
        for name, y in wanted.items():
            done = self.outputs(name, "--in", "x=x.npy", "--pass", "forward_backward")
            self.assertEqual([float(f"{v:.6g}") for v in done["y"]],
                             [float(f"{v:.6g}") for v in y], name)
            self.assertEqual(done["dx"], [1.0 if name == "logsumexp" else 0.0] * 3, name)

    def test_losses_of_empty_rows(self):
        self.write("x.npy", npy_bytes([], shape=(2, 0)))
        one = ["cross_entropy", "--in", "x=x.npy", "--in", "target=0,-100"]
        self.same(self.outputs(*one)["loss"], [math.nan, 0])
        self.fails("run", *one, "--check-indices",
                   says="the index 0 of 'target' in row 0 is none of the row's 0 columns")
        self.write("x.npy", npy_bytes([], shape=(0, 4)))
        for empty, wanted in (("nan", math.nan), ("zero", 0)):
            for name in ("cross_entropy", "nll_loss"):
                done = self.outputs(name, "--in", "x=x.npy", "--in", "target=", "--reduction",
                                    "mean", "--empty", empty, "--check-indices")
                self.same(done["loss"], [wanted])

    def test_all_rows_ignored(self):
        self.write("x.npy", npy_bytes([1, 2, 3, 4, 5, 6], shape=(2, 3)))
        for name in ("cross_entropy", "nll_loss"):
            one = [name, "--in", "x=x.npy", "--in", "target=-100,-100"]
            self.same(self.outputs(*one)["loss"], [0, 0])
            self.same(self.outputs(*one, "--reduction", "sum")["loss"], [0])
            self.same(self.outputs(*one, "--reduction", "mean")["loss"], [math.nan])
            self.same(self.outputs(*one, "--reduction", "mean", "--empty", "zero")["loss"], [0])
            for empty in ("nan", "zero"):
                done = self.outputs(*one, "--reduction", "mean", "--empty", empty, "--pass",
                                    "backward")
                self.same([abs(v) for v in done["dx"]], [0] * 6)

    def test_temperatures(self):
        one = ["run", "softmax", "--values", "1,2"]
        for value in ("0", "-1", "nan", "1e-40"):
            self.fails(*one, "--param", f"temperature={value}",
                       says="the parameter 'temperature' of 'softmax' must be from 1e-30 to inf")
        self.same(self.outputs(*one[1:], "--param", "temperature=inf")["y"], [0.5, 0.5])
        self.same(self.outputs(*one[1:], "--param", "row_temperature=0")["y"], [math.nan] * 2)

    def test_integers(self):
        one = ["run", "softmax", "--values", "1,2", "--param", "causal=1", "--param"]
        for value in ("0.5", "nan"):
            self.fails(*one, f"offset={value}", says="the parameter 'offset' is an integer")
        for value in ("1e30", "-1e30", "inf", "-inf", "9007199254740992"):
            self.fails(*one, f"offset={value}",
                       says="the parameter 'offset' is an integer of less than 2^53")
        self.same(self.outputs(*one[1:], "offset=9007199254740991")["y"],
                  self.outputs("softmax", "--values", "1,2")["y"])

    def test_axes(self):
        self.write("x.npy", npy_bytes([1, 2, 3, 4, 5, 6], shape=(2, 3)))
        for axis in ("2", "-3", "9223372036854775807"):
            self.fails("run", "softmax", "--in", "x=x.npy", "--axis", axis,
                       says=f"--axis {axis} is not among the 2 dimensions of (2, 3)")

    def test_clauses(self):
        self.write("a.slu", "fn share(x) = x / row_sum(x)\n  with d/dx = 1\n")
        done = self.fails("run", "a.slu", "--values", "1,2",
                          says="a derivative clause is for an elementwise function with one output")
        self.assertIn("a.slu:2:", done.err)
        self.write("a.slu", "@limits(0, 1, 0, 0)\nfn share(x) = x / row_sum(x)\n")
        self.fails("run", "a.slu", "--values", "1,2", says="'@limits' is for elementwise functions")

    def test_rows_that_are_too_long(self):
        columns = 2**31 + 1
        header = npy_bytes([], "|i1", (1, columns))
        with open(self.folder / "x.npy", "wb") as file:  # with a hole for a row
            file.write(header)
            file.truncate(len(header) + columns)
        self.fails("run", "logsumexp", "--in", "x=x.npy", "--quant", "x=1,0", "--dtype",
                   "y=f32",
                   says="a row has at most 2147483647 columns, and the spec's have 2147483649")


if __name__ == "__main__":
    unittest.main()

"""`sluice run` on rows: axes, kinds of operands, reductions, halves, gradients that are sums."""
import unittest

from command import Array, CommandTest, npy_bytes, runnable_targets

TEXT = """
fn softmax_text(x; scale = 1) {
  let t = exp(scale * x)
  t / row_sum(t)
}
fn total(x) = row_sum(x)
fn pick(x, i: index, w = 1) -> (loss: row, weight: row) = (at(w, i) * at(x, i), at(w, i))
@mean(weight)
fn pick_mean(x, i: index, w = 1) -> (loss: row, weight: row) = (at(w, i) * at(x, i), at(w, i))
fn best(x) = row_argmax(x)
fn any(x, m: mask) = row_any(m and x > 0)
fn spread(x, by: row) = x - by + 0 * row_max(x)
fn shift(x, by: row) = x - by
fn weigh(x, w; k = 2) = k * w * x - row_max(x) * 0
fn gated(gate, up) = gate * 10 + up
"""


class Rows(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("rows.slu", TEXT)

    def run_rows(self, name, *words):
        """The outputs of a run, as JSON has them, on every target."""
        seen = [self.succeeds("run", f"rows.slu:{name}", *words, "--json", "--target",
                              target).json()["outputs"] for target in runnable_targets()]
        for other in seen[1:]:
            self.assertEqual(other, seen[0])
        return seen[0]

    def test_threads_change_no_bit(self):
        values = [((i * 7919) % 1009) / 99 for i in range(30000)]
        self.write("x.npy", npy_bytes(values, shape=(3, 10000)))
        for function in ("softmax", "logsumexp", "gelu"):
            seen = [self.succeeds("run", function, "--in", "x=x.npy", "--threads", threads).out
                    for threads in ("1", "2", "7")]
            self.assertEqual(seen[0], seen[1])
            self.assertEqual(seen[0], seen[2])
        self.fails("run", "gelu", "--values", "1", "--threads", "0", says="--threads")

    def test_softmax(self):
        y = self.run_rows("softmax_text", "--values", "0,0,0,0")["y"]
        self.assertEqual(y, {"dtype": "f32", "shape": [4], "data": [0.25] * 4})
        done = self.run_rows("softmax_text", "--values", "0,0", "--pass", "backward", "--grad",
                             "y=1,0")
        self.assertEqual(done["dx"]["data"], [0.25, -0.25])

    def test_every_axis(self):
        self.write("x.npy", npy_bytes(range(24), shape=(2, 3, 4)))
        wanted = {0: ([3, 4], [12 + 2 * i for i in range(12)]),
                  1: ([2, 4], [12 + 3 * i for i in range(4)] + [48 + 3 * i for i in range(4)]),
                  2: ([2, 3], [6 + 16 * i for i in range(6)])}
        for axis, (shape, data) in wanted.items():
            for given in (axis, axis - 3):
                y = self.run_rows("total", "--in", "x=x.npy", "--axis", given)["y"]
                self.assertEqual((y["shape"], y["data"]), (shape, data))
        self.assertEqual(self.run_rows("total", "--in", "x=x.npy"),
                         self.run_rows("total", "--in", "x=x.npy", "--axis", "-1"))

    def test_rows_of_nothing_and_no_rows(self):
        for shape, wanted in (((3, 0), [0, 0, 0]), ((0, 3), [])):
            self.write("x.npy", npy_bytes([], shape=shape))
            self.assertEqual(self.run_rows("total", "--in", "x=x.npy")["y"]["data"], wanted)

    def test_a_scalar_is_a_row_of_one(self):
        self.write("x.npy", npy_bytes([3], shape=()))
        self.assertEqual(self.run_rows("total", "--in", "x=x.npy")["y"],
                         {"dtype": "f32", "shape": [], "data": [3]})

    def test_indices_and_masks(self):
        self.write("x.npy", npy_bytes([1, 2, 3, 4, 5, 6], shape=(2, 3)))
        words = ["--in", "x=x.npy", "--in", "i=2,0"]
        self.assertEqual(self.run_rows("pick", *words)["loss"]["data"], [3, 4])
        for descr in ("<i8", "<i4"):
            self.write("i.npy", npy_bytes([1, 1], descr))
            done = self.run_rows("pick", "--in", "x=x.npy", "--in", "i=i.npy")
            self.assertEqual(done["loss"]["data"], [2, 5])
        # One for all rows, and one row on the command line.
        self.assertEqual(self.run_rows("pick", "--in", "x=x.npy", "--param", "i=1")["loss"]["data"],
                         [2, 5])
        self.assertEqual(self.run_rows("pick", "--values", "7,8", "--in", "i=1")["loss"],
                         {"dtype": "f32", "shape": [], "data": [8]})
        self.write("m.npy", npy_bytes([True, False, True], "|b1"))
        self.write("x.npy", npy_bytes([-1, 2, -3, 4, -5, -6], shape=(2, 3)))
        self.assertEqual(self.run_rows("any", "--in", "x=x.npy", "--in", "m=m.npy")["y"],
                         {"dtype": "bool", "shape": [2], "data": [False, True]})
        self.assertEqual(self.run_rows("best", "--in", "x=x.npy")["y"],
                         {"dtype": "i64", "shape": [2], "data": [1, 0]})
        self.succeeds("run", "rows.slu:best", "--in", "x=x.npy", "--out", "y=y.npy")
        self.assertEqual(Array(self.folder / "y.npy").descr, "<i8")

    def test_what_is_one_value_a_row(self):
        self.write("x.npy", npy_bytes(range(12), shape=(2, 3, 2)))
        self.write("by.npy", npy_bytes([0, 1, 2, 3], shape=(2, 2)))
        for name in ("spread", "shift"):
            y = self.run_rows(name, "--in", "x=x.npy", "--in", "by=by.npy", "--axis", 1)["y"]
            self.assertEqual(y["data"], [0, 0, 2, 2, 4, 4, 4, 4, 6, 6, 8, 8])

    def test_a_weight_along_the_axis(self):
        self.write("x.npy", npy_bytes(range(12), shape=(2, 3, 2)))
        words = ["--in", "x=x.npy", "--in", "w=1,10,100", "--axis", 1, "--param", "k=1"]
        y = self.run_rows("weigh", *words)["y"]
        self.assertEqual(y["data"], [0, 1, 20, 30, 400, 500, 6, 7, 80, 90, 1000, 1100])
        done = self.run_rows("weigh", *words, "--pass", "backward", "--wrt", "w,k")
        self.assertEqual(done["dw"], {"dtype": "f32", "shape": [3], "data": [14, 22, 30]})
        self.assertEqual(done["dk"], {"dtype": "f32", "shape": [], "data": [14 + 220 + 3000]})

    def test_types(self):
        self.write("x.npy", npy_bytes([1, 2, 3, 4], "<f2", (2, 2)))
        self.assertEqual(self.run_rows("total", "--in", "x=x.npy")["y"],
                         {"dtype": "f32", "shape": [2], "data": [3, 7]})
        self.assertEqual(self.run_rows("softmax_text", "--in", "x=x.npy")["y"]["dtype"], "f16")
        y = self.run_rows("total", "--in", "x=x.npy", "--dtype", "y=f16")["y"]
        self.assertEqual(y["dtype"], "f16")
        y = self.run_rows("total", "--in", "x=x.npy", "--dtype", "x=f64")["y"]
        self.assertEqual(y["dtype"], "f64")

    def test_rows_longer_than_a_block(self):
        count = 3 * 4096 + 5
        self.write("x.npy", npy_bytes([1] * (2 * count), shape=(2, count)))
        self.assertEqual(self.run_rows("total", "--in", "x=x.npy")["y"]["data"], [count, count])


class Reductions(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("rows.slu", TEXT)

    def test_of_elements(self):
        self.assertEqual(self.values("relu", "--values", "1,2,-3", "--reduction", "sum"), [3])
        self.assertEqual(self.values("relu", "--values", "1,2,-3", "--reduction", "mean"), [1])
        got = self.values("relu", "--values", "1,2,-3,4", "--reduction", "mean", "--pass", "backward",
                          "--grad", "y=8")
        self.assertEqual(got, [2, 2, 0, 2])

    def test_of_rows(self):
        self.write("x.npy", npy_bytes([1, 2, 3, 4, 5, 6], shape=(2, 3)))
        words = ["--in", "x=x.npy", "--in", "i=2,0", "--in", "w=1,2,3", "--out", "y=y.npy"]
        for name, reduction, wanted in (("pick", "sum", 13), ("pick", "mean", 6.5),
                                        ("pick_mean", "mean", 3.25), ("pick_mean", "sum", 13)):
            self.succeeds("run", f"rows.slu:{name}", *words, "--reduction", reduction)
            y = Array(self.folder / "y.npy")
            self.assertEqual((y.shape, y.values), ((), (wanted,)))
        words[-1] = "dx=dx.npy"
        self.succeeds("run", "rows.slu:pick_mean", *words, "--reduction", "mean", "--pass",
                      "backward", "--grad", "y=4")
        self.assertEqual(Array(self.folder / "dx.npy").values, (0, 0, 3, 1, 0, 0))

    def test_of_nothing(self):
        self.write("x.npy", npy_bytes([], shape=(0, 2)))
        one = ["relu", "--in", "x=x.npy", "--reduction"]
        self.assertEqual(self.succeeds("run", *one, "mean").out, "nan\n")
        self.assertEqual(self.values(*one, "mean", "--empty", "zero"), [0])
        self.assertEqual(self.values(*one, "sum"), [0])

    def test_gradients_of_parameters(self):
        got = self.succeeds("run", "leaky_relu", "--values", "-1,-2,3", "--pass", "backward", "--wrt",
                            "negative_slope,x", "--json").json()["outputs"]
        self.assertEqual(got["dnegative_slope"], {"dtype": "f32", "shape": [], "data": [-3]})
        self.assertEqual(got["dx"]["data"], [0.01, 0.01, 1])
        got = self.values("leaky_relu", "--values", "-1,-2", "--pass", "backward", "--wrt",
                          "negative_slope", "--accumulate", "dnegative_slope=10")
        self.assertEqual(got, [7])


class Halves(CommandTest):
    def test_two_inputs_are_halves_of_one(self):
        self.write("rows.slu", TEXT)
        self.write("x.npy", npy_bytes(range(8), shape=(2, 4)))
        words = ["rows.slu:gated", "--in", "x=x.npy", "--split", "x=up,gate", "--axis"]
        self.assertEqual(self.values(*words, "1"), [20, 31, 64, 75])
        self.assertEqual(self.values(*words, "0"), [40, 51, 62, 73])
        self.assertEqual(self.values(*words, "-1", "--pass", "backward"), [1, 1, 10, 10] * 2)
        self.succeeds("run", *words, "1", "--pass", "backward", "--out", "dx=dx.npy")
        self.assertEqual(Array(self.folder / "dx.npy").shape, (2, 4))


class BadInput(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("rows.slu", TEXT)

    def test_axes_and_shapes(self):
        one = ["run", "rows.slu:total", "--values", "1,2"]
        self.fails(*one, "--axis", "1", says="--axis 1 is not among the 1 dimensions")
        self.fails(*one, "--pass", "backward", "--grad", "y=1,2",
                   says="the gradient of 'y' has shape (2,), and the output has ()")
        self.write("x.npy", npy_bytes([1, 2, 3, 4, 5, 6], shape=(2, 3)))
        self.fails("run", "rows.slu:pick", "--in", "x=x.npy", "--in", "i=1,2,3", says="broadcast")
        self.fails("run", "rows.slu:pick", "--in", "x=x.npy", "--in", "i=1.5,2", says="integer")
        self.fails("run", "rows.slu:any", "--in", "x=x.npy", "--in", "m=1,2,0",
                   says="'2' is not true, false, 1 or 0")
        self.write("f.npy", npy_bytes([1, 0]))
        self.fails("run", "rows.slu:pick", "--in", "x=x.npy", "--in", "i=f.npy",
                   says="'i' of type f32 must be of type i64 or i32")

    def test_halves(self):
        one = ["run", "rows.slu:gated", "--values", "1,2,3"]
        self.fails(*one, "--split", "x=up,gate", says="has no two halves along the axis -1")
        self.fails(*one, "--split", "x=up", says="--split takes NAME=A,B")
        self.fails(*one, "--split", "x=up,down", says="no input 'down'")
        self.fails(*one, "--split", "x=up,up", says="both halves")
        self.fails(*one, "--split", "x=up,gate", "--split", "x=gate,up", says="given twice")
        self.fails(*one, "--split", "x=up,gate", "--in", "gate=1", says="no input 'gate'; it has x")
        self.fails("run", "rows.slu:gated", "--split", "x=up,gate", says="the input 'x'")

    def test_indices(self):
        self.write("x.npy", npy_bytes([1, 2, 3, 4, 5, 6], shape=(2, 3)))
        one = ["run", "rows.slu:pick", "--in", "x=x.npy", "--in"]
        self.assertEqual(self.succeeds(*one, "i=0,3").out.split("\n")[0], "1 nan")
        self.fails(*one, "i=0,3", "--check-indices",
                   says="the index 3 of 'i' in row 1 is none of the row's 3 columns")
        self.fails(*one, "i=-1,0", "--check-indices", "--pass", "backward", "--out", "dx=dx.npy",
                   says="the index -1 of 'i' in row 0 is none of the row's 3 columns")
        self.succeeds(*one, "i=0,2", "--check-indices")
        for name in ("cross_entropy", "nll_loss"):
            one = ["run", name, "--in", "x=x.npy", "--check-indices", "--in"]
            self.succeeds(*one, "target=-100,2", "--reduction", "mean")
            self.fails(*one, "target=-100,2", "--param", "ignore_index=2",
                       says="the index -100 of 'target' in row 0")
        self.succeeds("run", "relu", "--values", "1", "--check-indices")

    def test_reductions(self):
        self.fails("run", "rows.slu:best", "--values", "1,2", "--reduction", "sum",
                   says="'y' is no number and has no sum")
        self.fails("run", "relu", "--values", "1,2", "--reduction", "sum", "--dtype", "y=i8",
                   "--quant", "y=1,0", says="integers of 8 bits")
        self.fails("run", "leaky_relu", "--values", "1", "--pass", "backward", "--wrt", "x,x",
                   says="--wrt names 'x' twice")


if __name__ == "__main__":
    unittest.main()

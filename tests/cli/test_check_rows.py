"""check of row functions: bounds kept and broken on the six kinds of rows, and the report."""
from test_check import Check, unittest

KINDS = ["N(0, 1)", "N(0, 25^2)", "all equal", "one dominant", "ascending", "descending"]
TEXT = """
fn naive(x; s = 2) {
  let t = exp(s * x)
  t / row_sum(t)
}
@exact
fn overflows(x) = log(row_sum(exp(3 * x)))
fn gate(x, m: mask, t: row) = if m then sigmoid(x * t) / row_max(abs(x)) else 0
fn causal(x) = softmax(x; causal = 1, offset = 3)
fn variance(x) = row_mean((x - row_mean(x))^2)
fn places(x) = row_sum(derivative(x^3, x) * col()) / width()
"""
SHORT = ["--columns", "1,3,17,300,4097"]


class Rows(Check):
    def test_the_library(self):
        for name in ("softmax", "log_softmax", "logsumexp", "softmax1", "logmeanexp", "hardmax",
                     "sparsemax", "entmax15", "layer_norm", "rms_norm", "l2_normalize", "poly_norm",
                     "cross_entropy",
                     "soft_cross_entropy", "nll_loss", "kl_div", "row_sum", "row_max"):
            report = self.report(name, *SHORT)
            self.assertTrue(report["kept"], name)
            for part in report["parts"]:
                self.assertEqual([one["rows"] for one in part["kinds"]], KINDS)
                self.assertEqual(part["rows"], 30)
                self.assertLess(part["reference"], 1 / 64)

    def test_thresholds(self):
        for alpha in (1.7, 2.5, 3, 4):
            self.write("t.slu", f"fn t(x) = row_simplex_threshold(x; alpha = {alpha})\n"
                       f"fn y(x) = max(x - t(x), 0)^{1 / (alpha - 1)!r}\n")
            for function, *more in (("t", "--columns=1,17,300"), ("y", "--columns=3,17"),
                                    ("t", "--columns=1,3", "--dtype=f64")):
                report = self.report(f"t.slu:{function}", *more)
                self.assertTrue(report["kept"], (alpha, function))
                for part in report["parts"]:
                    self.assertLess(part["reference"], 1 / 64)

    def test_products(self):
        # 0 times inf is NaN where the factors before it overflow: shorter rows.
        self.assertTrue(self.report("row_prod", "--columns", "1,2,3,17")["kept"])

    def test_types(self):
        for dtype, columns in (("f64", "1,17,300"), ("f16", "1,17,5000"), ("bf16", "1,17,5000")):
            for name in ("softmax", "log_softmax", "cross_entropy"):
                report = self.report(name, "--dtype", dtype, "--columns", columns)
                self.assertTrue(report["kept"])
                self.assertEqual(report["parts"][0]["by_mpfr"], 18 if dtype == "f64" else 0)

    def test_the_same_for_any_number_of_threads(self):
        one, three = (self.succeeds("check", "softmax", *SHORT, "--threads", n).out for n in (1, 3))
        self.assertEqual(one, three)
        self.assertNotEqual(one, self.succeeds("check", "softmax", *SHORT, "--seed", "2").out)

    def test_texts_of_ones_own(self):
        path = self.write("own.slu", TEXT)
        for name in ("naive", "gate", "causal", "variance", "places"):
            report = self.report(f"own.slu:{name}", *SHORT)
            self.assertTrue(report["kept"])
            if name != "places":  # whose terms are beyond f32 here and there
                self.assertGreater(report["parts"][0]["largest"]["part"], 0)
        self.assertEqual([part["name"] for part in self.report("own.slu:gate", *SHORT)["parts"]],
                         ["y", "dy/dx", "dy/dt"])
        self.report("own.slu:naive", *SHORT, "--param", "s=0.25")
        self.assertEqual(path.read_text(), TEXT)

    def test_broken(self):
        self.write("own.slu", TEXT)
        report = self.report("own.slu:overflows", *SHORT, code=1)
        self.assertFalse(report["kept"])
        worst = report["parts"][0]["largest"]
        self.assertEqual((worst["rows"], worst["got"]), ("N(0, 25^2)", "inf"))
        done = self.sluice("check", "own.slu:overflows", *SHORT)
        self.assertEqual(done.code, 1)
        self.assertRegex(done.out, r"y +bound BROKEN: at most .* of what is allowed")

    def test_bad_usage(self):
        for option in (["--exhaustive"], ["--against", "softmin"], ["--state", "state"],
                       ["--accuracy", "2^-12"]):
            self.fails("check", "softmax", *option,
                       says=f"{option[0]} is for elementwise functions, and 'softmax' works on rows")
        self.fails("check", "relu", "--columns", "3", says="'relu' is elementwise")
        for columns in ("0", "-1", "99999999999", ""):
            self.fails("check", "softmax", f"--columns={columns or ','}", says="--columns")
        self.fails("check", "row_any", says="'row_any' gives no number")
        self.fails("check", "col", says="'col' has no inputs to check it at")


if __name__ == "__main__":
    unittest.main()

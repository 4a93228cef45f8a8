"""check --probe: outputs of a softmax or sigmoid are told from numbers that were not normalised."""
from command import npy_bytes
from test_check import Check, unittest

LOGITS = [0.5, -2, 3, 0.25, 1, 1, 7, -9, 0, 0, 0, 1]


class Probe(Check):
    def setUp(self):
        super().setUp()
        self.write("x.npy", npy_bytes(LOGITS, shape=(3, 4)))
        for name in ("softmax", "log_softmax", "sigmoid"):
            self.succeeds("run", name, "--in", "x=x.npy", "--out", f"y={name}.npy")
        for dtype in ("f16", "bf16", "f64"):
            self.succeeds("run", "softmax", "--in", "x=x.npy", "--out", f"y={dtype}.npy", "--dtype",
                          f"y={dtype}")

    def looks(self, function, file, *words, name="x", code=0):
        """What the file looks like, and what is said to be wrong with it."""
        seen = self.report(function, "--probe", "--in", f"{name}={file}", *words,
                           code=code)["inputs"][0]
        return seen["looks"], seen["problem"]

    def test_what_files_look_like(self):
        for file, looks in (("x.npy", "raw"), ("softmax.npy", "probabilities"),
                            ("log_softmax.npy", "log_probabilities"),
                            ("sigmoid.npy", "between_0_and_1"), ("f16.npy", "probabilities"),
                            ("f64.npy", "probabilities")):
            self.assertEqual(self.looks("relu", file), (looks, None))
        self.assertEqual(self.looks("relu", "bf16.npy", "--dtype", "bf16")[0], "probabilities")
        # Along the other axis nothing sums to 1.
        self.assertEqual(self.looks("relu", "softmax.npy", "--axis", "0")[0], "between_0_and_1")
        self.succeeds("run", "softmax", "--in", "x=x.npy", "--axis", "0", "--out", "y=y.npy")
        self.assertEqual(self.looks("relu", "y.npy", "--axis", "0")[0], "probabilities")

    def test_double_softmax(self):
        for function in ("softmax", "log_softmax", "cross_entropy", "soft_cross_entropy"):
            looks, problem = self.looks(function, "softmax.npy", code=1)
            self.assertEqual(problem, f"'{function}' applies a softmax to 'x' itself: give it the "
                                      "values before the softmax")
            self.assertIn("before the sigmoid", self.looks(function, "sigmoid.npy", code=1)[1])
            for file in ("x.npy", "log_softmax.npy"):
                self.assertIsNone(self.looks(function, file)[1])
        # A target is no logit, and negative log-likelihood takes no softmax.
        self.assertIsNone(self.looks("soft_cross_entropy", "softmax.npy", name="target")[1])
        self.assertIsNone(self.looks("nll_loss", "log_softmax.npy")[1])
        done = self.sluice("check", "cross_entropy", "--probe", "--in", "x=softmax.npy")
        self.assertEqual(done.code, 1)
        self.assertRegex(done.out, r"^x +looks like a softmax's output.*\n +3 rows of 4 columns")

    def test_double_sigmoid(self):
        self.assertIn("'bce_with_logits' applies a sigmoid to 'x' itself: give it the values before the "
                      "sigmoid", self.looks("bce_with_logits", "sigmoid.npy", code=1)[1])
        self.assertIsNone(self.looks("bce_with_logits", "x.npy")[1])
        self.assertIsNone(self.looks("bce", "sigmoid.npy")[1])

    def test_edges(self):
        for values, shape, looks in (([], (0, 3), "empty"), ([], (3, 0), "empty"),
                                     ([1], (), "between_0_and_1"), ([1, 1], (2, 1), "between_0_and_1"),
                                     ([float("nan"), 1], (2,), "raw"),
                                     ([0, 1, 0], (3,), "probabilities"),
                                     ([0, -float("inf")], (2,), "log_probabilities")):
            self.write("e.npy", npy_bytes(values, shape=shape))
            self.assertEqual(self.looks("relu", "e.npy")[0], looks, values)

    def test_bad_usage(self):
        self.fails("check", "relu", "--probe", says="--probe looks at files")
        self.fails("check", "relu", "--in", "x=x.npy", says="--in is for --probe")
        self.fails("check", "relu", "--probe", "--in", "z=x.npy", says="'relu' has no input 'z'")
        self.fails("check", "relu", "--probe", "--in", "x=none.npy", says="cannot be opened")
        self.fails("check", "relu", "--probe", "--in", "x=bf16.npy", says="say --dtype bf16")
        self.fails("check", "relu", "--probe", "--in", "x=x.npy", "--axis", "2",
                   says="--axis 2 is not among the 2 dimensions of (3, 4)")


if __name__ == "__main__":
    unittest.main()

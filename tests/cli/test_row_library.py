"""The library's row functions against their formulas in double precision: what is open in a row, rows of
nothing, logits of any size, losses and their divisors."""
import math
import unittest

from command import sluice

INF, NAN = math.inf, math.nan


def number(value):
    return value if isinstance(value, (int, float)) else float(value)


def run(function, x, *more, out="y"):
    """An output for the row x."""
    text = ",".join(repr(v) for v in x)
    done = sluice("run", function, f"--in=x={text}", *more, "--json")
    if done.code != 0:
        raise AssertionError(done.err)
    return [number(v) for v in done.json()["outputs"][out]["data"]]


def softmax(z, sink=-INF):
    m = max([*z, sink])
    t = [math.exp(v - m) for v in z]
    s = sum(t) + math.exp(sink - m)
    return [v / s for v in t]


class RowLibrary(unittest.TestCase):
    def close(self, got, wanted, tolerance=2e-6):
        self.assertEqual(len(got), len(wanted))
        for a, b in zip(got, wanted):
            if math.isnan(b) or math.isinf(b):
                self.assertEqual(str(a), str(b))
            else:
                self.assertLessEqual(abs(a - b), tolerance * max(abs(b), 1), (got, wanted))

    def test_prologues(self):
        x = [0.5, -1.0, 2.0, 0.25]
        self.close(run("softmax", x), softmax(x))
        self.close(run("softmax", x, "--param", "scale=2", "--param", "temperature=0.5"),
                   softmax([4 * v for v in x]))
        self.close(run("softmax", x, "--in=mask=0,-inf,1,0"), softmax([0.5, -INF, 3.0, 0.25]))
        self.close(run("softmax", x, "--in=keep=1,0,1,1"), softmax([0.5, -INF, 2.0, 0.25]))
        self.close(run("softmax", x, "--in=length=2"), softmax([0.5, -1.0, -INF, -INF]))
        self.close(run("softmax", x, "--in=sink=1"), softmax(x, 1.0))
        self.close(run("softmax1", x), softmax(x, 0.0))
        self.close(run("softmax", x, "--param", "soft_cap=1"), softmax([math.tanh(v) for v in x]))
        self.close(run("softmax", x, "--param", "causal=1", "--param", "offset=1"),
                   softmax([0.5, -1.0, -INF, -INF]))
        self.close(run("softmax", x, "--param", "offset=2", "--param", "window_left=1", "--param",
                       "window_right=0"), softmax([-INF, -1.0, 2.0, -INF]))
        self.close(run("softmax", x, "--in=slope=0.5", "--param", "offset=3"),
                   softmax([v - 0.5 * (3 - j) for j, v in enumerate(x)]))
        self.close(run("softmin", x), softmax([-v for v in x]))

    def test_rows_of_nothing(self):
        x, closed = [1.0, 2.0], "--in=keep=0,0"
        self.close(run("softmax", x, closed), [NAN, NAN])
        self.close(run("log_softmax", x, closed), [NAN, NAN])
        self.close(run("logsumexp", x, closed), [-INF])
        zeros = ["--param", "masked_rows=1"]
        self.close(run("softmax", x, closed, *zeros), [0, 0])
        self.close(run("log_softmax", x, closed, *zeros), [-INF, -INF])
        for function in ("softmax", "log_softmax", "logsumexp"):
            gradient = run(function, x, "--in=mask=-inf,-inf", *zeros, "--pass", "backward", "--wrt",
                           "x", out="dx")
            self.close(gradient, [0, 0])

    def test_large_logits(self):
        x = [3e38, -3e38, 0.0, 1e30]
        self.close(run("softmax", x), [1, 0, 0, 0])
        self.close(run("logsumexp", x), [3e38])
        self.close(run("softmax", x, "--pass", "backward", "--wrt", "x", "--grad=y=1,2,3,4",
                       out="dx"), [0, 0, 0, 0])
        self.close(run("cross_entropy", x, "--in=target=0", out="loss"), [0])
        self.close(run("sparsemax", x), [1, 0, 0, 0])

    def test_excluded_columns_are_not_read(self):
        x = [1.0, NAN, 2.0]
        keep = "--in=keep=1,0,1"
        self.close(run("softmax", x, keep), softmax([1.0, -INF, 2.0]))
        self.close(run("softmax", x, keep, "--pass", "backward", "--wrt", "x", "--grad=y=1,5,1",
                       out="dx"), [0, 0, 0])

    def test_cross_entropy(self):
        x = [0.5, -1.0, 2.0]
        p = [math.log(v) for v in softmax(x)]
        self.close(run("cross_entropy", x, "--in=target=1", out="loss"), [-p[1]])
        self.close(run("cross_entropy", x, "--in=target=1", "--in=weight=1,3,1", out="loss"),
                   [-3 * p[1]])
        self.close(run("cross_entropy", x, "--in=target=1", "--param", "label_smoothing=0.3",
                       out="loss"), [-0.7 * p[1] - 0.1 * sum(p)])
        lse = x[0] - p[0]
        self.close(run("cross_entropy", x, "--in=target=1", "--param", "z_loss=0.5", out="loss"),
                   [-p[1] + 0.5 * lse**2])
        self.close(run("cross_entropy", x, "--in=target=-100", out="loss"), [0])
        self.close(run("cross_entropy", x, "--in=target=-100", "--pass", "backward", "--wrt", "x",
                       out="dx"), [0, 0, 0])
        self.close(run("cross_entropy", x, "--in=target=7", out="loss"), [NAN])

    def test_sparse(self):
        x = [0.1, 0.5, 0.9, -1.0, 0.85]
        threshold = (0.5 + 0.9 + 0.85 - 1) / 3
        self.close(run("sparsemax", x), [max(v - threshold, 0) for v in x])
        entmax = run("entmax15", x)
        self.close([sum(entmax)], [1])
        self.close([math.sqrt(entmax[2]) - math.sqrt(entmax[1])], [0.2])
        self.close(run("hardmax", [1.0, 3.0, 3.0]), [0, 1, 0])

    def test_normalised(self):
        x = [1.0, 2.0, 4.0, -3.0]
        mean = sum(x) / 4
        deviation = math.sqrt(sum((v - mean)**2 for v in x) / 4 + 1e-5)
        self.close(run("layer_norm", x), [(v - mean) / deviation for v in x])
        self.close(run("l2_normalize", [3.0, -4.0]), [0.6, -0.8])
        self.close(run("l2_normalize", [0.0, 0.0], "--pass", "backward", "--wrt", "x",
                       "--grad=y=0,0", out="dx"), [0, 0])


if __name__ == "__main__":
    unittest.main()

"""sluice run on files in pieces: rows, sums and halves have the bits of the whole, in bounded memory."""
import random
import unittest

from command import CommandTest, memory_of, npy_bytes

PIECES = [1, 7, 100, 5000]


def numbers(count, seed=1):
    source = random.Random(seed)
    return [source.gauss(0, 4) for _ in range(count)]


class SameBits(CommandTest):
    """Each run with --piece against the same without, by the bytes of the files."""

    def setUp(self):
        super().setUp()
        self.shape = (6, 5, 70)
        self.write("x.npy", npy_bytes(numbers(6 * 5 * 70), shape=self.shape))
        self.write("g.npy", npy_bytes(numbers(6 * 5 * 70, 2), shape=self.shape))
        self.write("w.npy", npy_bytes(numbers(70, 3)))
        self.write("c.npy", npy_bytes(numbers(5, 4), shape=(5, 1)))
        self.write("r.npy", npy_bytes(numbers(30, 5), shape=(6, 5)))
        self.write("i.npy", npy_bytes([(i * 11) % 71 - 1 for i in range(30)], "<i8", (6, 5)))
        self.write("k.npy", npy_bytes([i % 3 > 0 for i in range(6 * 5 * 70)], "|b1", self.shape))

    def same(self, *words, outputs, pieces=None):
        def files(prefix, *more):
            named = [f"--out={name}={prefix}_{name}.npy" for name in outputs]
            self.succeeds("run", *words, *named, *more)
            return [(self.folder / f"{prefix}_{name}.npy").read_bytes() for name in outputs]
        whole = files("whole")
        for piece in PIECES if pieces is None else pieces:
            for threads in (1, 3):
                with self.subTest(words=words, piece=piece, threads=threads):
                    self.assertEqual(files("pieces", f"--piece={piece}", f"--threads={threads}"),
                                     whole)

    def test_rows(self):
        for function in ("softmax", "log_softmax", "sparsemax", "entmax15", "hardmax"):
            self.same(function, "--in=x=x.npy", outputs=["y"])
        self.same("softmax", "--in=x=x.npy", "--in=keep=k.npy", "--param=causal=1", outputs=["y"])
        self.same("logsumexp", "--in=x=x.npy", outputs=["y"])
        self.same("rms_norm", "--in=x=x.npy", "--in=weight=w.npy", outputs=["y"])
        self.same("cross_entropy", "--in=x=x.npy", "--in=target=i.npy",
                  outputs=["loss", "lse", "correct"])
        self.same("softmax", "--in=x=x.npy", "--dtype=x=f64", outputs=["y"])
        self.same("softmax", "--in=x=x.npy", "--dtype=x=f16", outputs=["y"])

    def test_other_axes(self):
        for axis in (0, 1):
            self.same("softmax", "--in=x=x.npy", f"--axis={axis}", outputs=["y"])
            self.same("softmax", "--pass=backward", "--in=x=x.npy", "--grad=y=g.npy",
                      f"--axis={axis}", outputs=["dx"])
            self.same("logsumexp", "--in=x=x.npy", f"--axis={axis}", outputs=["y"])
        self.same("layer_norm", "--pass=backward", "--in=x=x.npy", "--in=weight=c.npy",
                  "--grad=y=g.npy", "--axis=1", outputs=["dx", "dweight"])

    def test_backward(self):
        self.same("softmax", "--pass=backward", "--in=x=x.npy", "--grad=y=g.npy", outputs=["dx"])
        self.same("layer_norm", "--pass=backward", "--in=x=x.npy", "--in=weight=w.npy",
                  "--in=bias=w.npy", "--grad=y=g.npy", outputs=["dx", "dweight", "dbias"])
        self.same("layer_norm", "--pass=forward_backward", "--in=x=x.npy", "--in=weight=w.npy",
                  "--grad=y=g.npy", outputs=["y", "dweight"])
        self.same("rms_norm", "--pass=backward", "--in=x=x.npy", "--in=weight=w.npy",
                  "--grad=y=g.npy", "--accumulate=dx=g.npy", "--accumulate=dweight=w.npy",
                  outputs=["dx", "dweight"])

    def test_reductions(self):
        for reduction in ("sum", "mean"):
            self.same("mse", "--in=x=x.npy", "--in=target=g.npy", f"--reduction={reduction}",
                      outputs=["y"])
            self.same("mse", "--pass=backward", "--in=x=x.npy", "--in=target=g.npy",
                      f"--reduction={reduction}", outputs=["dx"])
            for way, outputs in (("forward", ["loss", "lse"]), ("backward", ["dx"])):
                self.same("cross_entropy", f"--pass={way}", "--in=x=x.npy", "--in=target=i.npy",
                          "--param=ignore_index=10", f"--reduction={reduction}", outputs=outputs)

    def test_gradients_that_are_sums(self):
        for weight in ("weight=w.npy", "weight=c.npy", "weight=0.25"):
            self.same("prelu", "--pass=backward", "--in=x=x.npy", f"--in={weight}",
                      "--grad=y=g.npy", outputs=["dx", "dweight"])
        self.same("elu", "--pass=backward", "--in=x=x.npy", "--wrt=x,alpha", "--grad=y=g.npy",
                  outputs=["dx", "dalpha"])

    def test_halves(self):
        for axis in (1, 2):
            self.write("x.npy", npy_bytes(numbers(6 * 4 * 70), shape=(6, 4, 70)))
            self.same("glu", "--split=x=up,gate", "--in=x=x.npy", f"--axis={axis}", outputs=["y"])
            self.same("glu", "--pass=backward", "--split=x=up,gate", "--in=x=x.npy",
                      f"--axis={axis}", outputs=["dx"])

    def test_elements(self):
        self.same("silu", "--in=x=x.npy", outputs=["y"], pieces=[7, 5000])

    def test_long_rows_go_through_states(self):
        columns = 9001
        self.write("x.npy", npy_bytes(numbers(3 * columns), shape=(3, columns)))
        self.write("w.npy", npy_bytes(numbers(columns)))
        self.write("r.npy", npy_bytes([0.5, 1, 2]))
        self.write("i.npy", npy_bytes([columns - 1, 0, 9999], "<i8"))
        pieces = [1000, 4096, 9000]
        for function in ("softmax", "log_softmax", "sparsemax"):
            self.same(function, "--in=x=x.npy", outputs=["y"], pieces=pieces)
        self.same("softmax", "--in=x=x.npy", "--in=row_temperature=r.npy", "--param=causal=1",
                  "--param=offset=7000", outputs=["y"], pieces=pieces)
        self.same("layer_norm", "--in=x=x.npy", "--in=weight=w.npy", outputs=["y"], pieces=pieces)
        self.same("cross_entropy", "--in=x=x.npy", "--in=target=i.npy",
                  outputs=["loss", "lse", "correct"], pieces=pieces)

    def test_an_index_is_named_by_its_row(self):
        self.fails("run", "cross_entropy", "--in=x=x.npy", "--in=target=i.npy", "--check-indices",
                   "--piece=70", says="in row (0, 0)")
        targets = [2] * 30
        targets[23] = 70
        self.write("i.npy", npy_bytes(targets, "<i8", (6, 5)))
        self.fails("run", "cross_entropy", "--in=x=x.npy", "--in=target=i.npy", "--check-indices",
                   "--piece=140", says="the index 70 of 'target' in row (4, 3)")

    def test_a_piece_has_an_element(self):
        self.fails("run", "softmax", "--in=x=x.npy", "--piece=0", says="--piece")


class Memory(CommandTest):
    """Of files of 192 MiB less than half is ever held."""
    BYTES = 192 << 20

    def zeros(self, name, shape):
        head = npy_bytes([], shape=shape)
        with open(self.folder / name, "wb") as file:
            file.write(head)
            file.truncate(len(head) + self.BYTES)  # zeros that take no space

    def holds_little(self, *words):
        held = memory_of("run", *words, folder=self.folder)
        self.assertLess(held, self.BYTES // 2, words)

    def test_rows_and_sums(self):
        self.zeros("x.npy", (49152, 1024))
        self.write("w.npy", npy_bytes([1] * 1024))
        self.write("i.npy", npy_bytes([5] * 49152, "<i8"))
        self.holds_little("softmax", "--in=x=x.npy", "--out=y=y.npy")
        self.holds_little("layer_norm", "--pass=backward", "--in=x=x.npy", "--in=weight=w.npy",
                          "--out=dx=dx.npy", "--out=dweight=dw.npy")
        self.holds_little("cross_entropy", "--in=x=x.npy", "--in=target=i.npy", "--reduction=mean")
        self.holds_little("mse", "--in=x=x.npy", "--in=target=x.npy", "--reduction=sum")

    def test_other_axis(self):
        self.zeros("x.npy", (64, 768, 1024))
        self.holds_little("softmax", "--in=x=x.npy", "--axis=1", "--out=y=y.npy")

    def test_one_row(self):
        self.zeros("x.npy", (1, 49152 * 1024))
        self.holds_little("softmax", "--in=x=x.npy", "--piece=65536", "--out=y=y.npy")


if __name__ == "__main__":
    unittest.main()

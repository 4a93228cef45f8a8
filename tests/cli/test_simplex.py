"""row_simplex_threshold: what it solves, its gradient, and sparsemax and entmax over it, on every target."""
import math
import random
import unittest

from command import CommandTest, npy_bytes, runnable_targets

# Exponents 1 / (alpha - 1) of 16, 10, 2, 10/7, 1, 1/2 and 1/3.
ALPHAS = ["1.0625", "1.1", "1.5", "1.7", "2", "3", "4"]


def rows_of(width):
    """Rows of several kinds, as f32 has them."""
    generator = random.Random(width)
    kinds = [[1.75] * width, [generator.gauss(0, 1) for _ in range(width)],
             [generator.gauss(0, 0.01) for _ in range(width)],
             [generator.gauss(0, 25) for _ in range(width)], [i / width for i in range(width)],
             [-1 + 1 / (i + 1) for i in range(width)], [1000 - i % 7 for i in range(width)]]
    return [[math.fsum([round(v * 2**18) / 2**18]) for v in row] for row in kinds]


class Simplex(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("t.slu", "".join(
            f"fn t{i}(z) = row_simplex_threshold(z; alpha = {alpha})\n"
            for i, alpha in enumerate(ALPHAS)))

    def values(self, *words):
        """The output of a run, the same on every target."""
        seen = [self.succeeds("run", *words, "--target", target).out.split()
                for target in runnable_targets()]
        for other in seen[1:]:
            self.assertEqual(other, seen[0])
        return [float(v) for v in seen[0]]

    def test_the_powers_sum_to_1(self):
        for width in (1, 2, 17, 1000, 4097):
            rows = rows_of(width)
            self.write("z.npy", npy_bytes([v for row in rows for v in row], "<f8",
                                          (len(rows), width)))
            for i, alpha in enumerate(ALPHAS):
                p = 1 / (float(alpha) - 1)
                for row, t in zip(rows, self.values(f"t.slu:t{i}", "--in", "z=z.npy")):
                    total = math.fsum((z - t)**p for z in row if z > t)
                    # What the last place of t is worth in the sum.
                    slope = math.fsum(p * max(z - t, 1e-13)**(p - 1) for z in row if z > t)
                    self.assertLessEqual(abs(total - 1), 1e-12 + slope * abs(max(row)) * 2**-50,
                                         (alpha, width))

    def test_gradient(self):
        rows = rows_of(17)
        self.write("z.npy", npy_bytes([v for row in rows for v in row], "<f8", (len(rows), 17)))
        for i, alpha in enumerate(ALPHAS):
            p = 1 / (float(alpha) - 1)
            thresholds = self.values(f"t.slu:t{i}", "--in", "z=z.npy")
            slopes = self.values(f"t.slu:t{i}", "--in", "z=z.npy", "--pass", "backward")
            for k, (row, t) in enumerate(zip(rows, thresholds)):
                got = slopes[17 * k:17 * k + 17]
                self.assertAlmostEqual(math.fsum(got), 1, places=6)
                if p < 1:  # next to t it has no bound
                    continue
                weights = [(z - t)**(p - 1) if z > t else 0 for z in row]
                for a, b in zip(got, weights):
                    self.assertAlmostEqual(a, b / math.fsum(weights), places=6)

    def test_sparsemax_and_entmax(self):
        self.write("z.npy", npy_bytes([3, 1, 0.5, 1000, 1000.25, 999.5], shape=(2, 3)))
        self.assertEqual(self.values("sparsemax", "--in", "x=z.npy"), [1, 0, 0, 0.375, 0.625, 0])
        for y in (self.values("entmax15", "--in", "x=z.npy"),
                  self.values("sparsemax", "--in", "x=z.npy")):
            self.assertAlmostEqual(sum(y), 2, places=6)

    def test_as_a_function_of_its_own(self):
        one = ["row_simplex_threshold", "--in", "z=0,0,0,0"]
        self.assertEqual(self.values(*one), [-0.25])
        self.assertEqual(self.values(*one, "--param", "alpha=1.5"), [-0.5])
        self.fails("run", *one, "--param", "alpha=1",
                   says="'alpha' of 'row_simplex_threshold' must be from 1.0625 to 4, not 1")
        self.write("one.slu", "fn one(z) = row_simplex_threshold(z; alpha = 1)\n")
        self.fails("run", "one.slu", "--in", "z=1,2", says="'alpha' of 'row_simplex_threshold'")


if __name__ == "__main__":
    unittest.main()

"""sluice compile for GPUs: the library's kernels as PTX, of which every operation on numbers rounds as
the interpreter's does, and which CUDA's assembler takes. That they have the right bits is shown by
examples/cuda, where there is a GPU."""
import re
import shutil
import subprocess
import unittest

from command import CommandTest, sluice

LLVM = "llvm" in sluice("--version", "--json").json()["rungs"]
ASSEMBLER = shutil.which("ptxas") or shutil.which("ptxas", path="/usr/local/cuda/bin")
TARGET = ["--targets", "nvptx64"]


@unittest.skipUnless(LLVM, "the LLVM back end is not built")
class Ptx(CommandTest):
    def test_library(self):
        functions = [one["name"] for one in sluice("list", "--json").json() if not one["row_wise"]]
        done = self.succeeds("compile", "-o", "acts", "--functions", ",".join(functions), "--passes",
                             "forward,backward", "--dtypes", "f32,f64,f16,bf16", *TARGET)
        self.assertEqual(done.out, "acts.ptx\n")
        self.assertNotIn("call", self.checked(8 * len(functions)))
        self.assemble()

    def test_rows(self):
        functions = [one["name"] for one in sluice("list", "--json").json() if one["row_wise"]]
        made = ["--passes", "forward,backward", "--baked", *TARGET]
        self.succeeds("compile", "-o", "acts", "--functions", "softmax,cross_entropy", "--dtypes",
                      "f64,f16,bf16", *made)
        self.checked(12)
        self.assemble()
        self.succeeds("compile", "-o", "acts", "--functions", ",".join(functions), *made)
        text = self.checked(2 * len(functions))
        # Sums across the warp are exchanged lane by lane, 16 apart, 8, 4, 2 and 1.
        sums = re.search(r"(?s)\.func fold_\S*block_sum_\S*finish32\([^)]*\)\n\{.*?\n\}", text)[0]
        self.assertEqual(re.findall(r"shfl\.sync\.bfly\.b32\s+\S+, \S+, (\d+), 31, -1;", sums),
                         ["16", "8", "4", "2", "1"])
        self.assemble()

    def checked(self, entries):
        """The file's text, in which every operation says how it is rounded."""
        text = (self.folder / "acts.ptx").read_text()
        self.assertEqual(text.count(".visible .entry"), entries)
        self.assertNotRegex(text, r"\.(ftz|approx|full|sat)\b")
        # An assembler may fuse a product and a sum of which neither says how it is rounded.
        self.assertNotRegex(text, r"\b(add|sub|mul|div|sqrt|rcp)\.f(32|64)\b")
        return text

    def assemble(self):
        if ASSEMBLER is None:
            self.skipTest("there is no ptxas")
        subprocess.run([ASSEMBLER, "-arch=sm_80", "acts.ptx", "-o", "acts.cubin"], cwd=self.folder,
                       check=True)

    def test_comments(self):
        self.write("acts.slu", "## A star.\n@ulp(2)\nfn star(x; scale = 0.5) = scale * relu(x)^2\n")
        self.succeeds("compile", "acts.slu", "-o", "acts", *TARGET)
        text = (self.folder / "acts.ptx").read_text()
        for line in ("// A star.", "// promise: 2 ULP",
                     "//   acts_star_f32(const float* x, float* y, float scale, size_t n)"):
            self.assertIn(line + "\n", text)
        self.assertRegex(text, r"numerics \d+, family fma")

    def test_beside_others(self):
        self.write("acts.slu", "fn star(x; scale = 0.5) = scale * relu(x)^2\n")
        done = self.succeeds("compile", "acts.slu", "-o", "acts", "--targets", "nvptx64,aarch64")
        self.assertEqual(done.out, "acts.h\naarch64/libacts.a\nnvptx64/acts.ptx\n")
        self.assertNotIn("nvptx64", (self.folder / "acts.h").read_text())

    def test_assembly(self):
        shown = self.succeeds("show", "silu", "--emit", "asm", "--target", "nvptx64").out
        self.assertIn(".visible .entry", shown)
        self.assertTrue(re.search(r"\bfma\.rn\.f32\b", shown))


if __name__ == "__main__":
    unittest.main()

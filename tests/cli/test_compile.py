"""sluice compile: what it writes, and what it refuses. That the kernels have the right bits is shown by
tests/cross."""
import os
import re
import shutil
import subprocess
import unittest

from command import CommandTest, runnable_targets, sluice, to_f32

TEXT = """## A star.
@ulp(2)
fn star(x; scale = 0.5) = scale * relu(x)^2
fn gated(x, up) = silu(x) * up
"""
LLVM = "llvm" in sluice("--version", "--json").json()["rungs"]


@unittest.skipUnless(LLVM, "the LLVM back end is not built")
class Compile(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("acts.slu", TEXT)

    def test_header(self):
        done = self.succeeds("compile", "acts.slu", "-o", "out/my-acts", "--passes", "forward,backward",
                             "--dtypes", "f32,bf16", "--namespace", "acts")
        self.assertEqual(done.out, "out/my-acts.h\nout/libmy-acts.a\n")
        header = (self.folder / "out" / "my-acts.h").read_text()
        self.assertIn("void my_acts_star_f32(const float* x, float* y, float scale, size_t n);", header)
        self.assertIn("void my_acts_gated_backward_bf16(const uint16_t* x, const uint16_t* up, "
                      "const uint16_t* grad_y, uint16_t* dx, uint16_t* dup, size_t n);", header)
        self.assertIn("A star.", header)
        self.assertIn("promise: 2 ULP", header)
        self.assertRegex(header, r"numerics \d+")
        self.assertIn("namespace acts {", header)

    def test_program(self):
        """A parameter's argument, a part of the functions, another prefix; C and C++."""
        compiler = os.environ.get("CXX", "c++")
        if shutil.which(compiler) is None:
            self.skipTest("there is no compiler of C++")
        self.succeeds("compile", "acts.slu", "-o", "acts", "--functions", "star", "--prefix", "my",
                      "--namespace", "acts", "--targets", "x86-64-v4,x86-64-v3")
        self.assertNotIn("gated", (self.folder / "acts.h").read_text())
        self.write("main.cpp", """#include <cstdio>
#include "acts.h"
int main() {
  if (!my_available()) return 77;
  const float x[3] = {-1, 2, 3};
  float y[3];
  acts::star(x, y, 0.25f, 3);
  std::printf("%g %g %g\\n", y[0], y[1], y[2]);
}
""")
        subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "main.cpp", "libacts.a", "-o", "main"],
                       cwd=self.folder, check=True)
        done = subprocess.run([self.folder / "main"], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode == 77:
            self.skipTest("this processor has none of the targets")
        self.assertEqual(done.stdout, "0 1 2.25\n")

    def test_rows(self):
        """Rows apart in memory, an input that all share, rows in place, none and empty ones."""
        compiler = os.environ.get("CC", "cc")
        if shutil.which(compiler) is None:
            self.skipTest("there is no compiler of C")
        self.write("rows.slu", "fn centred(x) -> (y, middle: row) {\n  let middle = row_mean(x)\n"
                               "  (x - middle, middle)\n}\n")
        self.succeeds("compile", "rows.slu", "-o", "rows", "--functions", "centred,layer_norm,softmax",
                      "--inputs", "weight,bias")
        header = (self.folder / "rows.h").read_text()
        self.assertIn("void rows_centred_f32(const float* x, size_t x_step, float* y, size_t y_step, "
                      "float* middle, size_t rows, size_t columns, void* workspace);\n"
                      "size_t rows_centred_f32_workspace(size_t columns);", header)
        self.assertIn("const float* bias, size_t bias_step, float* y", header)
        self.write("main.c", """#include <stdio.h>
#include "rows.h"
static float x[2][6000], y[2][6000], weight[6000], middle[2], workspace[30000];
int main(void) {
  int i;
  if (!rows_available()) return 77;
  for (i = 0; i < 6000; ++i) { x[0][i] = i % 3; x[1][i] = i % 5; weight[i] = i % 2; }
  if (rows_centred_f32_workspace(6000) > sizeof workspace) return 1;
  rows_centred_f32(x[0], 6000, y[0], 6000, middle, 2, 5, workspace);  /* of each row its first five */
  printf("%g %g %g %g %g\\n", middle[0], middle[1], y[0][2], y[1][4], y[1][5]);
  rows_centred_f32(x[0], 6000, y[0], 6000, middle, 2, 6000, workspace);
  printf("%g %g %g %g\\n", middle[0], middle[1], y[0][5999], y[1][5999]);
  rows_centred_f32(x[0], 6000, x[0], 6000, middle, 2, 6000, workspace);
  printf("%g %g\\n", x[0][5999], x[1][5999]);
  if (rows_layer_norm_f32_workspace(4) > sizeof workspace) return 1;
  rows_layer_norm_f32(x[0], 6000, weight, 0, weight, 0, y[0], 6000, 0, 2, 4, workspace);
  printf("%g %g %g\\n", y[0][0], y[0][1], y[1][2]);
  rows_centred_f32(x[0], 0, y[0], 0, middle, 2, 0, workspace);
  rows_centred_f32(x[0], 0, y[0], 0, middle, 0, 6000, workspace);
  printf("%g\\n", middle[1]);
  return 0;
}
""")
        subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "main.c", "librows.a", "-o", "main"],
                       cwd=self.folder, check=True)
        done = subprocess.run([self.folder / "main"], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode == 77:
            self.skipTest("this processor has none of the targets")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[:3], ["0.8 2 1.2 2 0", "1 2 1 2", "1 2"])
        self.assertEqual(lines[3].split()[0], "0")  # of weight and bias 0
        self.assertAlmostEqual(float(lines[3].split()[1]), 1 + 0.25 / 0.6875 ** 0.5, 5)  # of both 1
        self.assertIn("nan", lines[4])

    def test_architectures(self):
        done = self.succeeds("compile", "-o", "relu", "--functions", "relu", "--targets",
                             "aarch64,x86-64-v3,ppc64le,riscv64+v,aarch64+sve2")
        self.assertEqual(done.out.split(), ["relu.h", "x86-64/librelu.a", "aarch64/librelu.a",
                                            "riscv64/librelu.a", "ppc64le/librelu.a"])

    def test_families_in_one_library(self):
        """A processor without fma gets the bits of targets without, beside those that have it."""
        emulator, compiler = shutil.which("qemu-x86_64-static"), shutil.which(os.environ.get("CC", "cc"))
        if emulator is None or compiler is None:
            self.skipTest("there is no qemu-x86_64-static, or no compiler")
        numbers = [i / 64 - 8 for i in range(1024)]
        self.succeeds("compile", "-o", "acts", "--functions", "mish", "--targets",
                      "x86-64-v4,x86-64-v2,x86-64-v3")
        header = (self.folder / "acts.h").read_text()
        self.assertRegex(header, r"family fma: x86-64-v3, x86-64-v4\n")
        self.assertRegex(header, r"family nofma: x86-64-v2; errors up to twice")
        self.write("main.c", """#include <stdio.h>
#include "acts.h"
int main(void) {
  float x[1024], y[1024];
  int i;
  for (i = 0; i < 1024; ++i) x[i] = i / 64.0f - 8;
  if (!acts_available()) return 77;
  acts_mish_f32(x, y, 1024);
  for (i = 0; i < 1024; ++i) printf("%a\\n", y[i]);
  return 0;
}
""")
        subprocess.run([compiler, "-static", "main.c", "libacts.a", "-o", "main"], cwd=self.folder,
                       check=True)
        bits = {target: self.values("mish", "--values", ",".join(map(repr, numbers)), "--target", target)
                for target in ("interpreter", "interpreter-nofma")}
        self.assertNotEqual(*bits.values())
        programs = {"interpreter-nofma": [emulator, "-cpu", "Nehalem", "./main"]}
        if "x86-64-v3" in runnable_targets():
            programs["interpreter"] = ["./main"]
        for target, program in programs.items():
            done = subprocess.run(program, cwd=self.folder, stdout=subprocess.PIPE, text=True, check=True)
            self.assertEqual([to_f32(float.fromhex(one)) for one in done.stdout.split()],
                             [to_f32(one) for one in bits[target]], target)

    def test_assembly(self):
        done = self.succeeds("show", "silu", "--emit", "asm", "--target", "aarch64")
        self.assertNotRegex(done.out, r"\bbl\t")  # no call
        loop = re.search(r"(?s)\tldr\tq\d+, \[x.*?\tb\t", done.out)[0]
        self.assertIn("\tfmla\tv", loop)
        self.assertEqual(len(re.findall(r"\b(?:ldr|str|ldp|stp)\t", loop)), 2, loop)  # no spill
        for target in ("x86-64-v2", "wasm32+simd128"):
            text = self.succeeds("show", "silu", "--emit", "asm", "--target", target, "--dtype", "f16").out
            self.assertNotRegex(text, r"\bcall|fmadd|\bymm|relaxed", target)

    def test_what_is_shown(self):
        for target in ("x86-64-v2", "interpreter-nofma"):
            key = self.succeeds("show", "silu", "--emit", "key", "--target", target).out
            self.assertIn(" target=interpreter-nofma ", key)
        for target in ("interpreter", "interpreter-nofma"):
            self.fails("show", "silu", "--emit", "llvm", "--target", target, says="has none")
        for function in ("silu", "softmax"):
            ir = self.succeeds("show", function, "--emit", "llvm", "--target", "aarch64").out
            self.assertIn("call <4 x float> @llvm.fma.v4f32(", ir)
            self.assertNotRegex(ir, r"\bfast\b|\bcontract\b|\breassoc\b")
            code = self.succeeds("show", function, "--emit", "asm", "--target", "aarch64").out
            self.assertIn("\tfmla\tv", code)

    def test_bad_usage(self):
        out = ["-o", "out/acts"]
        self.fails("compile", "acts.slu", says="--output is required")
        self.fails("compile", *out, says="nothing to compile")
        self.fails("compile", "acts.slu", *out, "--functions", "stra", says="did you mean 'star'")
        self.fails("compile", "acts.slu", *out, "--targets", "z80", says="unknown target 'z80': known are")
        self.fails("compile", "acts.slu", *out, "--dtypes", "i8", says="'i8' is no element type")
        self.fails("compile", "acts.slu", *out, "--passes", "sideways", says="unknown pass 'sideways'")
        self.fails("compile", "none.slu", *out, says="none.slu: cannot be opened")
        self.fails("compile", *out, "--functions", "softmax", "--inputs", "x", says="optional input 'x'")
        self.fails("compile", *out, "--functions", "relu", "--inputs", "bias", says="optional input 'bias'")
        self.fails("compile", "acts.slu", *out, "--prefix", "1st", says="'1st' is no name of C")
        self.write("out", "a file in the folder's place")
        self.fails("compile", "acts.slu", *out, says="out/")


if __name__ == "__main__":
    unittest.main()

"""sluice compile for WebAssembly: the module and the script run in Node.js and give the tutorials'
numbers. That all kernels have the right bits is shown by tests/cross."""
import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from command import SLUICE, CommandTest, sluice, to_f32

EXAMPLES = Path(__file__).resolve().parent.parent / "golden" / "seed_examples.json"
LLVM = "llvm" in sluice("--version", "--json").json()["rungs"]
LINKER = shutil.which("wasm-ld-19") or shutil.which("wasm-ld")
NODE = shutil.which("node")
TARGET = ["--targets", "wasm32+simd128"]

# The tutorials' names of what they do, and a function's and pass's of the library.
KERNELS = {"relu": ("relu", "forward"), "sigmoid": ("sigmoid", "forward"), "tanh": ("tanh", "forward"),
           "gelu": ("gelu", "forward"), "leaky_relu": ("leaky_relu", "forward"),
           "exp_naive_overflow": ("exp", "forward"), "relu_grad": ("relu", "backward"),
           "sigmoid_grad_max": ("sigmoid", "backward"), "softmax": ("softmax", "forward")}

DRIVER = """import { readFileSync } from "node:fs";
import { instantiate } from "./acts.mjs";
const kernels = await instantiate(readFileSync("acts.wasm"));
const results = [];
for (const [symbol, inputs, parameters, results_of] of JSON.parse(readFileSync("calls.json", "utf8"))) {
  const given = inputs.map((one) => new Float32Array(one));
  const result = new Float32Array(results_of ?? given[0].length);
  kernels[symbol](...given, result, ...parameters);
  results.push(Array.from(result, String));
}
console.log(JSON.stringify(results));
"""


@unittest.skipUnless(LLVM, "the LLVM back end is not built")
@unittest.skipUnless(LINKER, "there is no wasm-ld")
class Wasm(CommandTest):
    def run_calls(self, calls):
        """What each (symbol, inputs, parameters) gives."""
        if NODE is None:
            self.skipTest("there is no node")
        self.write("calls.json", json.dumps(calls))
        self.write("driver.mjs", DRIVER)
        done = subprocess.run([NODE, "driver.mjs"], cwd=self.folder, stdout=subprocess.PIPE, text=True,
                              check=True)
        return [[float(one.replace("Infinity", "inf")) for one in result]
                for result in json.loads(done.stdout)]

    def test_tutorials(self):
        self.succeeds("compile", "-o", "acts", "--functions",
                      "relu,sigmoid,tanh,gelu,leaky_relu,exp,softmax", "--passes", "forward,backward",
                      *TARGET)
        examples = [one for one in json.loads(EXAMPLES.read_text())["examples"] if one["op"] in KERNELS]
        calls = []
        for one in examples:
            function, which = KERNELS[one["op"]]
            if one["op"] == "softmax" and isinstance(one["input"][0], list):
                one["input"], one["expected"] = one["input"][0], one["expected"][0]
            inputs = [one["input"]] + ([[1] * len(one["input"])] if which == "backward" else [])
            suffix = "_backward" if which == "backward" else ""
            parameters = [one["params"]["negative_slope"]] if function == "leaky_relu" else []
            if function == "softmax":  # temperature, scale, soft_cap, columns
                parameters = [one["params"].get("temperature", 1), 1, 0, len(one["input"])]
            calls.append((f"acts_{function}{suffix}_f32", inputs, parameters))
        self.assertGreaterEqual(len(examples), 23)
        for one, got in zip(examples, self.run_calls(calls), strict=True):
            for wanted, number in zip(one["expected"], got, strict=True):
                wanted = float(wanted)
                if wanted != number:
                    self.assertLessEqual(abs(wanted - number), one["tolerance"] + 1e-7 * abs(wanted),
                                         one["op"])
        print("ran: tutorials in node")

    def test_own_text(self):
        self.write("acts.slu", "fn star(x; scale = 0.5) = scale * relu(x)^2\n"
                               "fn gated(x, up) = silu(x) * up\n")
        done = self.succeeds("compile", "acts.slu", "-o", "acts", *TARGET)
        self.assertEqual(done.out.split(), ["acts.h", "acts.wasm", "acts.mjs", "libacts.a"])
        self.assertIn("family nofma: wasm32+simd128", (self.folder / "acts.h").read_text())
        # Of one element, of a vector and some, of more than the memory that there is at first.
        many = [i % 7 - 3 for i in range(100_003)]
        got = self.run_calls([("acts_star_f32", [[3]], [0.25]),
                              ("acts_star_f32", [[-1, 2, 3, 4, 5]], [0.5]),
                              ("acts_gated_f32", [many, many], [])])
        self.assertEqual(got[:2], [[2.25], [0, 2, 4.5, 8, 12.5]])
        native = self.succeeds("run", "acts.slu:gated", "--target", "interpreter-nofma", "--values",
                               ",".join(map(str, many[:7])), "--in", "up=" + ",".join(map(str, many[:7])))
        self.assertEqual([f"{one:.6g}" for one in got[2][:7]],
                         [f"{float(one):.6g}" for one in native.out.split()])
        self.assertEqual(got[2][7:], got[2][:-7])

    def test_rows(self):
        """Of one block and of several, with an input that all rows share, and one value a row."""
        self.write("acts.slu", "fn scaled(x, weight) = softmax(x) * weight\n"
                               "fn total(x) -> (y: row) = row_sum(x)\n")
        self.succeeds("compile", "acts.slu", "-o", "acts", "--baked", *TARGET)
        rows = [[(7 * i + 3 * r) % 11 / 4 for i in range(5000)] for r in range(2)]
        weight = [1 + i % 3 for i in range(5000)]
        scaled, total = self.run_calls([("acts_scaled_f32", [rows[0] + rows[1], weight], [5000]),
                                        ("acts_total_f32", [rows[0] + rows[1]], [5000], 2)])
        native = self.succeeds("run", "acts.slu:scaled", "--target", "interpreter-nofma", "--in",
                               "x=" + ",".join(map(str, rows[1])), "--in",
                               "weight=" + ",".join(map(str, weight)))
        wanted = [to_f32(float(one)) for one in native.out.split()]
        self.assertEqual([i for i in range(5000) if to_f32(scaled[5000 + i]) != wanted[i]], [])
        self.assertEqual(total, [sum(row) for row in rows])

    def test_misuse_is_an_error(self):
        if NODE is None:
            self.skipTest("there is no node")
        self.succeeds("compile", "-o", "acts", "--functions", "relu", *TARGET)
        self.write("driver.mjs", """import { readFileSync } from "node:fs";
import { instantiate } from "./acts.mjs";
const { acts_relu_f32 } = await instantiate(readFileSync("acts.wasm"));
const three = new Float32Array(3);
for (const given of [[three], [three, new Float32Array(2)], [three, new Float64Array(3)]])
  try { acts_relu_f32(...given); } catch (error) { console.log(error.message); }
""")
        done = subprocess.run([NODE, "driver.mjs"], cwd=self.folder, stdout=subprocess.PIPE, text=True,
                              check=True)
        self.assertEqual(done.stdout.splitlines(),
                         ["acts_relu_f32 takes x, y"]
                         + 2 * ["acts_relu_f32: y is a Float32Array of 3 elements"])

    def test_no_linker(self):
        done = subprocess.run([SLUICE, "compile", "-o", "out/acts", "--functions", "relu", *TARGET],
                              cwd=self.folder, env={**os.environ, "PATH": ""}, capture_output=True,
                              text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("lld-19", done.stderr)
        self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    unittest.main()

"""list, show and bench; and a function of the user's own in every command, with no rebuild."""
import re
import unittest

from command import Array, CommandTest, npy_bytes, runnable_targets

STAR = """## StarReLU.  (Yu et al., 2022)
## A second line.
@ulp(8)
fn star(x; s = 0.8944, b = -0.4472) = s * max(x, 0)^2 + b
"""


class List(CommandTest):
    def test_text(self):
        out = self.succeeds("list").out
        self.assertIn("gelu(x)\n    Gaussian error linear unit", out)
        self.assertIn("leaky_relu(x; negative_slope = 0.01)", out)
        self.assertIn("promise: 2 ULP", out)

    def test_json(self):
        functions = {one["name"]: one for one in self.succeeds("list", "--json").json()}
        leaky = functions["leaky_relu"]
        self.assertEqual(leaky["inputs"], [{"name": "x", "kind": "element"}])
        self.assertEqual(leaky["params"],
                         [{"name": "negative_slope", "default": 0.01, "int": False}])
        self.assertEqual(leaky["outputs"], ["y"])
        self.assertTrue(leaky["library"])
        self.assertEqual(functions["gelu"]["promise"], {"forward_ulp": 2, "derivative_ulp": 2})
        self.assertIn("swish_beta", functions["swish"]["aliases"])
        for name in ("identity relu leaky_relu prelu elu gelu gelu_tanh quick_gelu silu swish "
                     "softplus mish hardswish hardsigmoid softsign exp tanh").split():
            self.assertTrue(functions[name]["documentation"], name)

    def test_everything_is_documented(self):
        for one in self.succeeds("list", "--json").json():
            self.assertTrue(one["documentation"], one["name"])


class Show(CommandTest):
    def test_summary(self):
        out = self.succeeds("show", "gelu").out
        self.assertIn("formula     fn gelu(x) = x * normal_cdf(x)", out)
        self.assertRegex(out, r"dy/dx +.*normal_cdf\(x\)")
        self.assertIn("promise     2 ULP", out)
        self.assertLessEqual(len(out.splitlines()), 10)

    def test_summary_of_a_textbook_formula(self):
        self.write("s.slu", "fn s(x) = 1 / (1 + exp(-x))\n")
        out = self.succeeds("show", "s.slu").out
        self.assertIn("rewrites    sigmoid", out)

    def test_summary_as_json(self):
        shown = self.succeeds("show", "relu", "--json").json()
        self.assertEqual(shown["function"], "relu")
        self.assertEqual(list(shown["derivatives"]), ["dy/dx"])

    def test_every_step(self):
        for step in ("ast", "ir", "grad", "rewrites", "expand", "schedule", "key"):
            for flow in ("forward", "backward"):
                with self.subTest(step=step, flow=flow):
                    done = self.succeeds("show", "silu", "--emit", step, "--pass", flow, "--dtype",
                                         "f64", "--shape", "4,1024")
                    self.assertTrue(done.out or step == "rewrites")
        self.assertIn("fn silu(x)", self.succeeds("show", "silu", "--emit", "ast").out)
        self.assertNotEqual(self.succeeds("show", "silu", "--emit", "key").out,
                            self.succeeds("show", "silu", "--emit", "key", "--dtype", "f64").out)

    def test_assembly_of_any_target(self):
        if "x86-64-v4" not in self.succeeds("--version", "--json").json()["targets"]:
            self.skipTest("skipped: asm: this build makes no machine code")
        low = self.succeeds("show", "silu", "--emit", "asm", "--target", "x86-64-v3").out
        high = self.succeeds("show", "silu", "--emit", "asm", "--target", "x86-64-v4").out
        self.assertIn("ymm", low)
        self.assertNotIn("zmm", low)
        self.assertIn("zmm", high)
        self.assertTrue(re.search(r"vfmadd", high))

    def test_list_of_rewrites(self):
        self.assertRegex(self.succeeds("show", "--rewrites").out, r"sigmoid .* -> +sigmoid\(")


class UsersFunction(CommandTest):
    """One new activation in a file works in every command."""

    def setUp(self):
        super().setUp()
        self.write("star.slu", STAR)

    def test_list(self):
        out = self.succeeds("list", "--lib", "star.slu").out
        self.assertIn("star(x; s = 0.8944, b = -0.4472)\n    StarReLU.", out)

    def test_show(self):
        out = self.succeeds("show", "star.slu:star").out
        self.assertIn("StarReLU.  (Yu et al., 2022)", out)
        self.assertIn("promise     8 ULP", out)

    def test_run_in_every_way_of_naming_it(self):
        for words in (["star.slu"], ["star.slu:star"], ["star", "--lib", "star.slu"]):
            got = self.values(*words, "--values", "-1,2", "--param", "s=1", "--param", "b=0.5")
            self.assertEqual(got, [0.5, 4.5])

    def test_the_last_definition_of_a_file(self):
        self.write("two.slu", "fn first(x) = x\nfn second(x) = 2 * first(x)\n")
        self.assertEqual(self.values("two.slu", "--values", "3"), [6])
        self.assertEqual(self.values("two.slu:first", "--values", "3"), [3])

    def test_values_go_to_the_only_input_whatever_its_name(self):
        self.write("t.slu", "fn f(t) = 2 * t\n")
        self.assertEqual(self.values("t.slu", "--values", "3"), [6])

    def test_backward_on_every_target(self):
        for target in runnable_targets():
            got = self.values("star.slu", "--values", "-1,0,3", "--pass", "backward", "--param",
                              "s=0.5", "--target", target)
            self.assertEqual(got, [0, 0, 3])

    def test_files(self):
        self.write("x.npy", npy_bytes([-1, 2]))
        self.succeeds("run", "star.slu", "--in", "x=x.npy", "--param", "s=1", "--param", "b=1",
                      "--out", "y=y.npy")
        self.assertEqual(Array(self.folder / "y.npy").values, (1, 5))

    def test_warnings_go_to_standard_error(self):
        self.write("w.slu", "fn f(x, unused = 0) = x\n")
        done = self.succeeds("run", "w.slu", "--values", "1")
        self.assertEqual(done.out, "1\n")
        self.assertIn("unused", done.err)

    def test_bench(self):
        versus = ["--vs", "llvm"] if "llvm" in runnable_targets() else []
        done = self.succeeds("bench", "star.slu", "--quick", "--sizes", "1000", "--json",
                             *versus).json()
        contenders = [one["name"].split("+")[0] for one in done["functions"][0]["contenders"]]
        self.assertEqual(contenders, runnable_targets())


class Bench(CommandTest):
    def test_json(self):
        done = self.succeeds("bench", "silu", "--quick", "--sizes", "512,4096", "--json").json()
        silu = done["functions"][0]
        self.assertEqual([one["n"] for one in silu["sizes"]], [512, 4096])
        names = [one["name"] for one in silu["contenders"]]
        self.assertEqual(names[-2:], ["loop", "std"])
        for contender in silu["contenders"]:
            self.assertLess(contender["max_relative_error"], 1e-4)
            self.assertEqual("compile_us" in contender, contender["name"] not in ("loop", "std"))
        for size in silu["sizes"]:
            self.assertEqual(list(size["ns_per_element"]), names)
            self.assertEqual(list(size["rooflines_ns_per_element"]), ["memcpy", "streaming_copy"])
            for time in size["ns_per_element"].values():
                self.assertGreater(time["min"], 0)
                self.assertGreaterEqual(time["median"], time["min"])

    def test_element_types(self):
        for dtype in ("f16", "bf16", "f64", "i8", "u8"):
            done = self.succeeds("bench", "relu", "--quick", "--sizes", "512", "--dtype", dtype,
                                 "--json").json()["functions"][0]
            self.assertEqual(done["dtype"], dtype)
            for contender in done["contenders"]:
                self.assertEqual("max_relative_error" in contender, dtype not in ("i8", "u8"))
                self.assertLess(contender.get("max_relative_error", 0), 0.01)

    def test_rows(self):
        for words, count in ((["softmax"], 1), (["cross_entropy", "--pass", "backward"], 1),
                             (["hardmax", "row_argmax", "--dtype", "f16"], 2)):
            done = self.succeeds("bench", *words, "--quick", "--shapes", "3x5,2x4097", "--json").json()
            self.assertEqual(len(done["functions"]), count)
            sizes = done["functions"][0]["sizes"]
            self.assertEqual([(one["n"], one["columns"]) for one in sizes], [(15, 5), (8194, 4097)])
            for one in sizes:
                for time in one["ns_per_element"].values():
                    self.assertGreater(time["min"], 0)
        out = self.succeeds("bench", "softmax", "--quick", "--shapes", "3x5").out
        self.assertIn("3x5", out)
        for shapes in ("3", "3x", "x3", "0x3", ",", "-1x3", "9999999x9999999", "3x5x7"):
            self.fails("bench", "softmax", f"--shapes={shapes}", says="--shapes takes ROWSxCOLUMNS")
        self.fails("bench", "softmax", "--dtype", "i8", says="f32, f64, f16 or bf16")
        self.fails("bench", "col", says="'col' has no inputs to run on")

    def test_backward_and_table(self):
        out = self.succeeds("bench", "relu", "tanh", "--quick", "--sizes", "512", "--pass",
                            "backward").out
        self.assertIn("relu backward f32", out)
        self.assertIn("tanh backward f32", out)
        self.assertIn("break-even", out)


if __name__ == "__main__":
    unittest.main()

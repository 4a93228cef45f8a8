"""check: promises kept and broken, the report, stamps, and going on after an interruption."""
import subprocess
import time
import unittest

from command import SLUICE, CommandTest

GOOD = """@ulp(2)
fn star(x; s = 0.8944) = s * max(x, 0) * max(x, 0)
"""
# 1 + x loses the small x, and @exact forbids the stable form.
BROKEN = """@ulp(2)
@exact
fn lost(x) = (x + 1) - 1
"""


class Check(CommandTest):
    def setUp(self):
        super().setUp()
        without = self.sluice("check", "relu", "--points", "10")
        if "MPFR was not found" in without.err:
            self.skipTest("this build has no MPFR")

    def report(self, *arguments, code=0):
        done = self.sluice("check", *arguments, "--json")
        self.assertEqual(done.code, code, done.err)
        return done.json()


class Promises(Check):
    def test_kept(self):
        report = self.report("gelu", "--points", "20000")
        value, slope = report["parts"]
        self.assertEqual((value["name"], slope["name"]), ("y", "dy/dx"))
        for part in report["parts"]:
            self.assertTrue(part["kept"])
            self.assertEqual(part["promise_ulp"], 2)
            self.assertGreater(part["inputs"], 20000)
            self.assertLess(part["by_mpfr"], part["inputs"] // 4)
            self.assertLessEqual(part["largest"]["ulp"], 2)
        self.assertAlmostEqual(slope["zero_crossings"][0]["at"], -0.7517916, places=6)
        self.assertEqual(report["differences"][0]["agreeing"], report["differences"][0]["inputs"])

    def test_broken(self):
        path = self.write("broken.slu", BROKEN)
        report = self.report("broken.slu", "--points", "1000", code=1)
        part = report["parts"][0]
        self.assertFalse(part["kept"])
        self.assertGreater(part["worst_beyond"]["ulp"], 2)
        self.assertNotEqual(part["worst_beyond"]["at"]["x"], 0)
        done = self.sluice("check", "broken.slu", "--points", "1000")
        self.assertEqual(done.code, 1)
        self.assertIn("promise 2 ULP BROKEN", done.out)
        self.assertRegex(done.out, r"beyond it at \d+ inputs, the worst: .* at x = ")
        self.assertEqual(path.read_text(), BROKEN)  # not stamped

    def test_accuracy_asked_for(self):
        full = self.report("exp", "--points", "5000")["parts"][0]
        fast = self.report("exp", "--points", "5000", "--accuracy", "2^-12")["parts"][0]
        self.assertEqual(fast["promise_ulp"], 2048)
        self.assertTrue(fast["kept"])
        self.assertGreater(fast["largest"]["ulp"], full["largest"]["ulp"])

    def test_targets_without_fma(self):
        """Other bits, judged by twice the promise."""
        self.write("f.slu", "@ulp(0.6)\nfn f(x) = x * sigmoid(x)\n")
        words = ["check", "f.slu", "--points", "3000", "--json"]
        plain = self.sluice(*words, "--target", "interpreter-nofma", "--no-stamp").json()["parts"][0]
        fused = self.sluice(*words, "--no-stamp").json()["parts"][0]
        self.assertEqual((fused["promise_ulp"], plain["promise_ulp"]), (0.6, 1.2))
        self.assertNotEqual(fused["mean_ulp"], plain["mean_ulp"])
        rows = self.succeeds("check", "softmax", "--columns", "17", "--target", "interpreter-nofma", "--json")
        self.assertEqual(rows.json()["family"], "nofma")
        self.write("g.slu", "@ulp(2)\nfn g(x) = x + 1\n")
        self.succeeds("check", "g.slu", "--points", "100", "--target", "interpreter-nofma")
        self.assertEqual((self.folder / "g.slu").read_text(), "@ulp(2)\nfn g(x) = x + 1\n")

    def test_the_same_for_any_number_of_threads(self):
        one = self.succeeds("check", "silu", "--threads", "1", "--points", "60000")
        five = self.succeeds("check", "silu", "--threads", "5", "--points", "60000")
        self.assertEqual(one.out, five.out)

    def test_every_number_of_16_bits(self):
        for dtype in ("f16", "bf16"):
            report = self.report("relu", "--dtype", dtype)
            self.assertTrue(report["exhaustive"])
            self.assertGreaterEqual(report["parts"][0]["inputs"], 65536)
            self.assertEqual(report["parts"][0]["promise_ulp"], 0.51)

    def test_several_inputs_and_f64(self):
        report = self.report("prelu", "--dtype", "f64", "--points", "1000")
        self.assertEqual([part["name"] for part in report["parts"]],
                         ["y", "dy/dx", "dy/dweight"])
        self.assertIsNone(report["card"])

    def test_nothing_promised(self):
        self.write("free.slu", "fn free(x) = x * x\n")
        report = self.report("free.slu", "--points", "100")
        self.assertIsNone(report["parts"][0]["kept"])
        report = self.report("softplus", "--param", "beta=1e9", "--points", "100")
        self.assertIsNone(report["parts"][0]["promise_ulp"])


class Properties(Check):
    def test_card(self):
        card = self.report("relu6", "--points", "100")["card"]
        self.assertEqual(card["f(0)"], 0)
        self.assertEqual(card["least"]["value"], 0)
        self.assertEqual(card["greatest"]["value"], 6)
        self.assertEqual(card["monotonic"], "increasing")
        self.assertEqual(card["lipschitz"]["value"], 1)
        self.assertEqual(card["saturated_above"], {"value": 6, "at": 6})
        self.assertEqual(card["dead_zones"], [["-inf", 0], [6, "inf"]])
        self.assertFalse(card["zero_centred"])

    def test_special_values(self):
        special = {str(one["x"]): one for one in self.report("silu", "--points", "9")["special"]}
        self.assertEqual(special["inf"]["y"], "inf")
        self.assertEqual(special["inf"]["slope"], 1)
        self.assertEqual(special["-inf"]["y"], 0)
        self.assertEqual(special["nan"]["y"], "nan")

    def test_against(self):
        same = self.report("silu", "--against", "silu", "--points", "9999")["against"]
        self.assertEqual([one["differing"] for one in same], [0, 0])
        other = self.report("gelu", "--against", "gelu_tanh", "--points", "9999")["against"][0]
        self.assertEqual(other["with"], "gelu_tanh")
        self.assertGreater(other["differing"], 1000)
        self.assertGreater(other["ulp"], 100)
        self.write("two.slu", GOOD + "fn other(x) = star(x; s = 0.5)\n")
        done = self.succeeds("check", "two.slu:star", "--against", "other", "--points", "99")
        self.assertIn("against     y: ", done.out)


class Stamps(Check):
    def test_a_file_is_stamped_once(self):
        path = self.write("good.slu", GOOD)
        self.succeeds("check", "good.slu", "--points", "1000")
        text = path.read_text()
        self.assertRegex(text[len(GOOD):], r"^# checked: star [0-9a-f]{32} sluice [0-9.]+\n$")
        self.assertTrue(text.startswith(GOOD))
        self.succeeds("check", "good.slu", "--points", "1000")
        self.assertEqual(path.read_text(), text)
        self.assertEqual(sorted(one.name for one in self.folder.iterdir()), ["good.slu"])

    def test_not_stamped(self):
        path = self.write("good.slu", GOOD)
        self.succeeds("check", "good.slu", "--points", "100", "--no-stamp")
        self.succeeds("check", "good.slu", "--points", "100", "--param", "s=2")
        self.succeeds("check", "good.slu", "--dtype", "f16")
        self.assertEqual(path.read_text(), GOOD)


class State(Check):
    def test_goes_on_where_it_was_interrupted(self):
        arguments = ["check", "relu", "--points", "40000000", "--state", "state", "--json"]
        state = self.folder / "state"
        with subprocess.Popen([SLUICE, *arguments, "--threads", "1"], cwd=self.folder,
                              stdout=subprocess.DEVNULL) as started:
            for _ in range(200):
                time.sleep(0.05)
                if state.exists() and state.read_text().count("\n") > 8:
                    break
            started.kill()
        lines = state.read_text().splitlines(keepends=True)
        self.assertGreater(len(lines), 8)
        # Fewer inputs are another check: it starts anew. A line cut short is left out.
        few = ["check", "relu", "--points", "100000", "--state", "few", "--json"]
        whole = self.succeeds(*few).json()
        self.assertFalse((self.folder / "few").exists())
        head = lines[0].replace(" 40000000 ", " 100000 ")
        done = [line for line in lines[1:] if int(line.split()[0]) < 4]
        changed = [line.replace(" 0x0p+0 ", " 0x1p-3 ", 1) for line in done]
        self.write("few", head + "".join(done) + "3 16384 0 0 0x")
        self.assertEqual(self.succeeds(*few).json(), whole)
        # What a state file says is believed, of a check of the same kernel.
        self.write("few", head + "".join(changed))
        plain = [*few, "--target", "interpreter-nofma"]
        self.assertEqual(self.succeeds(*plain).json()["parts"][0]["mean_ulp"], 0)
        self.write("few", head + "".join(changed))
        self.assertNotEqual(self.succeeds(*few).json(), whole)

    def test_other_files_are_left_alone(self):
        path = self.write("notes.txt", "mine\n")
        self.fails("check", "relu", "--points", "9", "--state", "notes.txt",
                   says="is no state file")
        self.assertEqual(path.read_text(), "mine\n")


class BadUsage(Check):
    def test_bad_usage(self):
        self.write("good.slu", GOOD)
        for arguments, says in (
                (["nosuch"], "unknown function 'nosuch'"),
                (["good.slu:other"], "unknown function 'other'"),
                (["none.slu"], "cannot be opened"),
                (["isnan"], "gives no number"),
                (["prelu", "--exhaustive"], "functions of one input"),
                (["relu", "--exhaustive", "--dtype", "f64"], "too many numbers"),
                (["relu", "--dtype", "i32"], "--dtype is"),
                (["relu", "--dtype", "f33"], "unknown element type 'f33'"),
                (["relu", "--points", "0"], "--points is at least 1"),
                (["relu", "--points", "many"], "--points"),
                (["relu", "--threads", "0"], "--threads is at least 1"),
                (["relu", "--against", "geluu"], "did you mean 'gelu'"),
                (["relu", "--against", "prelu"], "differ in their inputs"),
                (["good.slu", "--param", "t=1"], "has no parameter 't'"),
                ([], "function")):
            self.fails("check", *arguments, says=says)


if __name__ == "__main__":
    unittest.main()

"""check and show of 8-bit kernels: every integer against the truth, what --quant takes."""
import math
import unittest

from command import CommandTest
from test_check import BROKEN

X = ("--quant", "x=0.05,3")
Y = ("--quant", "y=0.03,-10")


class CheckQuantised(CommandTest):
    def setUp(self):
        super().setUp()
        if "MPFR was not found" in self.sluice("check", "relu", "--points", "10").err:
            self.skipTest("this build has no MPFR")

    def report(self, *arguments, code=0):
        done = self.sluice("check", *arguments, "--json")
        self.assertEqual(done.code, code, done.err)
        return done.json()

    def test_every_integer(self):
        for dtype, zero in (("i8", "-10"), ("u8", "100")):
            for function in ("silu", "tanh", "exp", "relu"):
                report = self.report(function, "--dtype", dtype, *X, "--quant", f"y=0.03,{zero}")
                self.assertTrue(report["kept"])
                self.assertEqual(report["dtype"], dtype)
                self.assertEqual(report["quantisations"]["y"]["zero_point"], int(zero))
                part, = report["parts"]
                self.assertEqual((part["name"], part["inputs"], part["beyond"]), ("y", 256, 0))
                self.assertEqual(part["differing"], 0)

    def test_the_worst_is_as_run_has_it(self):
        worst = self.report("silu", "--dtype", "i8", *X, *Y)["parts"][0]["worst"]
        x = 0.05 * (worst["input"] - 3)
        self.assertAlmostEqual(worst["truth"], x / (1 + math.exp(-x)) / 0.03 - 10, places=4)
        ran = self.succeeds("run", "silu", "--in", f"x={worst['input']}", "--dtype", "x=i8",
                            "--dtype", "y=i8", *X, *Y)
        self.assertEqual(ran.out.split(), [str(worst["got"])])

    def test_ties_are_no_broken_promise(self):
        part = self.report("reciprocal", "--dtype", "u8", "--quant", "x=0.1,128", "--quant",
                           "y=0.01,100")["parts"][0]
        self.assertTrue(part["kept"])
        self.assertGreater(part["differing"], 0)
        self.assertAlmostEqual(abs(part["worst"]["got"] - part["worst"]["truth"]), 0.5, places=5)

    def test_broken(self):
        self.write("broken.slu", BROKEN)
        quant = ("--quant", "x=1e-8,0", "--quant", "y=1e-8,0")
        report = self.report("broken.slu", "--dtype", "i8", *quant, code=1)
        part, = report["parts"]
        self.assertFalse(part["kept"])
        self.assertGreater(part["beyond"], 100)
        done = self.sluice("check", "broken.slu", "--dtype", "i8", *quant)
        self.assertEqual(done.code, 1)
        self.assertIn("promise 2 ULP BROKEN", done.out)
        self.assertRegex(done.out, r"\d+ of 256 integers are not the nearest, \d+ by more than")
        self.write("free.slu", BROKEN.split("\n", 1)[1])
        report = self.report("free.slu", "--dtype", "i8", *quant)
        self.assertIsNone(report["parts"][0]["kept"])
        self.assertGreater(report["parts"][0]["differing"], 100)

    def test_targets_without_fma(self):
        for target in ("interpreter-nofma", "x86-64-v2"):
            report = self.report("silu", "--dtype", "i8", *X, *Y, "--target", target)
            self.assertEqual(report["target"], "interpreter-nofma")
            self.assertEqual(report["parts"][0]["promise_ulp"], 4)

    def test_outputs_and_parameters(self):
        report = self.report("crelu", "--dtype", "u8", "--quant", "x=0.1,128",
                             *(word for name in self.outputs("crelu")
                               for word in ("--quant", f"{name}=0.1,0")))
        self.assertEqual([part["name"] for part in report["parts"]], self.outputs("crelu"))
        report = self.report("softplus", "--dtype", "i8", *X, *Y, "--param", "beta=2")
        self.assertEqual(report["params"]["beta"], 2)
        self.assertTrue(report["kept"])

    def outputs(self, function):
        listed = self.succeeds("list", "--json").json()
        return next(each["outputs"] for each in listed if each["name"] == function)

    def test_refused(self):
        for arguments, message in (
                (("silu", "--dtype", "i8", *X), "'y' is of type i8"),
                (("silu", "--dtype", "i8", *Y), "'x' is of type i8"),
                (("prelu", "--dtype", "i8", *X, *Y), "has 2 inputs"),
                (("softmax", "--dtype", "u8", *X), "works on rows"),
                (("silu", "--dtype", "i8", *X, *Y, "--against", "mish"), "--against is not for")):
            done = self.sluice("check", *arguments)
            self.assertNotEqual(done.code, 0)
            self.assertIn(message, done.err)


class ShowQuantised(CommandTest):
    def test_the_kernel(self):
        text = self.succeeds("show", "silu", "--dtype", "i8", *X, *Y, "--emit", "schedule").out
        self.assertIn("iadd x, -3", text)
        self.assertIn(", 0.05 : f32", text)
        self.assertIn("0.03", text)
        key = self.succeeds("show", "silu", "--dtype", "i8", *X, *Y, "--emit", "key").out
        self.assertRegex(key, r"x:i8\*0\.05\d*@3,y:i8\*0\.0[23]\d*@-10")
        # One operand makes a table, whose code has no zero in it; two do not.
        plain, shifted = (
            self.succeeds("show", "prelu", "--dtype", "i8", *quant, "--emit", "asm", "--target",
                          "x86-64-v3").out for quant in ((), (*X, *Y)))
        self.assertNotEqual(plain, shifted)
        self.succeeds("show", "silu", "--dtype", "u8", "--pass", "backward", "--quant",
                      "x=0.05,3", "--quant", "dx=0.5,128", "--emit", "schedule")

    def test_refused(self):
        for quant, message in ((("x=0.05"), "takes NAME=SCALE,ZERO"), (("x=0.05,"), "takes NAME="),
                               (("q=1,0"), "has no operand 'q'"), (("x=0,0"), "positive"),
                               (("x=inf,0"), "positive"), (("x=1,200"), "out of the range of i8")):
            done = self.sluice("show", "silu", "--dtype", "i8", "--quant", quant)
            self.assertNotEqual(done.code, 0, quant)
            self.assertIn(message, done.err)
        done = self.sluice("show", "silu", *X)
        self.assertIn("--quant is for operands of 8 bits", done.err)
        done = self.sluice("show", "silu", "--dtype", "i8", *X, *X)
        self.assertIn("names 'x' twice", done.err)


if __name__ == "__main__":
    unittest.main()

"""sluice run: values and files, passes, types, broadcasting, streaming."""
import json
import math
import struct
import unittest
from pathlib import Path

from command import Array, CommandTest, memory_of, npy_bytes, runnable_targets, to_f32

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


class Values(CommandTest):
    def test_values_are_printed_on_a_line(self):
        done = self.succeeds("run", "relu", "--values", "-1,2,-3,4,0")
        self.assertEqual(done.out, "0 2 0 4 0\n")

    def test_a_negative_first_value_is_no_option(self):
        self.assertEqual(self.values("identity", "--values", "-inf,-.5,nan")[:2], [-math.inf, -0.5])
        self.assertEqual(self.values("identity", "--values=-1"), [-1])

    def test_the_shortest_text_is_printed(self):
        done = self.succeeds("run", "identity", "--values", "0.1,1e-45,3.4028235e38,16777216,-0.0")
        self.assertEqual(done.out, "0.1 1e-45 3.4028235e+38 16777216 -0\n")
        done = self.succeeds("run", "identity", "--values", "0.1,inf,-inf", "--dtype", "x=f64")
        self.assertEqual(done.out, "0.1 inf -inf\n")

    def test_hexadecimal_true_and_false(self):
        self.assertEqual(self.values("identity", "--values", "0x1.8p3,true,false"), [12, 1, 0])

    def test_16_bit_types(self):
        for target in runnable_targets():
            words = ["--target", target, "--values", "0.1,1,3,65504,-20,1e6"]
            done = self.succeeds("run", "silu", "--dtype", "x=f16", *words)
            self.assertEqual(done.out, "0.0525 0.731 2.857 65500 -6e-08 inf\n")
            done = self.succeeds("run", "silu", "--dtype", "x=bf16", *words)
            self.assertEqual(done.out, "0.0525 0.73 2.86 65500 -4.12e-08 1e+06\n")
            done = self.succeeds("run", "silu", "--dtype", "x=bf16", "--dtype", "y=f32", *words)
            self.assertEqual(done.out.split()[1], "0.7310586")
            done = self.succeeds("run", "silu", "--dtype", "x=f16", "--pass", "backward", *words)
            self.assertEqual(done.out.split()[:2], ["0.55", "0.9277"])

    def test_f64_beside_16_bits(self):
        for target in runnable_targets():
            words = ["--target", target, "--dtype", "x=f64"]
            # A tie but for the last bits, which rounding by way of f32 would lose.
            done = self.succeeds("run", "identity", *words, "--dtype", "y=f16", "--values",
                                 "0x1.00200000001p0,0x1.002p0,1e300,-1e-300,nan")
            self.assertEqual(done.out, "1.001 1 inf -0 nan\n")
            done = self.succeeds("run", "identity", *words, "--dtype", "y=bf16", "--values",
                                 "0x1.010000000001p0,0x1.01p0")
            self.assertEqual(done.out, "1.01 1\n")
            done = self.succeeds("run", "prelu", *words, "--dtype", "weight=f16", "--values", "-2",
                                 "--in", "weight=0.1")
            self.assertEqual(done.out, "-0.199951171875\n")

    def test_8_bit_types(self):
        for target in runnable_targets():
            words = ["--target", target, "--values", "-128,-5,0,1,50,127", "--dtype", "x=i8",
                     "--quant", "x=0.05,3"]
            done = self.succeeds("run", "silu", *words, "--quant", "y=0.03,-10")
            self.assertEqual(done.out, "-10 -15 -12 -12 62 127\n")
            done = self.succeeds("run", "silu", *words, "--dtype", "y=u8", "--quant", "y=0.03,10")
            self.assertEqual(done.out, "10 5 8 8 82 216\n")
            done = self.succeeds("run", "silu", *words, "--dtype", "y=f16")
            self.assertEqual(done.out, "-0.00935 -0.1605 -0.0694 -0.04752 2.145 6.188\n")
            done = self.succeeds("run", "silu", *words, "--pass", "backward", "--grad",
                                 "y=1,1,1,1,1,2")
            self.assertEqual(done.out.split()[-1], "2.0210125")
            done = self.succeeds("run", "relu", "--target", target, "--values", "-1,0.25,0.75,nan,9",
                                 "--dtype", "y=u8", "--quant", "y=0.5,2")
            self.assertEqual(done.out, "2 2 4 2 20\n")
        self.write("x.npy", npy_bytes([-100, 0, 100], descr="|i1"))
        self.succeeds("run", "relu", "--in", "x=x.npy", "--quant", "x=1,-1", "--quant", "y=1,-1",
                      "--out", "y=y.npy")
        y = Array(self.folder / "y.npy")
        self.assertEqual((y.descr, y.values), ("|i1", (-1, 0, 100)))

    def test_standard_input(self):
        self.assertEqual(self.values("relu", "--values", "-", stdin=b"-1, 2\n3 4"), [0, 2, 3, 4])
        self.assertEqual(self.values("relu", "--in", "x=-", stdin=b"-1,5"), [0, 5])

    def test_nothing_gives_nothing(self):
        self.assertEqual(self.succeeds("run", "relu", "--values", "").out, "\n")

    def test_parameters(self):
        words = ["leaky_relu", "--values", "-1,2", "--param", "negative_slope=0.1"]
        self.assertEqual(self.values(*words), [-0.1, 2])

    def test_json(self):
        done = self.succeeds("run", "relu", "--values", "-1,inf,nan", "--json").json()
        self.assertEqual(done["function"], "relu")
        self.assertEqual(done["pass"], "forward")
        self.assertIn("target", done)
        self.assertIn(done["rung"], ["x64", "interpreter"])
        self.assertEqual(done["outputs"],
                         {"y": {"dtype": "f32", "shape": [3], "data": [0, "inf", "nan"]}})

    def test_every_target(self):
        for target in runnable_targets():
            done = self.succeeds("run", "silu", "--values", "1", "--target", target, "--json")
            self.assertEqual(done.json()["target"].split("+")[0], target)
            self.assertEqual(done.json()["outputs"]["y"]["data"], [0.7310586])

    def test_targets_without_fma(self):
        """A family of their own: other bits, nearly the same numbers."""
        numbers = [i / 16 - 8 for i in range(256)]
        words = ["mish", "--values", ",".join(map(repr, numbers)), "--json", "--target"]
        fused, plain = (self.succeeds("run", *words, target).json()
                        for target in ("interpreter", "interpreter-nofma"))
        self.assertEqual(plain["target"], "interpreter-nofma")
        fused, plain = (done["outputs"]["y"]["data"] for done in (fused, plain))
        self.assertNotEqual(fused, plain)
        for one, other in zip(fused, plain, strict=True):
            self.assertLessEqual(abs(one - other), 6e-7 * abs(one))
        self.fails("run", "mish", "--values", "1", "--target", "x86-64-v3-nofma", says="interpreter-nofma")

    def test_seed_examples(self):
        """The numbers that tutorials print, to the printed digits."""
        known = {one["name"] for one in self.succeeds("list", "--json").json()}
        examples = json.loads((GOLDEN / "seed_examples.json").read_text())["examples"]
        # What is no call of one function: networks, identities, and losses of several steps.
        passed = 0
        for example in examples:
            op, slope = example["op"], False
            if op in ("relu_grad", "sigmoid_grad_max"):
                op, slope = op.split("_")[0], True
            if op == "dead_relu":
                op = "relu"
            if op not in known or "expected" not in example:
                continue
            if any(not isinstance(x, (int, float)) for x in example["input"]):
                continue
            words = [op, "--values", ",".join(repr(x) for x in example["input"])]
            for name, value in example.get("params", {}).items():
                if name == "dim":
                    words += ["--axis", value]
                elif name != "approximate":  # torch's way to name gelu and gelu_tanh
                    words += ["--param", f"{name}={value!r}"]
            with self.subTest(example=example):
                got = self.values(*words, *(["--pass", "backward"] if slope else []))
                self.near(got, example)
                passed += 1
        self.assertGreaterEqual(passed, 15)

    def near(self, got, example):
        self.assertEqual(len(got), len(example["expected"]))
        for one, wanted in zip(got, example["expected"]):
            # Half a unit of the last printed digit, and f32's own rounding.
            self.assertLessEqual(abs(one - wanted), example["tolerance"] + 1e-7 * abs(wanted))


class Passes(CommandTest):
    def test_backward(self):
        self.assertEqual(self.values("relu", "--pass", "backward", "--values", "-1,0,1"), [0, 0, 1])
        got = self.values("relu", "--pass", "backward", "--values", "-1,0,1", "--grad", "y=5,6,7")
        self.assertEqual(got, [0, 0, 7])

    def test_forward_backward(self):
        done = self.succeeds("run", "relu", "--pass", "forward_backward", "--values", "-1,2")
        self.assertEqual(done.out, "0 2\n0 1\n")

    def test_out_chooses_what_is_computed(self):
        done = self.succeeds("run", "relu", "--pass", "forward_backward", "--values", "-1,2",
                             "--out", "dx=dx.npy", "--json")
        self.assertEqual(done.json()["outputs"],
                         {"dx": {"dtype": "f32", "shape": [2], "file": "dx.npy"}})
        self.assertEqual(Array(self.folder / "dx.npy").values, (0, 1))

    def test_wrt(self):
        words = ["prelu", "--pass", "backward", "--values", "-2,3", "--in", "weight=0.5,0.25"]
        self.assertEqual(self.succeeds("run", *words).out, "0.5 1\n-2 0\n")
        self.assertEqual(self.succeeds("run", *words, "--wrt", "weight").out, "-2 0\n")

    def test_gradients_of_broadcast_inputs_are_sums(self):
        words = ["prelu", "--pass", "backward", "--values", "-2,3,-4", "--param", "weight=0.5"]
        self.assertEqual(self.succeeds("run", *words).out, "0.5 1 0.5\n-6\n")
        self.assertEqual(self.succeeds("run", *words, "--wrt", "weight").out, "-6\n")

    def test_saved_outputs(self):
        for target in runnable_targets():
            words = ["--pass", "backward", "--saved", "outputs", "--target", target]
            self.assertEqual(self.values("tanh", *words, "--in", "y=0.5,-1"), [0.75, 0])
            self.assertEqual(self.values("sigmoid", *words, "--values", "0.5", "--grad", "y=2"),
                             [0.5])
        done = self.succeeds("run", "relu", "--pass", "backward", "--saved", "outputs", "--values",
                             "0,3", "--dtype", "y=f16", "--json").json()
        self.assertEqual(done["outputs"]["dx"], {"dtype": "f16", "shape": [2], "data": [0, 1]})

    def test_accumulate(self):
        self.write("dx.npy", npy_bytes([10, 20]))
        for target in runnable_targets():
            words = ["relu", "--pass", "backward", "--values", "-1,2", "--target", target]
            self.assertEqual(self.values(*words, "--accumulate", "dx=10,20"), [10, 21])
            self.assertEqual(self.values(*words, "--accumulate", "dx=dx.npy"), [10, 21])
        self.succeeds("run", "relu", "--pass", "backward", "--values", "-1,2", "--accumulate",
                      "dx=dx.npy", "--out", "dx=dx.npy")
        self.assertEqual(Array(self.folder / "dx.npy").values, (10, 21))

    def test_y_is_the_first_output(self):
        self.write("two.slu", "fn two(x) -> (a, b) = (2 * x, x + 1)\n")
        self.succeeds("run", "two.slu", "--values", "1,2", "--out", "y=a.npy")
        self.assertEqual(Array(self.folder / "a.npy").values, (2, 4))
        self.assertEqual(self.succeeds("run", "two.slu", "--values", "1,2").out, "2 4\n2 3\n")
        got = self.values("two.slu", "--pass", "backward", "--values", "1,2", "--grad", "y=1,10")
        self.assertEqual(got, [2, 20])
        got = self.values("two.slu", "--pass", "backward", "--values", "1,2", "--grad", "b=1,10")
        self.assertEqual(got, [3, 12])


class Files(CommandTest):
    def test_in_and_out(self):
        self.write("x.npy", npy_bytes([-1, 2, -3, 4, 5, -6], shape=(2, 3)))
        self.assertEqual(self.succeeds("run", "relu", "--in", "x=x.npy", "--out", "y=y.npy").out, "")
        y = Array(self.folder / "y.npy")
        self.assertEqual((y.descr, y.shape, y.values), ("<f4", (2, 3), (0, 2, 0, 4, 5, 0)))
        self.assertEqual([path.name for path in sorted(self.folder.iterdir())], ["x.npy", "y.npy"])

    def test_a_file_may_be_replaced_by_its_own_result(self):
        self.write("x.npy", npy_bytes([-1, 2]))
        self.succeeds("run", "relu", "--in", "x=x.npy", "--out", "y=x.npy")
        self.assertEqual(Array(self.folder / "x.npy").values, (0, 2))

    def test_f64(self):
        self.write("x.npy", npy_bytes([1 / 3, -1], "<f8"))
        self.succeeds("run", "sigmoid", "--in", "x=x.npy", "--out", "y=y.npy")
        y = Array(self.folder / "y.npy")
        self.assertEqual(y.descr, "<f8")
        for x, got in zip([1 / 3, -1], y.values):
            wanted = 1 / (1 + math.exp(-x))
            self.assertLessEqual(abs(got - wanted), 4 * math.ulp(wanted))

    def test_declared_types_convert(self):
        self.write("x.npy", npy_bytes([-1, 2], "<i8"))
        self.succeeds("run", "relu", "--in", "x=x.npy", "--dtype", "x=f32", "--out", "y=y.npy")
        self.assertEqual(Array(self.folder / "y.npy").descr, "<f4")
        self.write("x.npy", npy_bytes([0.1, 2], "<f4"))
        self.succeeds("run", "relu", "--in", "x=x.npy", "--dtype", "x=f64", "--out", "y=y.npy")
        self.assertEqual(Array(self.folder / "y.npy").values, (to_f32(0.1), 2))

    def test_scalars_and_empty_arrays(self):
        self.write("x.npy", npy_bytes([-3], shape=()))
        self.succeeds("run", "relu", "--in", "x=x.npy", "--out", "y=y.npy")
        y = Array(self.folder / "y.npy")
        self.assertEqual((y.shape, y.values), ((), (0,)))
        self.write("x.npy", npy_bytes([], shape=(3, 0)))
        self.succeeds("run", "relu", "--in", "x=x.npy", "--out", "y=y.npy")
        y = Array(self.folder / "y.npy")
        self.assertEqual((y.shape, y.values), ((3, 0), ()))

    def test_numpy_broadcasting(self):
        self.write("x.npy", npy_bytes([-1, -2, -3, -4, -5, 6], shape=(2, 3)))
        self.write("w.npy", npy_bytes([1, 10, 100], shape=(3,)))
        self.assertEqual(self.values("prelu", "--in", "x=x.npy", "--in", "weight=w.npy"),
                         [-1, -20, -300, -4, -50, 6])
        self.write("w.npy", npy_bytes([1, 10], shape=(2, 1)))
        self.assertEqual(self.values("prelu", "--in", "x=x.npy", "--in", "weight=w.npy"),
                         [-1, -2, -3, -40, -50, 6])
        self.write("x.npy", npy_bytes([-1, 2], shape=(2, 1)))
        self.write("w.npy", npy_bytes([1, 10, 100], shape=(1, 3)))
        got = self.succeeds("run", "prelu", "--in", "x=x.npy", "--in", "weight=w.npy", "--json")
        self.assertEqual(got.json()["outputs"]["y"],
                         {"dtype": "f32", "shape": [2, 3], "data": [-1, -10, -100, 2, 2, 2]})

    def test_axis(self):
        self.write("x.npy", npy_bytes([-1] * 12, shape=(2, 3, 2)))
        self.write("w.npy", npy_bytes([1, 10, 100], shape=(3,)))
        got = self.values("prelu", "--in", "x=x.npy", "--in", "weight=w.npy", "--axis", "1")
        self.assertEqual(got, [-1, -1, -10, -10, -100, -100] * 2)
        self.write("w.npy", npy_bytes([1, 2, 3, 4, 5, 6], shape=(2, 3)))
        got = self.values("prelu", "--in", "x=x.npy", "--in", "weight=w.npy", "--axis", "-2")
        self.assertEqual(got, [-1, -1, -2, -2, -3, -3, -4, -4, -5, -5, -6, -6])


class Streaming(CommandTest):
    """Files longer than what is held at a time."""
    COUNT = 3 * 65536 + 4711

    def test_pieces_join(self):
        x = [((i * 7919) % 4001 - 2000) / 250 for i in range(self.COUNT)]
        self.write("x.npy", npy_bytes(x))
        self.succeeds("run", "silu", "--in", "x=x.npy", "--out", "y=y.npy")
        y = Array(self.folder / "y.npy")
        self.assertEqual(len(y.values), self.COUNT)
        # A value's result does not depend on where in a file it stands.
        distinct = sorted(set(x))
        alone = dict(zip(distinct, self.values("silu", "--values",
                                               ",".join(repr(v) for v in distinct))))
        packed = struct.pack(f"<{self.COUNT}f", *[alone[v] for v in x])
        self.assertEqual(y.data, packed)

    def test_files_larger_than_what_is_held(self):
        length = 192 << 20
        head = npy_bytes([], shape=(length // 4,))
        with open(self.folder / "x.npy", "wb") as file:
            file.write(head)
            file.truncate(len(head) + length)  # zeros that take no space
        self.assertLess(memory_of("run", "sqrt", "--in", "x=x.npy", "--out", "y=y.npy",
                                  folder=self.folder), length // 2)
        self.assertEqual((self.folder / "y.npy").stat().st_size, len(head) + length)

    def test_broadcast_operands_stream_too(self):
        rows, columns = 70001, 3
        x = [-1.0 - (i % 5) for i in range(rows * columns)]
        slopes = [float(i % 97) for i in range(rows)]
        self.write("x.npy", npy_bytes(x, shape=(rows, columns)))
        self.write("w.npy", npy_bytes(slopes, shape=(rows, 1)))
        self.succeeds("run", "prelu", "--in", "x=x.npy", "--in", "weight=w.npy", "--out", "y=y.npy")
        wanted = [x[i] * slopes[i // columns] for i in range(rows * columns)]
        self.assertEqual(list(Array(self.folder / "y.npy").values), wanted)


if __name__ == "__main__":
    unittest.main()

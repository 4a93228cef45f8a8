"""Bad usage and bad input: exit code 2, a clear sentence on standard error, nothing written."""
import os
import random
import struct
import subprocess
import unittest

from command import SLUICE, TARGETS, CommandTest, npy_bytes, runnable_targets


class Usage(CommandTest):
    def test_help_on_each(self):
        for command in ([], ["list"], ["show"], ["run"], ["bench"]):
            done = self.succeeds(*command, "--help")
            self.assertIn("--json", done.out)

    def test_commands_and_options(self):
        self.fails(says="a command is missing")
        self.fails("frobnicate", says="frobnicate")
        self.fails("run", says="function is required")
        self.fails("run", "relu", "--frobnicate", says="--frobnicate")
        self.fails("run", "relu", "--axis", "one", "--values", "1", says="--axis")
        self.fails("bench", says="functions")
        self.fails("show", says="show takes a function")

    def test_unknown_functions(self):
        for command in ("run", "show", "bench"):
            self.fails(command, "sigmod", says="unknown function 'sigmod': did you mean 'sigmoid'?")

    def test_unknown_names(self):
        one = ["run", "relu", "--values", "1"]
        self.fails("run", "relu", "--in", "z=1", says="'relu' has no input 'z'; it has x")
        self.fails(*one, "--param", "slope=1", says="'relu' has no parameter 'slope'; it has none")
        self.fails("run", "leaky_relu", "--values", "1", "--param", "slope=1",
                   says="no parameter 'slope'; it has negative_slope")
        self.fails(*one, "--pass", "sideways", says="unknown pass 'sideways'")
        self.fails(*one, "--dtype", "x=f12", says="unknown element type 'f12'")
        self.fails(*one, "--dtype", "z=f32", says="no operand 'z'")
        self.fails(*one, "--target", "z80", says="z80")
        self.fails(*one, "--out", "z=z.npy", says="no output 'z'; it has y")
        self.fails(*one, "--out", "dx=z.npy", says="no output 'dx'; it has y")
        self.fails(*one, "--pass", "backward", "--wrt", "z", says="'relu' has no input 'z'")
        self.fails(*one, "--pass", "backward", "--grad", "z=1", says="no output 'z'")
        self.fails(*one, "--reduction", "most", says="--reduction is one of")
        self.fails(*one, "--saved", "most", says="--saved is one of")
        self.fails(*one, "--empty", "most", says="--empty is one of")
        self.fails("show", "relu", "--emit", "soup", says="unknown step 'soup'")
        self.fails("show", "relu", "--pass", "sideways", says="unknown pass 'sideways'")
        self.fails("show", "relu", "--target", "z80", says="z80")
        self.fails("bench", "relu", "--pass", "sideways", says="unknown pass 'sideways'")

    def test_values(self):
        self.fails("run", "relu", "--values", "1,two", says="'two' is not a number")
        self.fails("run", "relu", "--values", "1,,2", says="'' is not a number")
        self.fails("run", "relu", "--values", "1,", says="'' is not a number")
        self.fails("run", "relu", "--values", "1e", says="'1e' is not a number")
        self.fails("run", "relu", "--values", "-", stdin=b"1 x", says="'x' is not a number")
        self.fails("run", "leaky_relu", "--values", "1", "--param", "negative_slope=a",
                   says="'a' is not a number")
        self.fails("run", "leaky_relu", "--values", "1", "--param", "negative_slope",
                   says="--param takes NAME=")
        self.fails("run", "relu", "--in", "x", says="--in takes NAME=")
        self.fails("bench", "relu", "--sizes", "0", says="--sizes takes counts")
        self.fails("bench", "relu", "--sizes", "many", says="--sizes")

    def test_accuracies(self):
        for command in (["run", "exp", "--values", "1"], ["show", "exp"], ["bench", "exp"]):
            for accuracy in ("2", "-1", "nan", "2^0", "2^x", "small"):
                self.fails(*command, "--accuracy=" + accuracy, says=f"not '{accuracy}'")

    def test_missing_and_repeated_operands(self):
        self.fails("run", "relu", says="the input 'x' of 'relu' is missing")
        self.fails("run", "prelu", "--values", "1", says="the input 'weight' of 'prelu' is missing")
        self.fails("run", "relu", "--values", "1", "--in", "x=2", says="given twice")
        self.fails("run", "relu", "--values", "1", "--values", "2", says="twice")
        self.fails("run", "leaky_relu", "--values", "1", "--param", "negative_slope=1", "--param",
                   "negative_slope=2", says="given twice")
        self.fails("run", "prelu", "--in", "x=-", "--in", "weight=-", stdin=b"1", says="only one")
        self.fails("run", "relu", "--values", "1", "--grad", "y=1", says="--grad has no meaning")
        self.fails("run", "relu", "--values", "1", "--wrt", "x", says="--wrt has no meaning")
        self.fails("run", "relu", "--values", "1", "--pass", "backward", "--grad", "y=1",
                   "--grad", "y=2", says="given twice")

    def test_shapes(self):
        self.fails("run", "prelu", "--values", "1,2,3", "--in", "weight=1,2",
                   says="shapes (3,) and (2,) do not broadcast")
        self.fails("run", "relu", "--values", "1,2,3", "--pass", "backward", "--grad", "y=1,2",
                   says="the gradient of 'y' has shape (2,), and the output has (3,)")
        self.fails("run", "relu", "--values", "1,2,3", "--axis", "1", says="--axis 1")

    def test_accumulated_gradients(self):
        one = ["run", "prelu", "--in", "x=1,2", "--in", "weight=3,4", "--accumulate", "dx=1,2"]
        self.fails(*one, says="--accumulate has no meaning in the pass forward")
        one += ["--pass", "backward"]
        self.fails(*one, says="what 'dweight' is added to is missing")
        self.fails(*one, "--accumulate", "dx=1,2", says="--accumulate names 'dx' twice")
        self.fails(*one, "--accumulate", "y=1,2", says="no gradient 'y' to compute")
        self.fails(*one, "--accumulate", "dweight=1", says="'dweight' has shape (2,), not (1,)")

    def test_saved_outputs(self):
        one = ["--pass", "backward", "--saved", "outputs"]
        self.fails("run", "gelu", "--values", "1", *one,
                   says="the derivative of 'gelu' with these parameters can't be written in its")
        self.fails("run", "leaky_relu", "--values", "1", "--param", "negative_slope=-1", *one,
                   says="with these parameters can't be written in its output 'y' alone")
        self.fails("run", "prelu", "--in", "y=1", *one, says="several inputs or outputs")
        self.fails("run", "tanh", "--in", "x=1", *one,
                   says="with --saved outputs 'tanh' reads its output 'y', and 'x' is not it")
        self.fails("run", "tanh", *one, says="the input 'y' of 'tanh' is missing")
        self.fails("run", "tanh", "--values", "1", "--saved", "outputs",
                   says="saved outputs are what a backward pass reads, and the pass is forward")

    def test_parameters_outside_of_their_range(self):
        for command in (["run", "softplus", "--values", "1"], ["show", "softplus", "--emit", "key"]):
            self.fails(*command, "--param", "beta=0",
                       says="the parameter 'beta' of 'softplus' must be from 0.01 to 100, not 0")

    def test_quantisations(self):
        one = ["run", "relu", "--values", "1", "--dtype", "x=i8", "--dtype", "y=f32"]
        for scale in ("0", "nan", "inf", "-inf", "-1", "1e-60", "1e60"):
            self.fails(*one, "--quant", f"x={scale},0", says="a scale that is positive and finite")
        self.fails(*one, "--quant", "x=1,128", says="a zero point from -128 to 127, not 128")
        self.fails("run", "relu", "--values", "1", "--dtype", "y=u8", "--quant", "y=1,-1",
                   says="a zero point from 0 to 255, not -1")
        for text in ("1", "1,", ",1", "1,0.5", "1,2,3", "a,b", "1,99999999999"):
            self.fails(*one, "--quant", f"x={text}", says="--quant takes NAME=SCALE,ZERO")
        self.fails(*one, "--quant", "x=1,0", "--quant", "x=1,0", says="names 'x' twice")
        self.fails(*one, "--quant", "z=1,0", says="--quant: 'relu' has no operand 'z'")
        self.fails(*one, says="'x' is of type i8: say what its integers stand for with --quant x=")
        self.fails("run", "relu", "--values", "1", "--dtype", "x=i8", "--quant", "x=1,0",
                   says="'y' is of type i8: say what its integers stand for with --quant y=")
        self.fails("run", "relu", "--values", "1", "--quant", "x=1,0",
                   says="'x' of type f32 has a quantisation, which only i8 and u8 have")
        self.fails("run", "relu", "--values", "300", "--dtype", "x=i8", "--quant", "x=1,0",
                   says="300")

    def test_element_types_that_make_no_sense(self):
        one = ["run", "relu", "--values", "1"]
        for dtype in ("i32", "i64", "bool"):
            self.fails(*one, "--dtype", f"x={dtype}", says="must be of a number type")
            self.fails(*one, "--dtype", f"y={dtype}", says="must be of a number type")
        self.fails("bench", "relu", "--dtype", "i32", says="--dtype is one of")

    def test_what_is_to_come(self):
        self.write("rows.slu", "fn mean(x) = x - row_mean(x)\n")
        self.fails("show", "rows.slu", "--shape", "2,5000", "--emit", "asm", says="pieces")

    def test_options_that_mean_nothing_are_accepted(self):
        self.succeeds("run", "relu", "--values", "1", "--axis", "0", "--reduction", "none",
                      "--saved", "inputs", "--empty", "zero")
        self.succeeds("run", "relu", "--values", "1", "--pass", "backward", "--saved", "auto")

    def test_targets_that_this_processor_lacks(self):
        for target in TARGETS:
            if target not in runnable_targets():
                self.fails("run", "relu", "--values", "1", "--target", target,
                           says="LLVM" if target == "llvm" else target)


class Sources(CommandTest):
    def test_diagnostics_show_the_place(self):
        self.write("bad.slu", "fn f(x) = sigmod(x)\nfn g(x) = (x\n")
        for words in (["run", "bad.slu:f", "--values", "1"], ["show", "bad.slu"],
                      ["bench", "bad.slu"], ["list", "--lib", "bad.slu"]):
            done = self.fails(*words, says="bad.slu:")
            self.assertIn("did you mean 'sigmoid'?", done.err)
            self.assertIn("^", done.err)

    def test_files(self):
        self.fails("run", "none.slu", "--values", "1", says="none.slu: cannot be opened")
        self.fails("list", "--lib", "none.slu", says="none.slu: cannot be opened")
        self.write("empty.slu", "# nothing\n")
        self.fails("run", "empty.slu", "--values", "1", says="empty.slu defines no function")
        self.write("f.slu", "fn f(x) = x\n")
        self.fails("run", "f.slu:g", "--values", "1", says="unknown function 'g'")
        self.fails("run", "f.slu:relu", "--values", "1", says="defines no function 'relu'")
        (self.folder / "folder.slu").mkdir()
        self.fails("run", "folder.slu", "--values", "1", says="folder.slu")
        self.write("noise.slu", bytes(random.Random(1).randbytes(4096)))
        self.fails("run", "noise.slu", "--values", "1", says="noise.slu")
        self.write("long.slu", "#" * (1 << 21))
        self.fails("run", "long.slu", "--values", "1", says="1048576")


class Arrays(CommandTest):
    GOOD = npy_bytes([-1, 2, 3, 4], shape=(2, 2))

    def refuses(self, content, says="x.npy: "):
        self.write("x.npy", content)
        self.fails("run", "relu", "--in", "x=x.npy", "--out", "y=y.npy", says=says)

    def header(self, text, version=(1, 0)):
        length = struct.pack("<H" if version[0] == 1 else "<I", len(text))
        return b"\x93NUMPY" + bytes(version) + length + text.encode()

    def test_all_versions_are_read(self):
        text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"
        for version in ((1, 0), (2, 0), (3, 0)):
            self.write("x.npy", self.header(text, version) + struct.pack("<2f", -1, 2))
            self.assertEqual(self.values("relu", "--in", "x=x.npy"), [0, 2])

    def test_headers_as_others_write_them(self):
        data = struct.pack("<2f", -1, 2)
        for text in ('{"shape":(2,),"descr":"<f4","fortran_order":False}',
                     "{'descr': '=f4', 'fortran_order': True, 'shape': ( 2 , ), }",
                     " { 'fortran_order' : False , 'shape': (2,) , 'descr': '<f4' } \n"):
            self.write("x.npy", self.header(text) + data)
            self.assertEqual(self.values("relu", "--in", "x=x.npy"), [0, 2])

    def test_unsupported(self):
        data = b"\0" * 16
        entry = "{{'descr': {}, 'fortran_order': {}, 'shape': (2, 2), }}"
        self.refuses(self.header(entry.format("'>f4'", False)) + data, "big-endian")
        self.refuses(self.header(entry.format("'<f4'", True)) + data, "Fortran order")
        self.refuses(self.header(entry.format("'<c8'", False)) + data * 2, "'<c8' is not read")
        self.refuses(self.header(entry.format("'|O'", False)) + data, "'|O' is not read")
        self.refuses(self.header(entry.format("[('a', '<f4')]", False)) + data, "records")
        self.refuses(self.header(entry.format("'<u2'", False)) + data[:8], "bf16")
        self.refuses(self.header(entry.format("'<i4'", False)) + data, "must be of a number type")
        self.refuses(b"\x93NUMPY\x09\x00" + self.GOOD[8:], "version 9.0")

    def test_damaged_headers(self):
        for text in ("", "{", "{}", "garbage", "{'descr': '<f4'}", "{'descr': '<f4', 'shape': (4,)}",
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }",
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (4), }",
                     "{'descr': '<f4', 'fortran_order': False, 'shape': 4, }",
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (4,,), }",
                     "{'descr': '<f4', 'fortran_order': 0, 'shape': (4,), }",
                     "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (4,), }",
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'more': 1, }",
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), } trailing",
                     "{'descr': '<f4, 'fortran_order': False, 'shape': (4,), }",
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "1," * 65 + "), }"):
            with self.subTest(text=text):
                self.refuses(self.header(text) + b"\0" * 16)

    def test_shapes_beyond_any_file(self):
        entry = "{{'descr': '<f4', 'fortran_order': False, 'shape': {}, }}"
        for shape in ("(4611686018427387904, 4)", "(99999999999999999999999,)",
                      "(4294967296, 4294967296)", "(1000000000,)", "(0, 99999999999, 99999999999)"):
            with self.subTest(shape=shape):
                self.refuses(self.header(entry.format(shape)) + b"\0" * 16)

    def test_wrong_lengths(self):
        self.refuses(b"", "does not begin with NumPy's mark")
        for cut in range(1, len(self.GOOD)):
            if cut % 7 == 0 or cut > len(self.GOOD) - 20:
                self.refuses(self.GOOD[:cut])
        self.refuses(self.GOOD + b"\0", "takes 16 bytes, and the file has 17")
        self.refuses(b"\x93NUMPY\x02\x00" + struct.pack("<I", 0xffffffff) + self.GOOD[10:], "limit")
        self.refuses(b"\x93NUMPY\x01\x00" + struct.pack("<H", 0xffff) + self.GOOD[10:], "cut off")

    def test_random_damage_never_crashes(self):
        """Either the file is read or it is refused with a sentence: no other exit code."""
        seed = int.from_bytes(os.urandom(4), "little")
        print(f"seed of the damaged files: {seed}")
        generator = random.Random(seed)
        for _ in range(200):
            content = bytearray(self.GOOD)
            for _ in range(generator.randint(1, 4)):
                content[generator.randrange(len(content) - 16)] = generator.randrange(256)
            self.write("x.npy", bytes(content))
            done = self.sluice("run", "relu", "--in", "x=x.npy", "--out", "y=y.npy")
            self.assertIn(done.code, (0, 2), content)
            if done.code == 2:
                self.assertTrue(done.err.startswith("sluice: "), done.err)
                self.assertFalse((self.folder / "y.npy").exists())
            else:
                (self.folder / "y.npy").unlink()

    def test_files_that_are_not_there(self):
        self.fails("run", "relu", "--in", "x=none.npy", says="none.npy: cannot be opened")
        (self.folder / "dir.npy").mkdir()
        self.fails("run", "relu", "--in", "x=dir.npy", says="dir.npy: is not a regular file")
        os.mkfifo(self.folder / "pipe.npy")
        self.fails("run", "relu", "--in", "x=pipe.npy", says="pipe.npy: is not a regular file")

    def test_outputs_that_cannot_be_written(self):
        self.fails("run", "relu", "--values", "1", "--out", "y=none/y.npy", says="cannot be written")
        self.fails("run", "relu", "--values", "1", "--out", "y=", says="names no file")
        (self.folder / "dir.npy").mkdir()
        self.fails("run", "relu", "--values", "1", "--out", "y=dir.npy", says="not a regular file")
        self.fails("run", "relu", "--values", "1", "--pass", "forward_backward", "--out",
                   "y=a.npy", "--out", "dx=./a.npy", says="named twice")
        self.fails("run", "relu", "--values", "1", "--out", "y=a.npy", "--out", "y=b.npy",
                   says="named twice")
        if os.path.exists("/dev/full"):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([SLUICE, "run", "relu", "--values", "1"], stdout=full,
                                      stderr=subprocess.PIPE, check=False)
                self.assertEqual(done.returncode, 2)
                self.assertIn(b"cannot be written", done.stderr)


if __name__ == "__main__":
    unittest.main()

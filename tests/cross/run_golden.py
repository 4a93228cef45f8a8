#!/usr/bin/env python3
"""Makes the golden data's functions ahead of time for an architecture, runs them on the data, and
compares values and gradients as tests/golden does. Exit code 77: what is needed for that is not
installed.

Of the data are left out what is summed over several dimensions or rows (reductions, parameters'
gradients and those of inputs that broadcast), for kernels made ahead of time leave that to the caller,
and functions of several outputs, of which a definition is one.

usage: run_golden.py ARCHITECTURE   in the environment: SLUICE, CC
"""
import json
import math
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from run_cases import ARCHITECTURES, SLUICE, is_installed, run

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "golden"))
from test_golden import CASES, Tolerance, describe, function_of, numbers, stored, to_f32  # noqa: E402

# As a file has them, and as Python unpacks them.
DESCR = {"f32": "<f4", "f16": "<f2", "bf16": "<u2"}
CODES = {"<f4": "f", "<f2": "e", "<u2": "H"}
SIZES = {"f32": 4, "f16": 2, "bf16": 2, "bool": 1}

HEAD = """#include <stdio.h>
#include <stdlib.h>
#include <cases.h>
static void* input(const char* name, size_t bytes) {
  FILE* file = fopen(name, "rb");
  void* held = malloc(bytes);
  if (file == NULL || fread(held, 1, bytes, file) != bytes) exit(2);
  fclose(file);
  return held;
}
static void put(const void* bytes, size_t count) {
  if (fwrite(bytes, 1, count, stdout) != count) exit(2);
}
#pragma GCC diagnostic ignored "-Wincompatible-pointer-types"
int main(void) {
  void* out[8];
  int i;
  if (!cases_available()) return 3;
  for (i = 0; i < 8; ++i) out[i] = malloc(MOST);
"""


class Content:
    """Bytes as an array of the data."""

    def __init__(self, content, descr):
        code = CODES[descr]
        self.descr = descr
        self.values = struct.unpack(f"<{len(content) // struct.calcsize(code)}{code}", content)


class Layout:
    """Where elements of a shape lie when its rows lie one after another."""

    def __init__(self, shape, axis):
        self.shape = shape
        self.columns = shape[axis] if axis is not None else 0
        if axis is None:
            self.order = range(math.prod(shape))
            return
        inner = math.prod(shape[axis + 1:])
        rows = math.prod(shape) // max(self.columns, 1)
        self.order = [(row // inner * self.columns + column) * inner + row % inner
                      for row in range(rows) for column in range(self.columns)]

    def to_rows(self, array):
        """The bytes of an array that may broadcast, in that order."""
        size = len(array.data) // max(math.prod(array.shape), 1)
        shape = (1,) * (len(self.shape) - len(array.shape)) + array.shape
        content = bytearray()
        for at in self.order:
            source, step = 0, 1
            for full, own in zip(reversed(self.shape), reversed(shape)):
                source += (at % full if own != 1 else 0) * step
                at, step = at // full, step * own
            content += array.data[source * size:(source + 1) * size]
        return bytes(content)

    def from_rows(self, values):
        result = [0.0] * len(values)
        for at, value in zip(self.order, values):
            result[at] = value
        return result


class Case:
    """A case of the data as a definition, of which its parameters are part."""

    def __init__(self, number, case, function):
        self.case, self.function = case, function
        self.name = f"case_{number}"
        self.dtype = case["dtype"]
        axis = case.get("axis", -1) % len(case["shape"]) if function["row_wise"] else None
        self.layout = Layout(tuple(case["shape"]), axis)
        self.inputs = [one for one in function["inputs"] if one["name"] in case["inputs"]]
        self.backward = [one["name"] for one in self.inputs if one["kind"] == "element"]

    @staticmethod
    def fits(case, function):
        inputs = [one["name"] for one in function["inputs"]]
        names = [*case["inputs"], *(name for name in case["params"] if name in inputs)]
        arrays = {name: stored(path) for name, path in case["inputs"].items()}
        first = next(iter(arrays.values()))
        return (set(names) == set(inputs[:len(names)]) and len(function["outputs"]) == 1
                and "dim" not in case["params"] and case["params"].get("reduction", "none") == "none"
                and case["group"] not in ("channel", "mlp")
                and all(one["kind"] in ("element", "mask") for one in function["inputs"][:len(names)])
                and first.shape == tuple(case["shape"]) and 0 not in case["shape"]
                and all(array.descr == first.descr or array.descr == "|b1" for array in arrays.values())
                and all(len(array.shape) <= len(case["shape"]) for array in arrays.values()))

    def definition(self):
        inputs = [one["name"] + (": mask" if one["kind"] == "mask" else "") for one in self.inputs]
        values = {name: repr(int(value) if isinstance(value, bool) else value)
                  for name, value in self.case["params"].items() if name != "reduction"}
        # An input may be given as a number, in its place.
        operands = [values.pop(one["name"], one["name"]) for one in self.function["inputs"]
                    if one["name"] in self.case["inputs"] or one["name"] in values]
        parameters = ", ".join(f"{name} = {value}" for name, value in values.items())
        result = "y: row" if self.by_row() else "y"
        return (f"fn {self.name}({', '.join(inputs)}) -> ({result}) = {self.function['name']}"
                f"({', '.join(operands)}{'; ' if parameters else ''}{parameters})\n")

    def by_row(self):
        return (self.function["row_wise"] and len(stored(self.case["outputs"]["y"]).values)
                != math.prod(self.case["shape"]))

    def calls(self, folder):
        """As run_cases.mjs has them: the forward call, and with gradients the backward one."""
        sources = [stored(self.case["inputs"][one["name"]]) for one in self.inputs]
        operands = [self.source(folder, array, f"{self.name}.{i}") for i, array in enumerate(sources)]
        yield {"symbol": f"cases_{self.name}_{self.dtype}", "columns": self.layout.columns,
               "operands": [*operands, self.result(self.by_row())]}
        if "grads" in self.case:
            gradient = self.source(folder, stored(self.case["grad_out"]), f"{self.name}.g", self.by_row())
            yield {"symbol": f"cases_{self.name}_backward_{self.dtype}", "columns": self.layout.columns,
                   "operands": [*operands, gradient, *(self.result(False) for _ in self.backward)]}

    def source(self, folder, array, file, by_row=False):
        if by_row:  # of f32, whatever the elements are
            data = struct.pack(f"<{len(array.values)}f", *numbers(array, self.dtype))
        else:
            data = self.layout.to_rows(array)
        (folder / file).write_bytes(data)
        dtype = "bool" if array.descr == "|b1" else "f32" if by_row else self.dtype
        return {"dtype": dtype, "file": file, "by_row": by_row, "elements": len(data) // SIZES[dtype]}

    def result(self, by_row):
        elements = math.prod(self.case["shape"])
        if by_row:
            elements //= self.layout.columns
        return {"dtype": "f32" if by_row else self.dtype, "file": "", "by_row": by_row,
                "elements": elements}

    def wrong(self, outputs):
        """What differs, of the calls' outputs: for each one its bytes."""
        y = stored(self.case["outputs"]["y"])
        found = self.differences(next(outputs), y, "", not self.by_row())
        for name in self.backward if "grads" in self.case else []:
            content = next(outputs)
            truth = self.case["grads"].get(name)
            if truth is not None and stored(truth).shape == tuple(self.case["shape"]):
                found += self.differences(content, stored(truth), "grad_", True)
        return found

    def differences(self, content, truth, prefix, laid_out):
        dtype = self.dtype if laid_out else "f32"
        values = numbers(Content(content, DESCR[dtype]), dtype)
        if laid_out:
            values = self.layout.from_rows(values)
        x = numbers(stored(self.case["inputs"][self.inputs[0]["name"]]), self.dtype)
        if len(x) != len(values):
            x = [0.0] * len(values)
        scales = stored(self.case["grad_out"]).values if prefix else [1.0] * len(values)
        if len(scales) != len(values):
            scales = [max(map(abs, scales))] * len(values)
        limit = 65520.0 if self.dtype == "f16" and laid_out else math.inf
        tolerance = Tolerance(self.case, prefix)
        wanted = [math.copysign(math.inf, one) if abs(one) >= limit else one for one in truth.values]
        return [f"{self.case['id']} {prefix}: {describe(a, to_f32(c), b)}"
                for a, b, c, scale in zip(x, values, wanted, scales)
                if not tolerance.accepts(b, c, a, scale)]


def program_text(calls):
    text = ""
    most = 1
    for call in calls:
        words, puts, outputs = [], [], 0
        for operand in call["operands"]:
            size = operand["elements"] * SIZES[operand["dtype"]]
            most = max(most, size)
            if operand["file"]:
                words.append(f'input("{operand["file"]}", {size})')
            else:
                words.append(f"out[{outputs}]")
                puts.append(f"  put(out[{outputs}], {size});\n")
                outputs += 1
            if call["columns"] and not operand["by_row"]:
                words.append(str(call["columns"]))
        if call["columns"]:
            whole = next(one for one in call["operands"] if not one["by_row"])
            words += [str(whole["elements"] // call["columns"]), str(call["columns"]),
                      f"malloc({call['symbol']}_workspace({call['columns']}) + 1)"]
        else:
            words.append(str(call["operands"][0]["elements"]))
        text += f"  {call['symbol']}({', '.join(words)});\n{''.join(puts)}"
    return HEAD.replace("MOST", str(most)) + text + "  return 0;\n}\n"


def functions():
    listed = run(SLUICE, "list", "--json", stdout=subprocess.PIPE, text=True).stdout
    return {name: one for one in json.loads(listed) for name in [one["name"], *one["aliases"]]}


class Suite:
    """The cases of a type, as a library and a program for each target."""

    def __init__(self, dtype, cases, folder):
        self.dtype, self.cases, self.folder = dtype, cases, folder
        (folder / "cases.slu").write_text("".join(case.definition() for case in cases))
        self.calls = [call for case in cases for call in case.calls(folder)]
        (folder / "calls.json").write_text(json.dumps(self.calls))
        (folder / "program.c").write_text(program_text(self.calls))

    def make(self, target, compiler):
        run(SLUICE, "compile", self.folder / "cases.slu", "-o", self.folder / "cases", "--passes",
            "forward,backward", "--dtypes", self.dtype, "--targets", target, "--baked",
            stdout=subprocess.DEVNULL)
        if compiler is None:
            return [Path(__file__).with_name("run_cases.mjs"), self.folder]
        run(compiler, "-O1", "-static", "-w", "-I", self.folder, self.folder / "program.c",
            self.folder / "libcases.a", "-o", self.folder / "program")
        return [self.folder / "program"]

    def compare(self, name, command):
        """Nothing where the processor lacks the target; else whether all is right."""
        done = subprocess.run(command, stdout=subprocess.PIPE, cwd=self.folder, check=False)
        if done.returncode == 3:
            return None
        if done.returncode != 0:
            print(f"{name}: the program ended with {done.returncode}")
            return False
        outputs = self.outputs(done.stdout)
        wrong = [line for case in self.cases for line in case.wrong(outputs)]
        for line in wrong[:5]:
            print(f"{name}: {line}")
        print(f"{name}: {len(self.cases)} cases of {self.dtype}, {len(wrong)} results wrong")
        return not wrong

    def outputs(self, content):
        at = 0
        for call in self.calls:
            for operand in call["operands"]:
                if operand["file"]:
                    continue
                size = operand["elements"] * SIZES[operand["dtype"]]
                yield content[at:at + size]
                at += size


def main():
    architecture = sys.argv[1]
    targets, _, compiler, runners, _ = ARCHITECTURES[architecture]
    if not is_installed(architecture):
        return 77
    library = functions()
    fitting = [Case(i, case, library[function_of(case)]) for i, case in enumerate(CASES)
               if function_of(case) in library and Case.fits(case, library[function_of(case)])]
    print(f"{len(fitting)} cases of {len(CASES)}")
    right = True
    for dtype in DESCR:
        with tempfile.TemporaryDirectory() as name:
            suite = Suite(dtype, [case for case in fitting if case.dtype == dtype], Path(name))
            for target in targets:
                program = suite.make(target, compiler)
                for runner in runners:
                    named = " ".join([target, *runner[-1:]])
                    found = suite.compare(named, [*runner, *program])
                    if found is None:
                        print(f"skipped: {named}: this processor lacks it")
                    right = right and found is not False
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())

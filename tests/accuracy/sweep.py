#!/usr/bin/env python3
"""Every number of f32, f16 and bf16 through every library function of one input and its derivative.

Writes the results to docs/measured_errors.json and from them docs/measured_errors.md. A row stands for
one kernel's text: what was measured for the same text before is not measured again, so that the
sweep of all of them, hours, may be interrupted, and one of a changed function takes a minute.

usage: sweep.py SLUICE [--threads N] [--dtype T]... [NAME...]   measure, then write both files
       sweep.py SLUICE --render                       write the table from the results that there are
       sweep.py SLUICE --verify                       exit 1 where a result is missing or stale
"""
import argparse
import hashlib
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "docs" / "measured_errors.json"
TABLE = ROOT / "docs" / "measured_errors.md"
DTYPES = ("f32", "f16", "bf16")

HEAD = """\
# Measured errors

Every library function of one input and its derivative, at every number of its type ({f32} kernels of
f32 at 4,294,967,296 numbers each, {narrow} of f16 and bf16 at 65,536), default parameters. Errors are
in ULP of the true result of the text as written; what that is exactly stands under `check` in
[command.md](command.md). `at` is where the largest error was met, in f32 outside of the stretches around zero
crossings. `commit` is the one that was measured; the kernel has not changed since. Largest errors of
all: {worst}.

This file is written by `./dev sweep`.
"""


def sluice(command, *arguments, check=True):
    run = subprocess.run([command, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode > (0 if check else 1):
        sys.exit(f"sweep: sluice {' '.join(arguments)} failed")
    return run.stdout


def functions(command):
    """The library's elementwise functions of one number: by name, what is measured of them."""
    return {
        entry["name"]: [
            part
            for output in entry["outputs"]
            for part in (output, f"d{output}/d{entry['inputs'][0]['name']}")
        ]
        for entry in json.loads(sluice(command, "list", "--json"))
        if not entry["row_wise"]
        and len(entry["inputs"]) == 1
        and entry["inputs"][0]["kind"] == "element"
        and entry["promise"]
    }


def pass_of(part):
    return "backward" if "/" in part else "forward"


def kernel_text(command, name, dtype, part):
    """A digest of the kernel's operations and tables."""
    text = "".join(
        sluice(command, "show", name, "--dtype", dtype, "--pass", pass_of(part), "--emit", step)
        for step in ("expand", "schedule")
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def commit():
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                              check=True).stdout.strip()

    return git("rev-parse", "--short=10", "HEAD")


def load():
    return json.loads(DATA.read_text()) if DATA.exists() else {}


def save(rows):
    DATA.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n")


def measure(command, name, dtype, threads):
    arguments = ["check", name, "--dtype", dtype, "--exhaustive", "--json"]
    if threads:
        arguments += ["--threads", str(threads)]
    report = json.loads(sluice(command, *arguments, check=False))
    rows = {}
    for part in report["parts"]:
        largest = part["largest"]
        rows[part["name"]] = {
            "promise": part["promise_ulp"],
            "kept": part["kept"],
            "ulp": largest["ulp"] if largest else 0,
            "at": largest["at"]["x"] if largest and "x" in largest["at"] else
                  next(iter(largest["at"].values())) if largest else None,
            "mean": part["mean_ulp"],
            "by_mpfr": part["by_mpfr"],
        }
    return rows


def sweep(command, names, dtypes, threads):
    rows = load()
    for dtype in dtypes:
        for name, parts in names.items():
            digests = {part: kernel_text(command, name, dtype, part) for part in parts}
            keys = {part: f"{name} {dtype} {part}" for part in parts}
            if all(rows.get(keys[part], {}).get("kernel") == digests[part] for part in parts):
                continue
            print(f"{name}, {dtype}", file=sys.stderr, flush=True)
            measured = measure(command, name, dtype, threads)
            rows = load()  # another sweep may have written meanwhile
            for part, row in measured.items():
                if part in parts:
                    rows[keys[part]] = {**row, "kernel": digests[part], "commit": commit()}
            save(rows)
    return rows


def number(value):
    return value if isinstance(value, str) else "" if value is None else f"{value:.7g}"


def ulps(value):
    return value if isinstance(value, str) else f"{value:.3f}"


def render(rows, names):
    """Writes the table, and which of the functions it lacks."""
    def size(row):
        return float(row["ulp"])

    shown = {key: row for key, row in rows.items() if key.split()[0] in names}
    worst = []
    for dtype in DTYPES:
        for which, what in (("forward", "of a value"), ("backward", "of a derivative")):
            chosen = [r for k, r in shown.items()
                      if k.split()[1] == dtype and pass_of(k.split()[2]) == which]
            if chosen:
                worst.append(f"{dtype} {ulps(max(map(size, chosen)))} {what}")
    count = {d: sum(1 for key in shown if key.split()[1] == d) for d in DTYPES}
    lines = [HEAD.format(f32=count["f32"], narrow=count["f16"] + count["bf16"],
                         worst=", ".join(worst))]
    for dtype in DTYPES:
        lacking = [name for name, parts in names.items()
                   if f"{name} {dtype} {parts[0]}" not in shown]
        lines += [f"## {dtype}", ""]
        if lacking:
            lines += ["Not measured yet: " + ", ".join(lacking) + ".", ""]
        lines += [
                  "| function | | promise | largest | at | mean | by MPFR | commit |",
                  "|---|---|---|---|---|---|---|---|"]
        for key, row in shown.items():
            name, of, which = key.split()
            if of != dtype:
                continue
            kept = " **broken**" if row["kept"] is False else ""
            lines.append(
                f"| {name} | {which} | {number(row['promise'])}{kept} | {ulps(row['ulp'])} | "
                f"{number(row['at'])} | {row['mean']:.3g} | {row['by_mpfr']} | {row['commit']} |")
        lines.append("")
    TABLE.write_text("\n".join(lines))


def verify(command):
    rows = load()
    bad = []
    for dtype in DTYPES:
        for name, parts in functions(command).items():
            for part in parts:
                row = rows.get(f"{name} {dtype} {part}")
                if row is None:
                    bad.append(f"{name}, {dtype}, {part}: not measured")
                elif row["kernel"] != kernel_text(command, name, dtype, part):
                    bad.append(f"{name}, {dtype}, {part}: measured for another kernel")
                elif row["kept"] is False:
                    bad.append(f"{name}, {dtype}, {part}: the promise is broken")
    for line in bad:
        print(line)
    return not bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sluice")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--dtype", action="append", choices=DTYPES)
    parser.add_argument("--render", action="store_true")
    parser.add_argument("--verify", action="store_true")
    options = parser.parse_intermixed_args()
    if options.verify:
        sys.exit(0 if verify(options.sluice) else 1)
    rows = load()
    names = functions(options.sluice)
    if not options.render:
        chosen = {name: names[name] for name in options.names or names}
        rows = sweep(options.sluice, chosen, options.dtype or DTYPES, options.threads)
    render(rows, names)


if __name__ == "__main__":
    main()

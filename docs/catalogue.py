#!/usr/bin/env python3
"""Writes docs/catalogue.md and its plots, docs/plots/*.svg, from the library's entries.

usage: catalogue.py SLUICE          write them
       catalogue.py SLUICE --check  exit 1 where one is not what would be written; a function that the
                                    catalogue does not have yet is only named
"""
import json
import pathlib
import re
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parent
LIBRARY = DOCS.parent / "dsl" / "library"
TITLES = {
    "builtin": "Elementary functions",
    "rectifiers": "Rectifiers and piecewise functions",
    "smooth": "Smooth functions",
    "units_gated": "Gated units",
    "training_losses": "Losses of single elements",
    "softmax": "Softmax and its family",
    "normalized": "Normalised rows",
    "training_losses_rows": "Losses of rows",
}
SPECIAL = ("-inf", "-0", "0", "inf", "nan")

HEAD = """\
# Catalogue

Every elementwise function of the library, as `sluice list` has them. Promises are errors in ULP of f32
(of a value, and of a derivative), conventions what the kernels give at infinities, zeros and NaN. Plots show
the function (black) and its derivative by the first input (red), of further inputs at 1.

This file and the plots are written by `./dev catalogue`.
"""

WIDTH, HEIGHT, REACH, STEPS = 300, 180, 6.0, 120
LOW, HIGH = -3.0, 5.0  # of y


def sluice(command, *arguments):
    run = subprocess.run([command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         text=True, check=False)
    if run.returncode != 0:
        return None
    return json.loads(run.stdout, parse_int=lambda text: text if text == "-0" else int(text))


def values(command, entry, points):
    """Outputs and derivatives by the first input at points; None where there is no kernel."""
    first, *others = (each["name"] for each in entry["inputs"])
    arguments = [f"--in={first}={','.join(points)}"] + [f"--in={name}=1" for name in others]
    made = sluice(command, "run", entry["name"], "--pass", "forward_backward", "--wrt", first,
                  "--json", *arguments)
    if made is None:
        return None
    return [each["data"] for each in made["outputs"].values()]


def curve(ys, colour):
    """Path of an SVG through what is finite and in sight."""
    path, pen = [], "M"
    for i, y in enumerate(ys):
        if isinstance(y, str) or not LOW <= y <= HIGH:
            pen = "M"
            continue
        px = i * WIDTH / STEPS
        py = (HIGH - y) * HEIGHT / (HIGH - LOW)
        path.append(f"{pen}{px:.1f} {py:.1f}")
        pen = "L"
    return f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def plot(command, entry):
    points = [repr(-REACH + 2 * REACH * i / STEPS) for i in range(STEPS + 1)]
    made = values(command, entry, points)
    if made is None:
        return None
    zero = HIGH * HEIGHT / (HIGH - LOW)
    axes = (f'<path d="M0 {zero:.1f}H{WIDTH}M{WIDTH // 2} 0V{HEIGHT}" stroke="#bbb"/>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}"><rect width="{WIDTH}" height="{HEIGHT}" '
            f'fill="#fff"/>{axes}{curve(made[-1], "#c33")}{curve(made[0], "#000")}</svg>\n')


def conventions(command, entry):
    made = values(command, entry, SPECIAL)
    if made is None:
        return []
    first = entry["inputs"][0]["name"]
    rows = [("f", made[0]), (f"df/d{first}", made[-1])]
    lines = [f"| {first} | " + " | ".join(SPECIAL) + " |", "|---" * 6 + "|"]
    for title, row in rows:
        cells = (each if isinstance(each, str) else f"{each:.7g}" for each in row)
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines + [""]


def section(command, entry, plots):
    shown = sluice(command, "show", entry["name"], "--json")
    promise = entry["promise"]
    lines = [f"### {entry['name']}", "", entry["documentation"].replace("\n", " "), ""]
    if entry["name"] in plots:
        lines += [f"![{entry['name']}](plots/{entry['name']}.svg)", ""]
    if shown:
        formula = shown["formula"]
        lines += ["```", formula]
        lines += [f"{name} = {text}" for name, text in shown["derivatives"].items()]
        lines += ["```", ""]
    facts = []
    if promise:
        facts.append(f"promise {promise['forward_ulp']:g} ULP, derivative "
                     f"{promise['derivative_ulp']:g} ULP")
    if entry["aliases"]:
        facts.append("also " + ", ".join(f"`{alias}`" for alias in entry["aliases"]))
    if facts:
        lines += ["; ".join(facts) + ".", ""]
    return lines + conventions(command, entry)


def entries_of(command):
    return [e for e in sluice(command, "list", "--json") if not e["row_wise"] and e["inputs"]]


def files_of(command, entries):
    """What is to be written, by path under docs/."""
    plots = {}
    for entry in entries:
        drawn = plot(command, entry)
        if drawn:
            plots[entry["name"]] = drawn
    lines = [HEAD]
    for path in sorted(LIBRARY.glob("*.slu"), key=lambda each: list(TITLES).index(each.stem)):
        here = set(re.findall(r"^fn (\w+)", path.read_text(), re.M))
        chosen = [entry for entry in entries if entry["name"] in here]
        if chosen:
            lines += [f"## {TITLES[path.stem]}", ""]
        for entry in chosen:
            lines += section(command, entry, plots)
    files = {"catalogue.md": "\n".join(lines)}
    files.update({f"plots/{name}.svg": text for name, text in plots.items()})
    return files


def main():
    command, *rest = sys.argv[1:]
    entries = entries_of(command)
    if rest == ["--check"]:
        known = set(re.findall(r"^### (\w+)", (DOCS / "catalogue.md").read_text(), re.M))
        for entry in entries:
            if entry["name"] not in known:
                print(f"{entry['name']} is not in docs/catalogue.md yet: ./dev catalogue adds it")
        entries = [entry for entry in entries if entry["name"] in known]
    files = files_of(command, entries)
    old = {path.relative_to(DOCS).as_posix() for path in DOCS.glob("plots/*.svg")}
    if rest == ["--check"]:
        stale = sorted(name for name, text in files.items()
                       if not (DOCS / name).exists() or (DOCS / name).read_text() != text)
        stale += sorted(old - set(files))
        for name in stale:
            print(f"docs/{name} is not what ./dev catalogue writes")
        sys.exit(1 if stale else 0)
    (DOCS / "plots").mkdir(exist_ok=True)
    for name in old - set(files):
        (DOCS / name).unlink()
    for name, text in files.items():
        (DOCS / name).write_text(text)


if __name__ == "__main__":
    main()

"""table.py SCENARIO.json FOLDER LANGUAGE...: the table of FOLDER/LANGUAGE.out; exit status 0 if all cells hold."""

import json
import pathlib
import sys


def read(path):
    """Verdicts by step, and values by (step, key), of one runner's output."""
    steps, values = {}, {}
    for line in path.read_text(errors="replace").splitlines():
        fields = line.split("\t")
        if fields[0] == "step" and len(fields) == 3:
            steps[fields[1]] = fields[2]
        elif fields[0] == "value" and len(fields) == 4:
            values[fields[1], fields[2]] = fields[3]
    return steps, values


def judge(step, own, reference):
    steps, values = own
    verdict = steps.get(step, "not run")
    if verdict != "ok":
        return verdict
    for key in sorted({k for k in list(values) + list(reference[1]) if k[0] == step}):
        found, expected = values.get(key, "nothing"), reference[1].get(key, "nothing")
        if found != expected:
            return f"{key[1]}: {found} where C has {expected}"
    return "ok"


def main():
    scenario = json.loads(pathlib.Path(sys.argv[1]).read_text())
    folder = pathlib.Path(sys.argv[2])
    found = {language: read(folder / f"{language}.out") for language in sys.argv[3:]}
    reference = read(folder / "c.out") if (folder / "c.out").exists() else ({}, {})
    cells = {(step, language): judge(step, found[language], reference)
             for step in scenario["steps"] for language in found}
    shown = {key: cell if len(cell) <= 16 else cell[:13] + "..." for key, cell in cells.items()}
    print("".join([f"{'step':<14}"] + [f"{language:<18}" for language in found]).rstrip())
    for step in scenario["steps"]:
        print("".join([f"{step:<14}"] + [f"{shown[step, language]:<18}" for language in found]).rstrip())
    bad = {key: cell for key, cell in cells.items() if cell != "ok" and not cell.startswith("skipped: ")}
    for (step, language), cell in bad.items():
        print(f"{language}: {step}: {cell}")
    for (step, language), cell in cells.items():
        if cell.startswith("skipped: "):
            print(f"SKIPPED: conformance: {language}: {step}: {cell.removeprefix('skipped: ')}")
    skipped = sum(cell.startswith("skipped: ") for cell in cells.values())
    print(f"{len(cells)} cells, {len(bad)} do not hold, {skipped} skipped")
    return 1 if bad or not cells else 0


if __name__ == "__main__":
    sys.exit(main())

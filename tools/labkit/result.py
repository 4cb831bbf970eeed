"""What is shown of a grading: a table on the terminal, and JSON."""

import os
import sys

from . import TOP
from .verdict import PASS, UNGRADED

COLOURS = {PASS: "32", UNGRADED: "33"}


def paint(text, kind, stream):
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{COLOURS.get(kind, '31')}m{text}\033[0m"


def again(result, case):
    """The command that repeats one case under gdb."""
    lab = "" if result.lab.folder == os.path.join(TOP, "lab") else f" LAB={result.lab.name}"
    return f"make again{lab} CASE={case.name} SEED={result.seed}"


def show(result, stream=sys.stdout):
    lab = result.lab
    print(f"Lab {lab.name}: {lab.title}   (seed {result.seed})", file=stream)
    if result.note:
        print(f"\n{result.note}\n", file=stream)
    for step, title in lab.steps.items():
        cases = [c for c in result.cases if c.step == step]
        if not cases:
            continue
        got, most = sum(map(result.points, cases)), sum(c.points for c in cases)
        print(f"\n{title}: {got} of {most}", file=stream)
        for case in cases:
            verdict = result.verdicts[case.name]
            mark = paint(f"{verdict.kind:<17}", verdict.kind, stream)
            print(f"  {case.name:<24} {mark} {result.points(case)}/{case.points}", file=stream)
            if not verdict.passed and not result.note:
                print(f"      {verdict.why}", file=stream)
                if verdict.graded:
                    print(f"      likely: {case.hint}", file=stream)
                print(f"      again:  {again(result, case)}", file=stream)
                if verdict.detail:
                    print("      | " + verdict.detail.replace("\n", "\n      | "), file=stream)
    if result.warnings:
        print("\nThe compiler warns:\n  " + result.warnings.strip()[:2000].replace("\n", "\n  "),
              file=stream)
    print(file=stream)
    if not result.graded:
        bad = [c.name for c in result.cases if not result.verdicts[c.name].graded]
        print(f"UNGRADED: {', '.join(bad)} could not be judged, and there is no score. "
              "It is not the submission's fault.", file=stream)
    else:
        print(f"{result.score} of {result.most} points", file=stream)


def as_dict(result):
    """The result as JSON has it. score is null when it is ungraded."""
    return {
        "lab": result.lab.name,
        "title": result.lab.title,
        "seed": result.seed,
        "graded": result.graded,
        "score": result.score if result.graded else None,
        "points": result.most,
        "note": result.note,
        "cases": [{
            "name": case.name,
            "step": case.step,
            "hidden": case.hidden,
            "points": case.points,
            "score": result.points(case) if result.verdicts[case.name].graded else None,
            "verdict": result.verdicts[case.name].kind,
            "why": result.verdicts[case.name].why,
            "likely": "" if result.verdicts[case.name].passed else case.hint,
            "output": result.verdicts[case.name].detail,
            "again": again(result, case),
        } for case in result.cases],
    }

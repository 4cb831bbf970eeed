"""The result in the forms that others read: JUnit, Gradescope, Classroom 50, PrairieLearn.

tests/labs holds each against its schema. *Ungraded* never becomes a score: Gradescope and Classroom
50 get no result file and an exit status that is not 0; PrairieLearn has a word of its own for it.
"""

import json
import os
from datetime import datetime, timezone

from . import Trouble


def write_json(path, value):
    """Write through a new file: a reader sees the old result or the new one."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
    os.replace(path + ".new", path)


def lines_of(result, case):
    verdict = result.verdicts[case.name]
    if verdict.passed:
        return ""
    text = f"{verdict.kind}: {verdict.why}\nlikely: {case.hint}\nseed: {result.seed}\n"
    return text + (verdict.detail + "\n" if verdict.detail else "")


def gradescope(result):
    """https://gradescope-autograders.readthedocs.io/en/latest/specs/"""
    return {
        "score": result.score,
        "output": f"lab {result.lab.name}, seed {result.seed}\n{result.note}",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [{
            "name": case.name,
            "number": f"{number}",
            "score": result.points(case),
            "max_score": case.points,
            "status": "passed" if result.verdicts[case.name].passed else "failed",
            "output": lines_of(result, case),
            "visibility": "after_published" if case.hidden else "visible",
        } for number, case in enumerate(result.cases, 1)],
    }


def classroom50(result, env):
    """classroom50/result/v1: unknown keys at the top are refused there."""
    try:
        known = {key: env[name] for key, name in (
            ("classroom", "CLASSROOM"), ("assignment", "ASSIGNMENT"),
            ("submission", "SUBMISSION_TAG"), ("commit", "COMMIT_URL"),
            ("release", "RELEASE_URL"), ("review", "REVIEW_URL"))}
    except KeyError as missing:
        raise Trouble(f"Classroom 50 sets {missing.args[0]} where it grades; it is not set here") \
            from None
    return {
        "schema": "classroom50/result/v1", **known,
        "datetime": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "score": result.score,
        "max-score": result.most,
        "tests": [{"test-name": case.name, "passed": result.verdicts[case.name].passed,
                   "score": result.points(case), "max-score": case.points}
                  for case in result.cases],
    }


def prairielearn(result):
    """https://prairielearn.readthedocs.io/en/latest/externalGrading/"""
    if not result.graded:
        return {"gradable": False, "message": "The grader itself failed; this is not graded.",
                "format_errors": []}
    return {
        "gradable": True,
        "score": result.score / result.most,
        "message": result.note,
        "output": f"lab {result.lab.name}, seed {result.seed}",
        "tests": [{"name": case.name, "description": case.step, "points": result.points(case),
                   "max_points": case.points,
                   "message": "" if result.verdicts[case.name].passed
                   else result.verdicts[case.name].why,
                   "output": lines_of(result, case)} for case in result.cases],
    }


def write_junit(result, path):
    import junitparser  # only who asks for it needs it

    suite = junitparser.TestSuite(f"lab {result.lab.name}")
    suite.add_property("seed", str(result.seed))
    for case in result.cases:
        verdict = result.verdicts[case.name]
        one = junitparser.TestCase(case.name, f"{result.lab.name}.{case.step}")
        if not verdict.graded:
            one.result = [junitparser.Error(verdict.why, verdict.kind)]
        elif not verdict.passed:
            one.result = [junitparser.Failure(verdict.why, verdict.kind)]
        if verdict.detail:
            one.system_out = "".join(c for c in verdict.detail if c in "\n\t" or c.isprintable())
        suite.add_testcase(one)
    xml = junitparser.JUnitXml()
    xml.add_testsuite(suite)
    xml.write(path, pretty=True)

"""Each form of a result, held against its schema; *ungraded* never becomes a score in any."""

import json
import os
import subprocess
import xml.etree.ElementTree

import jsonschema
import pytest

from conftest import TOP
from labkit import formats, grade, result
from labkit.verdict import PASS, UNGRADED, WRONG, Verdict

HERE = os.path.dirname(os.path.abspath(__file__))
ENV = {"CLASSROOM": "os-2027", "ASSIGNMENT": "virtqueue", "SUBMISSION_TAG": "submit/1",
       "COMMIT_URL": "https://example.org/c", "RELEASE_URL": "https://example.org/r",
       "REVIEW_URL": "https://example.org/v"}


def schema(name):
    with open(os.path.join(HERE, "schemas", name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def made(lab, *kinds):
    """A grading whose cases have these verdicts in turn."""
    one = grade.Result(lab, 42)
    for number, case in enumerate(lab.cases):
        kind = kinds[number % len(kinds)]
        one.verdicts[case.name] = Verdict(kind, "why <&> not", "\x1b[31m\x00odd output\nmore")
    return one


@pytest.mark.parametrize("kinds", [(PASS,), (WRONG,), (PASS, WRONG, "panic", "hang")])
def test_json_forms(virtqueue, kinds):
    one = made(virtqueue, *kinds)
    for name, value in (("gradescope", formats.gradescope(one)),
                        ("classroom50", formats.classroom50(one, ENV)),
                        ("prairielearn", formats.prairielearn(one))):
        jsonschema.validate(value, schema(name))
        assert json.loads(json.dumps(value)) == value
    assert sum(t["score"] for t in formats.gradescope(one)["tests"]) == one.score
    assert formats.prairielearn(one)["score"] == one.score / one.most


def test_the_schemas_refuse_what_is_wrong(virtqueue):
    one = made(virtqueue, PASS, WRONG)
    for name, value, key, bad in (
            ("gradescope", formats.gradescope(one), "visibility", "secret"),
            ("classroom50", formats.classroom50(one, ENV), "feedback", "unknown"),
            ("prairielearn", formats.prairielearn(one), "score", 1.5)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**value, key: bad}, schema(name))


def test_hidden_cases_are_shown_after_publication(virtqueue):
    tests = formats.gradescope(made(virtqueue, WRONG))["tests"]
    for case, test in zip(virtqueue.cases, tests):
        assert test["visibility"] == ("after_published" if case.hidden else "visible")


def test_junit(virtqueue, tmp_path):
    path = str(tmp_path / "junit.xml")
    formats.write_junit(made(virtqueue, PASS, WRONG, UNGRADED), path)
    cases = list(xml.etree.ElementTree.parse(path).iter("testcase"))
    assert len(cases) == len(virtqueue.cases)
    kinds = [(c.find("failure") is not None, c.find("error") is not None) for c in cases[:3]]
    assert kinds == [(False, False), (True, False), (False, True)]


def test_ungraded_is_no_score(virtqueue):
    one = made(virtqueue, PASS, UNGRADED)
    value = formats.prairielearn(one)
    jsonschema.validate(value, schema("prairielearn"))
    assert value["gradable"] is False and "score" not in value
    assert result.as_dict(one)["score"] is None


def test_ungraded_replaces_no_older_score(virtqueue, tmp_path):
    """QEMU is missing: there is no result file, and the status says that it is the grader's fault."""
    path = tmp_path / "result.json"
    path.write_text('{"score": 7}')
    done = subprocess.run([os.path.join(TOP, "tools/grade"), "--lab", virtqueue.name, "--case",
                           "boot-read", "--json", str(path), "--gradescope",
                           str(tmp_path / "results.json")],
                          env=dict(os.environ, QEMU="/nonexistent/qemu"), capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1 and "UNGRADED" in done.stdout, done.stdout + done.stderr
    assert path.read_text() == '{"score": 7}' and not (tmp_path / "results.json").exists()


def test_classroom50_outside_of_it_says_so(virtqueue):
    from labkit import Trouble
    with pytest.raises(Trouble, match="CLASSROOM"):
        formats.classroom50(made(virtqueue, PASS), {})

"""A class at a time: resumed after an interruption, alike found, and the same under GNU parallel."""

import csv
import os
import shutil
import signal
import subprocess
import time

import pytest

from conftest import TOP
from labkit import export, many, wrong

GRADE_ALL = os.path.join(TOP, "tools/grade-all")


@pytest.fixture(name="klass")
def _klass(virtqueue, tree, tmp_path):
    """Four submissions: an honest one, a copy with other comments, one in part, the stubs."""
    path = virtqueue.files[0]
    honest = export.reference(virtqueue)[path].decode()
    part = next(w for w in wrong.catalogue(virtqueue) if w.name == "lost-wakeup")
    texts = {"anna": honest, "bert": honest.replace("/* ", "/* really "),
             "carl": export.stubbed(virtqueue)[path].decode(), "dora": part.files[path].decode()}
    for name, text in texts.items():
        target = tmp_path / "class" / name / path
        target.parent.mkdir(parents=True)
        target.write_text(text)
    return tmp_path / "class"


def table(out):
    with open(out / "results.csv", encoding="utf-8") as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


def grade_all(klass, *more):
    return subprocess.run([GRADE_ALL, str(klass), "--lab", "virtqueue", "--jobs", "2", *more],
                          capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_class(klass, virtqueue):
    out = klass.parent / "class-results"
    # Interrupted after the first result, and gone on with.
    first = subprocess.Popen([GRADE_ALL, str(klass), "--lab", "virtqueue", "--jobs", "1"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             start_new_session=True)
    end = time.monotonic() + 300
    while not list(out.glob("*.json")) and first.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGINT)
    first.wait(60)
    done_first = {p.name: p.stat().st_mtime_ns for p in out.glob("*.json")}
    assert done_first
    done = grade_all(klass)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "are graded already" in done.stdout
    for name, stamp in done_first.items():
        assert (out / name).stat().st_mtime_ns == stamp, "graded twice"
    rows = table(out)
    assert rows["anna"]["score"] == rows["bert"]["score"] == str(virtqueue.points)
    assert rows["carl"]["score"] == "0" and 0 < int(rows["dora"]["score"]) < virtqueue.points
    text = (out / "report.html").read_text(encoding="utf-8")
    assert "<svg" in text and "anna" in text and "http" not in text
    assert "barrier-enable" in text


@pytest.mark.skipif(not shutil.which("sim_c"), reason="no similarity-tester (make deps CLASS=1)")
def test_alike(klass, virtqueue):
    pairs = many.similar(virtqueue, str(klass), ["anna", "bert", "carl"])
    assert pairs and {pairs[0][1], pairs[0][2]} == {"anna", "bert"} and pairs[0][0] > 90


def test_under_gnu_parallel(klass, virtqueue):
    """The same jobs as plain commands, as docs/teaching.md shows them."""
    out = klass.parent / "parallel"
    out.mkdir()
    command = (f"ls {klass} | parallel -j 2 {TOP}/tools/grade {klass}/{{}} --lab virtqueue --seed 5 "
               f"--jobs 1 --quiet --case add-one --case kick-plain --json {out}/{{}}.json")
    subprocess.run(command, shell=True, check=True, env=dict(os.environ, PARALLEL="--will-cite"))
    (out / "seed").write_text("5\n")
    done = grade_all(klass, "--collect", "--out", str(out))
    assert "4 of 4 graded" in done.stdout, done.stdout + done.stderr
    assert table(out)["carl"]["score"] == "0" and table(out)["anna"]["score"] == "7"


def test_bad_calls(tmp_path, klass):
    done = subprocess.run([GRADE_ALL, str(tmp_path / "nobody"), "--lab", "virtqueue"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "is no folder" in done.stderr
    out = tmp_path / "other"
    assert grade_all(klass, "--collect", "--out", str(out), "--seed", "3").returncode == 0
    done = grade_all(klass, "--collect", "--out", str(out), "--seed", "4")
    assert done.returncode == 2 and "was begun with seed 3" in done.stderr

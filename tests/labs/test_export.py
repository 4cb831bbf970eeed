"""Student trees: what is in them, what is not, and that the search for leaks finds a leak."""

import os
import shutil
import subprocess

import pytest

from conftest import TOP
from labkit import Trouble, check, export, holes, spec

LABS = spec.names()


@pytest.mark.slow  # make check does it too
@pytest.mark.parametrize("name", LABS)
def test_each_lab_is_well(tree, name):
    check.lab(tree, name)


@pytest.fixture(scope="module", name="student")
def _student(virtqueue, tmp_path_factory):
    out = tmp_path_factory.mktemp("student") / "tree"
    export.export(virtqueue, str(out))
    return out


def test_a_student_tree(virtqueue, student):
    assert (student / "README.md").read_text().startswith("# Lab 2")
    assert not (student / "labs").exists() and not (student / "tests/labs").exists()
    assert not (student / "lab/private").exists()
    log = subprocess.run(["git", "-C", student, "log", "--oneline"], capture_output=True,
                         text=True, check=True).stdout
    assert len(log.splitlines()) == 1
    status = subprocess.run(["git", "-C", student, "status", "--short"], capture_output=True,
                            text=True, check=True).stdout
    assert status == ""
    text = (student / virtqueue.files[0]).read_text()
    assert "Step 1" in text and "write_indirect" not in text
    # The kernel's own sources carry no mark of labs.
    for path, names in virtqueue.holes.items():
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            assert "LAB" not in file.read()
        assert names


def test_make_help_of_a_student_tree(student):
    done = subprocess.run(["make", "-s", "--no-print-directory", "-C", student, "help"],
                          capture_output=True, text=True, check=True,
                          env={k: v for k, v in os.environ.items()
                                           if not k.startswith("MAKE")})
    assert "make grade " in done.stdout and "make lab " not in done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80


def test_handin(student, tmp_path):
    done = subprocess.run([student / "tools/lab", "handin"], capture_output=True, text=True,
                          check=True)
    assert "drivers/virtio/virtqueue.c" in done.stdout and "advisory" in done.stdout
    out = subprocess.run(["tar", "-tzf", student / "handin-2-virtqueue.tar.gz"],
                         capture_output=True, text=True, check=True).stdout
    assert out.split() == ["drivers/virtio/virtqueue.c"]
    status = subprocess.run(["git", "-C", student, "status", "--short"], capture_output=True,
                            text=True, check=True).stdout
    assert status == ""


def test_format_and_warnings(student, tmp_path):
    copy = tmp_path / "tree"
    shutil.copytree(student, copy)
    path = copy / "drivers/virtio/virtqueue.c"
    old, new = "\t/* Step 3. */\n", "\tint spare;\n    /* Step 3. */\n"
    path.write_text(path.read_text().replace(old, new))
    done = subprocess.run([copy / "tools/lab", "check-files"], capture_output=True, text=True,
                          check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "want mending" in said, said
    assert "unused variable" in said and "clang-format" in said


def test_a_case_under_gdb(student):
    done = subprocess.run([student / "tools/lab", "again", "--case", "add-one", "--seed", "1"],
                          input="run\nbacktrace\nkill\nquit\n", capture_output=True, text=True,
                          check=True)
    assert "Breakpoint 1, case_add_one" in done.stdout, done.stdout + done.stderr


def test_the_solution_applies(virtqueue, student, tmp_path):
    copy = tmp_path / "tree"
    shutil.copytree(student, copy)
    subprocess.run(["patch", "-s", "-p1", "-d", copy], input=export.solution(virtqueue), text=True,
                   check=True)
    for path in virtqueue.files:
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            assert (copy / path).read_text() == file.read()


def test_a_leak_is_found(virtqueue, student, tmp_path):
    copy = tmp_path / "tree"
    shutil.copytree(student, copy)
    assert export.leaks(virtqueue, str(copy)) == []
    body = holes.text(os.path.join(TOP, virtqueue.files[0]), "virtqueue_get")
    with open(copy / "docs/notes.txt", "w", encoding="utf-8") as file:
        file.write(body.replace("\t", "    "))
    assert any("virtqueue_get" in leak for leak in export.leaks(virtqueue, str(copy)))
    os.unlink(copy / "docs/notes.txt")
    shutil.copy(virtqueue.path("private/ring_private.c"), copy / "lab/public/more.c")
    assert any("ring_private" in leak for leak in export.leaks(virtqueue, str(copy)))


@pytest.mark.slow
def test_a_student_grades_in_their_tree(student):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(["make", "-C", student, "grade"], capture_output=True, text=True,
                          env=env, check=False)
    assert done.returncode == 0 and "0 of 25 points" in done.stdout, done.stdout + done.stderr
    done = subprocess.run(["make", "-C", student, "check-lab"], capture_output=True, text=True,
                          env=env, check=False)
    assert done.returncode == 0 and "are well" in done.stdout, done.stdout + done.stderr


# --- bad input: one clear line ----------------------------------------------------------------

def says(*argv):
    done = subprocess.run([os.path.join(TOP, "tools", argv[0]), *argv[1:]], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def test_bad_calls(tmp_path):
    assert "there is no lab nosuch" in says("lab", "export", "nosuch", str(tmp_path / "x"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("")
    assert "is not empty" in says("lab", "export", "virtqueue", str(tmp_path / "full"))
    assert "no case nosuch" in says("grade", "--lab", "virtqueue", "--case", "nosuch")
    assert "does not exist" in says("grade", "--lab", "virtqueue", str(tmp_path / "nobody"))
    assert "small letters" in says("lab", "new", "../evil")


BROKEN = {
    "title = ": "lab.toml: ",
    'title = "x"\n': "goal is missing",
    'title = 5\ngoal = ""\n': "title must be a str",
    'title = "x"\ngoal = "y"\nfiles = ["../../etc/passwd"]\n': "leads out of the tree",
    'title = "x"\ngoal = "y"\nfiles = ["a.c"]\nboots = ""\nstep = []\n[holes]\n"b.c" = ["f"]\n':
        "b.c is not among the files",
    'title = "x"\ngoal = "y"\nfiles = ["a.c"]\nboots = ""\nstep = []\n': "there is no case",
    'title = "x"\ngoal = "y"\nfiles = ["a.c"]\nboots = ""\nstep = []\ncolour = "red"\n':
        "colour is no key",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_lab_toml(tmp_path, text):
    (tmp_path / "lab.toml").write_text(text)
    with pytest.raises(Trouble, match=BROKEN[text].replace(".", r"\.")):
        spec.read_lab(str(tmp_path), "broken")


def test_a_name_that_is_gone(virtqueue, tmp_path):
    with pytest.raises(Trouble, match="has no function virtqueue_gone"):
        holes.cut(os.path.join(TOP, virtqueue.files[0]), ["virtqueue_gone"], "")

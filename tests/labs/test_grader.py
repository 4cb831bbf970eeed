"""The grader's own grade: for every lab the reference, the untouched export, wrong solutions and
mutants. `make test` draws a sample, `make test-labs` runs it all."""

import io
import os
import random
import shutil
import subprocess

import pytest

from conftest import ALL, JOBS
from labkit import base, export, grade, mutate, spec, trial, wrong

LABS = spec.names()
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 31)))
# With pytest-xdist every worker must name the same tests: the sample's names hold no chance.
WRONGS = [(lab, w.name) for lab in LABS for w in wrong.catalogue(spec.find(lab))] if ALL else []


@pytest.fixture(name="lab", params=LABS)
def _lab(request):
    return spec.find(request.param)


def show(lines):
    bad = []
    for line in lines:
        print(line.what)
        if not line.ok:
            bad.append(line.what)
    assert not bad, "\n".join(bad)


def test_reference_gets_every_point(tree, lab):
    show(trial.reference(tree, lab, 20 if ALL else 1, JOBS))


def test_untouched_export_gets_its_baseline(tree, lab):
    show(trial.baseline(tree, lab, JOBS))


def test_wrong_solutions_lose_points(tree, lab):
    random.seed(SEED)
    print(f"seed {SEED}")
    assert len(wrong.catalogue(lab)) >= 12
    show(trial.wrongs(tree, lab, 0 if ALL else 2, JOBS))


@pytest.mark.slow
def test_mutants_are_caught(tree, lab):
    random.seed(SEED)
    print(f"seed {SEED}")
    said = io.StringIO()
    caught, count, unexplained = trial.mutants(tree, lab, 0 if ALL else 4, JOBS, said)
    print(said.getvalue())
    # A sample of four may meet one or two of the few that survive; the whole may not.
    assert caught >= (0.9 * count if ALL else 2), said.getvalue()
    assert not ALL or not unexplained, unexplained


@pytest.mark.slow
def test_a_seed_repeats_a_grading(tree, virtqueue):
    entry = next(w for w in wrong.catalogue(virtqueue) if w.name == "leaked-chain")
    one, two = (grade.grade(tree, virtqueue, entry.files, seed=7, jobs=JOBS,
                            wanted=["get-order", "churn"]) for _ in range(2))
    assert [(n, v.kind, v.why) for n, v in sorted(one.verdicts.items())] == \
        [(n, v.kind, v.why) for n, v in sorted(two.verdicts.items())]


def test_half_a_solution_gets_part_of_the_points(tree, virtqueue):
    """The first step solved, the rest as exported."""
    path = virtqueue.files[0]
    done = {"get_table", "write_indirect", "write_direct", "publish", "virtqueue_add"}
    from labkit import TOP, holes
    text = holes.cut(os.path.join(TOP, path),
                     [n for n in virtqueue.holes[path] if n not in done], export.stubs(virtqueue))
    result = grade.grade(tree, virtqueue, {path: text.encode()}, jobs=JOBS)
    # The ends of most cases take buffers back, which is the second step.
    for name in ("add-one", "add-chain", "barrier-publish"):
        assert result.verdicts[name].passed, result.verdicts[name]
    assert not result.verdicts["get-one"].passed
    assert 0.2 * result.most < result.score < 0.6 * result.most


@pytest.mark.slow
def test_a_new_lab_works_from_its_first_minute(tmp_path):
    """In a copy: the other tests read the list of labs."""
    for path in base.tree_files():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(os.path.join(base.TOP, path), target)
    export.git(str(tmp_path), "init", "-q")
    export.git(str(tmp_path), "add", "-A", "-f")
    for words in (["new", "bitmap"], ["check", "bitmap"], ["trial", "bitmap"]):
        done = subprocess.run([tmp_path / "tools/lab", *words], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "caught by first" in done.stdout


def test_a_mutant_differs_from_the_reference(tree, virtqueue):
    found = mutate.mutants(tree, virtqueue)
    with open(os.path.join(os.path.dirname(__file__), "../..", virtqueue.files[0]), "rb") as file:
        text = file.read()
    assert len(found) > 100 and all(m.text != text for m in found)
    assert len({m.name for m in found}) == len(found)
    for word in ("is dropped", "is negated", "change places", "becomes"):
        assert any(word in m.name for m in found), word


def test_only_a_change_of_order_that_matters_is_a_mutant():
    text = b"""struct s { int a, b, *p; union { int u, v; }; volatile int w; } *x, y;
void g(void), printk(const char *, ...);
void f(struct s *o)
{
\tx->a = 1;
\to->b = 2;
\tx->b++;
\to = x;
\to->a = 3;
\tg();
\ty.u = 1;
\ty.v = 2;
\t*x->p = 4;
\ty.a = 5;
\ty.w = 6;
\ty.b = 7;
\tif (y.a > 40)
\t\tprintk("%d", x->a + 1);
\tif (y.a > 50)
\t\tprintk("%d", x->a);
\telse
\t\tg();
\tg();
}
"""
    cindex = mutate.index()
    unit = cindex.Index.create().parse("x.c", unsaved_files=[("x.c", text.decode())])
    function = next(c for c in unit.cursor.get_children() if c.spelling == "f")
    found = [m.name for m in mutate.of_function(cindex, function, "x.c", text)]
    swapped = [name.split("'")[1] for name in found if "change places" in name]
    assert "x->a = 1;" not in swapped and "x->b++;" not in swapped
    assert swapped == ["o->b = 2;", "o = x;", "o->a = 3;", "g();", "y.u = 1;", "y.v = 2;",
                       "*x->p = 4;", "y.a = 5;", "y.w = 6;"]
    # Nor is a change of what is only said.
    assert not any("a + 1" in name or "'printk(" in name or "> 40" in name for name in found)
    assert any("> 50" in name for name in found)

"""The grader's own grade: the reference, the untouched export, wrong solutions, mutants."""

import concurrent.futures
import os
import random
import sys
import time
from dataclasses import dataclass

from . import Trouble, build as building, export, grade, mutate, spec, wrong


@dataclass
class Line:
    ok: bool
    what: str


def losing(result):
    return [c.name for c in result.cases if not result.verdicts[c.name].passed]


def ungraded(result):
    return [f"{c.name}: {result.verdicts[c.name].why}" for c in result.cases
            if not result.verdicts[c.name].graded]


def reference(base, lab, times=1, jobs=2):
    """The reference gets every point, each time with a new seed."""
    for number in range(times):
        result = grade.grade(base, lab, export.reference(lab), jobs=jobs)
        bad = [f"{n} ({result.verdicts[n].kind}: {result.verdicts[n].why})" for n in losing(result)]
        yield Line(not bad, f"reference, seed {result.seed}: {result.score} of {result.most}"
                   + (f"; loses {', '.join(bad)}" if bad else ""))


def baseline(base, lab, jobs=2):
    """The untouched export gets its declared points, and no more."""
    result = grade.grade(base, lab, export.stubbed(lab), jobs=jobs)
    bad = ungraded(result)
    got = [c.name for c in result.cases if result.verdicts[c.name].passed]
    yield Line(result.score == lab.baseline and not bad,
               f"untouched export, seed {result.seed}: {result.score} of {result.most}, "
               f"declared {lab.baseline}" + (f"; passes {', '.join(got)}" if got else "")
               + (f"; ungraded {', '.join(bad)}" if bad else ""))


def wrongs(base, lab, sample=0, jobs=2):
    """Each wrong solution loses points in a case that is meant to catch it."""
    found = wrong.catalogue(lab)
    if sample:
        found = random.sample(found, min(sample, len(found)))

    def one(entry):
        result = grade.grade(base, lab, entry.files, wanted=entry.caught, jobs=1)
        lost = losing(result)
        built = not result.note
        bad = ungraded(result)
        ok = bool(lost) and built and not bad
        return Line(ok, f"wrong {entry.name}, seed {result.seed}: "
                    + (f"caught by {', '.join(f'{n} ({result.verdicts[n].kind})' for n in lost)}"
                       if ok else result.note or "; ".join(bad)
                       or f"NOT caught by {', '.join(entry.caught)}"))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, found)


def survivors(lab):
    """{mutant: reason} of those that are known to survive."""
    path = lab.path("private", "survivors.toml")
    if not os.path.exists(path):
        return {}
    return {entry["mutant"]: entry["reason"] for entry in spec.load(path).get("survivor", [])}


def fails_at(base, lab, files, seed):
    """The first case that a submission fails, host cases first; None when it passes all."""
    try:
        built = building.Build(base, lab, files)
        try:
            return first_failure(built, lab, seed)
        finally:
            built.remove()
    except building.Failed:
        return "build"


def first_failure(built, lab, seed):
    built.compile()
    runners = {}
    for case in sorted(lab.cases, key=lambda c: c.run in lab.scripts):
        if case.run not in runners:
            runners[case.run] = grade.prepare(built, case.run)
        verdict = runners[case.run](case, grade.case_seed(seed, case))
        if not verdict.graded:
            raise Trouble(f"{case.name}: {verdict.why}")
        if not verdict.passed:
            return f"{case.name} ({verdict.kind})"
    return None


def mutants(base, lab, sample=0, jobs=2, stream=sys.stdout):
    """Print the table of mutants: caught by which case. Returns: (caught, all, unexplained)."""
    known = survivors(lab)
    found = mutate.distinct(base, lab, mutate.mutants(base, lab), jobs)
    names = {m.name for m in found}
    for name in known:
        if name not in names:
            print(f"  survivors.toml names '{name}', which is no mutant", file=stream)
    if sample:
        found = random.sample([m for m in found if m.name not in known],
                              min(sample, len(found) - len(known)))
    seed, reference_files = grade.new_seed(), export.reference(lab)
    start, caught, unexplained = time.monotonic(), 0, []
    print(f"{lab.name}: {len(found)} mutants, seed {seed}", file=stream)

    def one(mutant):
        return fails_at(base, lab, {**reference_files, mutant.path: mutant.text}, seed)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for mutant, by in zip(found, pool.map(one, found)):
            caught += by is not None
            note = f"caught by {by}" if by else \
                f"SURVIVES: {known.get(mutant.name, 'no reason is given')}"
            if not by and mutant.name not in known:
                unexplained.append(mutant.name)
            print(f"  {mutant.name}\n      {note}", file=stream, flush=True)
    share = 100 * caught / max(len(found), 1)
    print(f"{lab.name}: {caught} of {len(found)} mutants caught ({share:.0f} %), "
          f"{len(unexplained)} survive without a reason, {time.monotonic() - start:.0f} s",
          file=stream)
    return caught, len(found), unexplained

"""A whole grading: build once, then every case by itself, some side by side."""

import concurrent.futures
import secrets
import zlib
from dataclasses import dataclass, field

from . import Trouble, build as building, guest, host, submission
from .verdict import BUILD, UNGRADED, Verdict


@dataclass
class Result:
    lab: object
    seed: int
    verdicts: dict = field(default_factory=dict)  # case's name: Verdict
    note: str = ""                                # of the submission as a whole
    warnings: str = ""

    @property
    def graded(self):
        return all(v.graded for v in self.verdicts.values())

    def points(self, case):
        return case.points if self.verdicts[case.name].passed else 0

    @property
    def cases(self):
        return [c for c in self.lab.cases if c.name in self.verdicts]

    @property
    def score(self):
        return sum(self.points(c) for c in self.cases)

    @property
    def most(self):
        return sum(c.points for c in self.cases)


def case_seed(seed, case):
    """Each case has a seed of its own, so that one can be repeated without the others."""
    return zlib.crc32(f"{seed}:{case.name}".encode())


def new_seed():
    return secrets.randbelow(1 << 31)


def choose(lab, wanted):
    if not wanted:
        return lab.cases
    chosen = [c for c in lab.cases if c.name in wanted]
    for name in wanted:
        if name not in {c.name for c in chosen}:
            raise Trouble(f"lab {lab.name} has no case {name}; it has: "
                          + ", ".join(c.name for c in lab.cases))
    return chosen


def grade(base, lab, source, *, seed=None, wanted=(), jobs=2, tell=lambda case, verdict: None):
    """Grade a submission: a path, or {path: bytes}. Returns: Result."""
    result = Result(lab, new_seed() if seed is None else seed)
    cases = choose(lab, wanted)
    try:
        files = source if isinstance(source, dict) else submission.collect(source, lab.files)
    except (submission.Bad, OSError) as bad:
        return all_failed(result, cases, str(bad))
    build = building.Build(base, lab, files)
    try:
        run_all(build, result, cases, jobs, tell)
    finally:
        build.remove()
    return result


def all_failed(result, cases, why):
    result.note = why
    for case in cases:
        result.verdicts[case.name] = Verdict(BUILD, why)
    return result


def run_all(build, result, cases, jobs, tell):
    lab = build.lab
    try:
        build.compile()
    except building.Failed as failed:
        all_failed(result, cases, "the submission does not build: " + str(failed).strip())
        return
    result.warnings = build.warnings
    runners = {}
    for name in dict.fromkeys(case.run for case in cases):
        try:
            runners[name] = prepare(build, name)
        except building.Failed as failed:
            runners[name] = Verdict(BUILD, "it does not link: " + str(failed).strip())

    def one(case):
        runner = runners[case.run]
        if isinstance(runner, Verdict):
            return runner
        try:
            return runner(case, case_seed(result.seed, case))
        except Trouble as trouble:
            return Verdict(UNGRADED, str(trouble))
        except Exception as error:  # the grader's own fault never becomes a score
            return Verdict(UNGRADED, f"the grader failed: {error!r}")

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        # Guests last longest: they begin first.
        order = sorted(cases, key=lambda c: c.run not in lab.scripts)
        running = {pool.submit(one, case): case for case in order}
        for done in concurrent.futures.as_completed(running):
            case = running[done]
            result.verdicts[case.name] = done.result()
            tell(case, done.result())


def prepare(build, name):
    """What runs a case of this program or guest script."""
    lab = build.lab
    if name in lab.programs:
        program = lab.programs[name]
        path = build.link_program(program)

        def run_host(case, seed):
            if not case.against:
                return host.run(build, path, case, seed)
            wrong = build.link_program(program, "against-" + case.name,
                                       building.variant(build.base, lab, case.against))
            return host.catches(build, path, wrong, case, seed)
        return run_host
    kernel = build.link_kernel()
    functions = guest.functions(lab.scripts[name])

    def run(case, seed):
        if case.name not in functions:
            raise Trouble(f"no function of guest {name} is named case_{case.name}")
        return guest.run(build, kernel, functions[case.name], case, seed)
    return run

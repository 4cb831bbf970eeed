"""Run a host case: a program of the grader's cases, linked with the student's files."""

import re
import secrets
from dataclasses import replace

from . import sandbox
from .verdict import CRASH, HANG, PANIC, PASS, SANITIZER, UNGRADED, WRONG, Verdict

SIGNALS = {-6: "an abort", -11: "a bad memory access", -8: "a division by zero",
           -7: "a bad memory access", -4: "an illegal instruction"}


def last_lines(text, count=30):
    return "\n".join(text.strip().splitlines()[-count:])


def sanitizer(text):
    """The first finding of AddressSanitizer or UBSan, in a line."""
    match = re.search(r"ERROR: AddressSanitizer: (\S+)", text)
    if match:
        where = re.search(r"#\d+ \S+ in (\w+) \S*?([\w.-]+\.c:\d+)", text)
        return f"AddressSanitizer: {match.group(1)}" + \
            (f" in {where.group(1)}, {where.group(2)}" if where else "")
    match = re.search(r"([\w./-]+:\d+):\d+: runtime error: (.*)", text)
    return f"{match.group(1)}: {match.group(2)}" if match else None


def run(build, program_path, case, seed):
    nonce = secrets.token_hex(16)
    done = sandbox.run([program_path, case.name, str(seed)], build.where,
                       stdin=nonce.encode() + b"\n", cpu=case.seconds, memory=0, files=8,
                       processes=32, wall=case.seconds * 12 + 60)
    words = done.verdict.decode(errors="replace").rstrip("\n").split(" ", 2)
    detail = last_lines(done.out)
    finding = sanitizer(done.out)
    if done.flooded:
        return Verdict(HANG, "the code prints without an end", detail)
    if done.status is None:
        return Verdict(UNGRADED, "the host did not give the case its processor time")
    if done.status in (-24, -9) and len(words) < 2:  # SIGXCPU
        return Verdict(HANG, f"no end after {case.seconds} s of the processor's time", detail)
    if done.status == 99 or finding:
        at = max(done.out.find("ERROR: AddressSanitizer"), done.out.find("runtime error:"), 0)
        report = "\n".join(done.out[at:].splitlines()[:16])
        return Verdict(SANITIZER, finding or "a memory error", report)
    if "fake_schedule" in done.out and "for ever" in done.out:
        return Verdict(HANG, "the code sleeps, and nothing is left that could wake it", detail)
    if done.status == 0 and words[:2] == [nonce, "pass"]:
        return Verdict(PASS)
    crashed = re.search(r"Test failed with exception: (.*)", done.out)
    if crashed:
        return Verdict(CRASH, f"the code crashed: {crashed.group(1)}", detail)
    if done.status == 0 and words[:2] == [nonce, "fail"]:
        return Verdict(WRONG, reason(words, done.out), detail)
    match = re.search(r"^panic: (.*)", done.out, re.M) or \
        re.search(r"Assertion `(.*)' failed", done.out)
    if match:
        return Verdict(PANIC, f"the kernel would panic: {match.group(1)}", detail)
    return Verdict(CRASH, f"the program ended by {SIGNALS.get(done.status, 'itself')} "
                          f"(status {done.status}) without a verdict", detail)


def catches(build, right, wrong, case, seed):
    """The student's tests must pass with the right ring and fail with this wrong one."""
    every = replace(case, name="all")
    verdict = run(build, right, every, seed)
    if not verdict.graded:
        return verdict
    if not verdict.passed:
        return Verdict(WRONG, "your tests fail with the right code, so what they say of wrong code "
                              f"counts nothing: {verdict.why}", verdict.detail)
    verdict = run(build, wrong, every, seed)
    if verdict.kind == PASS:
        return Verdict(WRONG, "your tests pass with code that is wrong")
    return verdict if not verdict.graded else Verdict(PASS)


def reason(words, out):
    if len(words) > 2 and words[2]:
        return words[2]
    match = re.search(r"\[  ERROR   \] --- (.+)", out)
    return match.group(1) if match else "a check failed"

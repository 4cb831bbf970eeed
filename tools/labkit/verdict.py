"""What a case ends with. Three kinds, never mixed: passed, failed (with a how), ungraded."""

from dataclasses import dataclass

PASS = "pass"
WRONG, PANIC, RESET, HANG, BUILD, SANITIZER, CRASH = (
    "wrong answer", "panic", "triple fault", "hang", "build failure", "sanitizer finding", "crash")
UNGRADED = "ungraded"


@dataclass
class Verdict:
    kind: str
    why: str = ""     # one sentence
    detail: str = ""  # the end of what was printed

    @property
    def passed(self):
        return self.kind == PASS

    @property
    def graded(self):
        return self.kind != UNGRADED

"""Samples of the fuzzers; `make fuzz-elf` and `make fuzz-syscalls` go on."""

import os
import sys

from ringlet import TOP

sys.path.insert(0, os.path.join(TOP, "tests/fuzz"))
import elf_mutants  # noqa: E402


def test_mutated_programs(tmp_path):
    elf_mutants.play(1, 400, str(tmp_path))

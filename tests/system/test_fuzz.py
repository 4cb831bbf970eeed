"""Samples of the fuzzers; `make fuzz-elf` and `make fuzz-syscalls` go on."""

import os
import subprocess
import sys

from ringlet import TOP

sys.path.insert(0, os.path.join(TOP, "tests/fuzz"))
import elf_mutants  # noqa: E402


def test_mutated_programs(tmp_path):
    elf_mutants.play(1, 400, str(tmp_path))


def test_files_that_claim_to_be_programs():
    """The loader on the host, under sanitizers, for twenty seconds."""
    done = subprocess.run(["make", "-s", "-C", TOP, "fuzz-elf-host", "FUZZ_TIME=20"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "number_of_executed_units" in done.stdout

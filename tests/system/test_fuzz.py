"""Samples of the fuzzers; `make fuzz-elf` and `make fuzz-syscalls` go on. SEED is where they start;
the latter gives FUZZ_CALLS."""

import os
import subprocess
import sys

from ringlet import TOP, fsck

sys.path.insert(0, os.path.join(TOP, "tests/fuzz"))
import elf_mutants  # noqa: E402

SEED = int(os.environ.get("SEED") or "1")
CALLS = int(os.environ.get("FUZZ_CALLS", "20000"))
SECONDS_A_CALL = 0.01  # when the host is busy
LEAK_KB = 1024


def test_mutated_programs(tmp_path):
    print(f"seed {SEED}")
    elf_mutants.play(SEED, 400, str(tmp_path))


def test_files_that_claim_to_be_programs():
    """The loader on the host, under sanitizers, for twenty seconds."""
    done = subprocess.run(["make", "-s", "-C", TOP, "fuzz-elf-host", "FUZZ_TIME=20", f"SEED={SEED}"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "number_of_executed_units" in done.stdout


def free_memory(m):
    """What is free when all that can be read again is gone."""
    m.ok("sync; echo 3 > /proc/sys/vm/drop_caches")
    return int(m.ok("grep ^MemFree /proc/meminfo | tr -dc 0-9"))


def test_random_calls_leave_the_kernel_whole(shell):
    with open(os.path.join(TOP, "build/tests/fuzz/sysfuzz"), "rb") as file:
        m = shell(files={"sysfuzz": file.read()})
    # Faults of the workers are not worth a line on the console.
    m.ok("echo 1 > /proc/sys/kernel/printk; mkdir /tmp/f; cd /tmp/f")
    m.ok("/tests/sysfuzz 0 200; rm -rf /tmp/f/*")  # what is made once, such as tables, is there
    before = free_memory(m)
    said = m.ok(f"/tests/sysfuzz {SEED} {CALLS}", timeout=120 + CALLS * SECONDS_A_CALL)
    print(said)
    assert f"seed {SEED}\n" in said and f"{CALLS} calls by" in said
    m.ok("cd /; rm -rf /tmp/f; ls /tmp; seq 1000 | md5sum")
    assert before - free_memory(m) < LEAK_KB
    assert "Kernel panic" not in m.output()
    m.poweroff()
    fsck(m.disk)

"""The programs of tests/user, run inside Ringlet, and here on Linux, which is what judges them."""

import os
import re

import pytest

from on_linux import World
from ringlet import TOP, fsck

SOURCES = os.path.join(TOP, "tests/user")
PROGRAMS = os.path.join(TOP, "build/tests/user")


def names_in(source):
    with open(os.path.join(SOURCES, source), encoding="utf-8") as file:
        return re.findall(r"^TEST\((\w+)\)", file.read(), re.M)


TESTS = {name[:-2]: names_in(name) for name in sorted(os.listdir(SOURCES)) if name.startswith("t_")
         and name.endswith(".c")}
RESULTS = {}  # of the programs that ran already: name of the test -> whether it passed, and the text


def parse(text):
    found = re.findall(r"^(not ok|ok) \d+ - (\w+)\r?$", text, re.M)
    return {name: status == "ok" for status, name in found}


def run_in_ringlet(program, boot, make_disk):
    disk = make_disk()
    machine = boot(disks=[disk]).login()
    seed = f"SEED={os.environ['SEED']} " if os.environ.get("SEED") else ""  # of random tests
    text, _ = machine.run(f"{seed}/tests/{program}", timeout=600)
    machine.poweroff()
    fsck(disk)
    return parse(text), text


def run_on_linux(program, **options):
    path = f"/tests/{program}"
    with World([os.path.join(PROGRAMS, program)]) as linux:
        text, _ = linux.run(path, **options)
    return parse(text), text


@pytest.mark.parametrize("program", TESTS)
def test_on_linux(program):
    """The program is right: Linux passes it."""
    results, text = run_on_linux(program)
    assert results == {name: True for name in TESTS[program]}, text


@pytest.mark.parametrize("program", ["t_cred", "t_exec", "t_file", "t_pointers", "t_process",
                                     "t_time"])
def test_on_linux_without_namespaces(program):
    """So it is where Linux allows no namespaces: these tests ask for more than a user's rights."""
    results, text = run_on_linux(program, in_place=True)
    assert results == {name: True for name in TESTS[program]}, text


@pytest.mark.parametrize("in_place", [False, True])
def test_linux_is_left_alone(in_place):
    """Whoever runs the tests, what they compare with may not change this machine."""
    script = """
date -s "$(date '+%F %T')" 2>&1 | grep -q 'not permitted' || echo 'done: clock'
mknod /tmp/z c 1 5 2>/dev/null && echo 'done: mknod'
sysctl -w kernel.panic=1 >/dev/null 2>&1 && echo 'done: sysctl'
hostname stranger; cat /proc/self/uid_map; exit 7
"""
    host, top = os.uname().nodename, os.listdir("/")
    with World(files={"work/script": script}) as linux:
        text, status = linux.run("/bin/sh", "/work/script", in_place=in_place)
    assert status == 7 and "done:" not in text, text
    assert os.uname().nodename == host and os.listdir("/") == top and not os.path.exists(linux.top)
    assert ("# in place" in text) == (in_place or "0 4294967295" in text), text


@pytest.mark.parametrize("program,name", [(program, name) for program, names in TESTS.items()
                                          for name in names])
def test_in_ringlet(program, name, boot, make_disk):
    if program not in RESULTS:
        RESULTS[program] = run_in_ringlet(program, boot, make_disk)
    results, text = RESULTS[program]
    assert results.get(name), text

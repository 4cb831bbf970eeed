"""The programs of tests/user, run inside Ringlet, and here on Linux, which is what judges them."""

import os
import re
import signal
import subprocess

import pytest

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
    text, _ = machine.run(f"/tests/{program}", timeout=600)
    machine.poweroff()
    fsck(disk)
    return parse(text), text


def default_signals():
    """Whoever runs the tests may ignore some (a shell does for what it puts in the background)."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("program", TESTS)
def test_on_linux(program):
    """The program is right: Linux passes it."""
    done = subprocess.run([os.path.join(PROGRAMS, program)], stdout=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, timeout=300, check=False,
                          preexec_fn=default_signals)
    assert parse(done.stdout) == {name: True for name in TESTS[program]}, done.stdout


@pytest.mark.parametrize("program,name", [(program, name) for program, names in TESTS.items()
                                          for name in names])
def test_in_ringlet(program, name, boot, make_disk):
    if program not in RESULTS:
        RESULTS[program] = run_in_ringlet(program, boot, make_disk)
    results, text = RESULTS[program]
    assert results.get(name), text

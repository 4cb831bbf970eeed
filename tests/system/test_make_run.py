"""`make run` and its kin, as a user has them: in a terminal of their own."""

import os
import re
import signal

import pexpect
import pytest

from ringlet import FIFO, PROMPT, SECONDS, TOP, fsck, read_back


class Terminal:
    """A terminal with a size, in which make runs."""

    def __init__(self, *goals, rows=40, cols=132):
        env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        # CC= and the like of the make that runs this test: with others it would build anew.
        settings = os.environ.get("MAKEFLAGS", "").partition("-- ")[2].split()
        self.child = pexpect.spawn("make", [*settings, *goals], cwd=TOP, env=env, encoding="utf-8",
                                   codec_errors="replace", timeout=SECONDS, dimensions=(rows, cols))
        self.said = self.child.logfile_read = _Text()

    def expect(self, pattern):
        self.child.expect(pattern)
        return self.child.match

    def type(self, line):
        for start in range(0, len(line), FIFO):
            self.child.send(line[start:start + FIFO])
            self.child.expect_exact(line[start:start + FIFO])
        self.child.send("\r")

    def run(self, line):
        """Returns: what the shell's line printed."""
        self.type(line)
        self.child.expect(PROMPT)
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.child.before).replace("\r", "").strip()

    def end(self, line="poweroff"):
        """Returns: make's exit status."""
        if line:
            self.type(line)
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus

    def kill(self):
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self.child.close(force=True)


class _Text:
    """All that a terminal was sent."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.fixture
def make():
    terminals = []

    def start(*goals, **options):
        terminals.append(Terminal(*goals, **options))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.kill()


def test_disk_and_run_take_turns(make, make_disk):
    disk = make_disk(empty=True)  # to be replaced, before the machine has it
    t = make("-j4", "run", "disk", f"DISK={disk}", "SIZE=32M")
    t.expect("MKDISK")
    t.expect(PROMPT)
    assert t.run("echo typed-$((6*7))") == "typed-42"
    t.type("echo kept >/root/note")
    t.expect(PROMPT)
    # The machine has the disk for itself.
    second = make("run", f"DISK={disk}")
    second.expect('[Ll]ock')
    assert second.end("") != 0
    second = make("disk", f"DISK={disk}")
    second.expect("is in use")
    assert second.end("") != 0
    assert t.end() == 0
    fsck(disk)
    assert read_back(disk, "/root/note") == b"kept\n"

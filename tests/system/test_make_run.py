"""`make run` and its kin, as a user has them: in a terminal of their own."""

import os
import re
import signal
import termios

import pexpect
import pytest

from ringlet import FIFO, PROMPT, SECONDS, TOP, fsck, read_back


class Terminal:
    """A terminal with a size, in which make runs."""

    def __init__(self, *goals, rows=40, cols=132, piped=False):
        env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        # CC= and the like of the make that runs this test: with others it would build anew.
        settings = os.environ.get("MAKEFLAGS", "").partition("-- ")[2].split()
        words = ["make", *settings, *goals]
        if piped:
            words = ["sh", "-c", '"$@" | cat', "sh", *words]
        self.child = pexpect.spawn(words[0], words[1:], cwd=TOP, env=env, encoding="utf-8",
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
    second.expect("is in use")
    assert second.end("") != 0
    second = make("disk", f"DISK={disk}")
    second.expect("is in use")
    assert second.end("") != 0
    assert t.end() == 0
    fsck(disk)
    assert read_back(disk, "/root/note") == b"kept\n"


@pytest.mark.parametrize("piped", [False, True], ids=["", "into-a-pipe"])
def test_the_screen_is_left_as_it_was(make, make_disk, tmp_path, piped):
    disk = make_disk()
    os.utime(disk, (1, 1))
    t = make("run", f"DISK={disk}", "MACHINE=q35", f"QEMUFLAGS=-pidfile {tmp_path}/pid", rows=50,
             piped=piped)
    t.expect(PROMPT)
    # Our notes have not been cleared away, lines wrap, and the window's size is known.
    boot = t.said.text[t.said.text.index("newer than"):]
    assert not re.search(r"\x1b(c|\[2J|\[\?7l)", boot), boot
    assert "\x1b[?7h" in boot
    assert t.run("stty size") == "50 132"
    # QEMU is killed under a program that has the screen.
    t.type("printf '\\033[?7l\\033[?25l'; cat")
    t.expect("\x1b\\[\\?25l")
    with open(tmp_path / "pid", encoding="ascii") as file:
        os.kill(int(file.read()), signal.SIGKILL)
    t.child.expect(pexpect.EOF)
    assert t.said.text.rindex("\x1b[?7h") > t.said.text.rindex("\x1b[?7l")
    assert t.said.text.rindex("\x1b[?25h") > t.said.text.rindex("\x1b[?25l")
    lflag = termios.tcgetattr(t.child.child_fd)[3]
    assert lflag & termios.ICANON and lflag & termios.ECHO


def test_who_ends_make_ends_the_machine(make, make_disk, tmp_path):
    t = make("run", f"DISK={make_disk()}", f"QEMUFLAGS=-pidfile {tmp_path}/pid")
    t.expect(PROMPT)
    qemu = int((tmp_path / "pid").read_text())
    os.kill(t.child.pid, signal.SIGTERM)
    t.child.expect(pexpect.EOF)
    with pytest.raises(ProcessLookupError):
        os.kill(qemu, 0)
    assert "\x1b[?7h\x1b[0m" in t.said.text
    lflag = termios.tcgetattr(t.child.child_fd)[3]
    assert lflag & termios.ICANON and lflag & termios.ECHO


@pytest.mark.parametrize("goal", ["run-iso", "run-disk"])
def test_notes_stay_when_grub_boots(make, make_disk, goal):
    settings = []
    if goal == "run-iso":
        settings = [f"DISK={make_disk()}"]
        os.utime(settings[0].partition("=")[2], (1, 1))
    t = make(goal, *settings)
    t.expect("Booting .Ringlet")
    t.expect(PROMPT)
    assert not re.search(r"\x1b(c|\[2?J|\[\?7l)", t.said.text), t.said.text
    assert ("newer than" in t.said.text) == (goal == "run-iso")
    assert t.end() == 0


@pytest.mark.parametrize("machine", ["pc", "q35", "microvm"])
def test_ways_out(make, make_disk, machine):
    disk = make_disk()
    t = make("run", f"DISK={disk}", f"MACHINE={machine}")
    t.expect(PROMPT)
    t.type("reboot")
    t.expect("shell after")
    t.expect(PROMPT)
    assert t.end() == 0
    fsck(disk)
    t = make("run", f"DISK={disk}", f"MACHINE={machine}")
    t.expect(PROMPT)
    t.type("halt")
    t.expect("halted")
    t.child.send("does anybody hear? " * 20)  # more than UART and QEMU keep for later
    t.child.send("\x01x")
    assert t.end("") == 0


def test_debug_has_the_keyboard_too(make, make_disk):
    t = make("all", "debug", f"DISK={make_disk()}", "QEMUFLAGS=-monitor none")
    t.expect("make gdb")
    t.child.send("\x01x")
    assert t.end("") == 0
    # No socket is left that leads nowhere.
    t = make("gdb")
    t.expect("first run 'make debug'")
    assert t.end("") != 0

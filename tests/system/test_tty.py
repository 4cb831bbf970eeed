"""The console: line discipline, job control, a full-screen editor, VGA and keyboard."""

import threading
import time

import pytest

from ringlet import fsck, read_back

CTRL_C, CTRL_D, CTRL_Z, ESC = "\x03", "\x04", "\x1a", "\x1b"


def test_control_c_ends_the_foreground(shell):
    m = shell()
    m.type("sleep 1000")
    m.expect_text("\n")
    m.send(CTRL_C)
    m.wait_prompt()
    assert m.ok("echo $?") == "130\n"
    m.type("cat; echo after")
    m.expect_text("\n")
    m.send(CTRL_C)
    m.wait_prompt()
    m.ok("true")


def test_stop_background_foreground(shell):
    m = shell()
    m.type("sleep 1000")
    m.expect_text("\n")
    m.send(CTRL_Z)
    m.expect_text("Stopped")
    m.wait_prompt()
    assert "Stopped" in m.ok("jobs")
    m.type("bg")
    m.wait_prompt()
    assert "Running" in m.ok("jobs")
    m.type("fg")
    m.expect_text("\n")
    m.expect_text("sleep 1000")
    m.send(CTRL_C)
    m.wait_prompt()
    assert "sleep" not in m.ok("jobs")


def test_background_job(shell):
    m = shell()
    m.type("sleep 100 &")
    m.wait_prompt()
    assert "sleep 100" in m.ok("jobs")
    m.ok("kill %1")
    m.run("wait")
    assert "sleep 100" not in m.ok("ps | grep -v grep")


def test_canonical_input(shell):
    m = shell()
    m.type("cat > /typed")
    m.expect_text("\n")
    m.send("wrong")
    m.expect_text("wrong")
    m.send("\x15")  # Ctrl-U: the whole line
    m.send("rigt\x7fht")
    m.expect_text("ht")
    m.send("\r")
    m.send(CTRL_D)
    m.wait_prompt()
    assert m.ok("cat /typed") == "right\n"


def _paste(machine, text):
    """All at once, as a terminal does; QEMU takes it as fast as Ringlet lets it."""
    machine.child.delaybeforesend = None
    threading.Thread(target=machine.send, args=(text,), daemon=True).start()


@pytest.mark.parametrize("mode", ["lines", "slow", "raw"])
def test_a_long_paste_arrives_whole(shell, mode):
    text = "".join(f"line {number:05} {'x' * 28}\n" for number in range(1000))
    m = shell()
    m.type({"lines": "cat >/root/f", "slow": "(sleep 3; cat) >/root/f",
            "raw": "stty raw -echo; echo '<'go; (sleep 3; head -c 40000) >/root/f; stty sane"}[mode])
    m.expect_text("<go" if mode == "raw" else "\n")
    _paste(m, text)
    if mode != "raw":
        m.expect_text("line 00999 " + "x" * 28)
        m.send(CTRL_D)
    m.wait_prompt()
    m.ok("echo still typing")
    m.poweroff()
    assert read_back(m.disk, "/root/f").decode() == text


def test_size_asked_from_the_terminal(boot, make_disk):
    script = "trap 'echo got-winch' WINCH; resize; stty size\n"
    m = boot(disks=[make_disk(files={"r": script})], append="tty.size=")
    m.expect_text(ESC + "[6n")
    m.send("echo R" + ESC + "[51;133R")  # a fast typist, and the terminal's answer
    m.wait_prompt()
    m.expect_text("echo R")
    m.send("-$((6*7))\r")
    m.expect_text("\nR-42")
    m.wait_prompt()
    assert m.ok("stty size") == "51 133\n"
    m.type("sh /tests/r")
    m.expect_text(ESC + "[999;999H" + ESC + "[6n")
    m.send(ESC + "[52;134R")
    m.expect(r"52 rows, 134 columns\s+got-winch\s+52 134")
    m.wait_prompt()
    m.poweroff()


def test_size_of_a_terminal_that_says_nothing(boot, make_disk):
    m = boot(disks=[make_disk()], append="tty.size=0x80")
    m.expect_text("wanted ROWSxCOLS")
    m.wait_prompt()
    assert m.ok("stty size") == "24 80\n"


def test_terminal_settings(shell):
    m = shell()
    m.ok("stty rows 33 cols 100")
    assert m.ok("stty size").split() == ["33", "100"]
    assert "isig icanon" in m.ok("stty -a")
    m.type("read -s x")
    m.expect_text("\n")
    m.send("hidden\r")
    m.wait_prompt()
    assert m.ok("echo got-$x") == "got-hidden\n"


def test_vi(shell):
    m = shell(files={"poem": "one\ntwo\nthree\n"})
    m.ok("stty rows 24 cols 80; export TERM=vt100")
    m.type("vi /tests/poem")
    m.expect_text("- /tests/poem")  # the status line: in command mode
    m.send("jdd")  # the second line goes
    m.expect_text("Delete 1 lines")
    m.send("GA")
    m.expect_text("I /tests/poem")  # in insert mode
    m.send(", and more" + ESC)
    m.expect_text("- /tests/poem")
    m.send(":wq\r")
    m.wait_prompt()
    m.poweroff()
    fsck(m.disk)
    said = read_back(m.disk, "/tests/poem").decode()
    assert said == "one\nthree, and more\n"


def test_screen_and_keyboard(boot, make_disk):
    m = boot(disks=[make_disk()], console="tty0")
    _wait_screen(m, "~ #")
    m.press(["e", "c", "h", "o", "spc", "shift-h", "i", "minus", "4", "2", "ret"])
    assert "\nHi-42" in _wait_screen(m, "\nHi-42")
    m.press(["s", "l", "e", "e", "p", "spc", "9", "9", "ret"])
    m.press(["ctrl-c"])
    m.press(["e", "c", "h", "o", "spc", "b", "a", "c", "k", "ret"])
    _wait_screen(m, "\nback")
    m.press(["s", "t", "t", "y", "spc", "s", "i", "z", "e", "ret"])
    _wait_screen(m, "\n25 80")


def _wait_screen(machine, text, tries=600):
    """Look at the VGA screen until it shows `text`; each look waits for QEMU's answer."""
    for _ in range(tries):
        screen = machine.vga_text()
        if text in screen + "\n":
            return screen
        time.sleep(0.1)
    raise AssertionError(f"no {text!r} on the screen:\n{screen}")

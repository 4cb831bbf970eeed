"""Boot Ringlet in QEMU, type at its shell, and judge its disks from outside."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import time

import pexpect

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
QEMU = os.environ.get("QEMU", "qemu-system-x86_64")
SECONDS = 120  # for whatever takes a moment; nothing waits for a fixed time
PROMPT = r"[~/]\S* # "
FIFO = 16  # bytes that the UART takes at a time
# A script that counts what is in use, when nothing is kept that could be dropped.
COUNTS = """#!/bin/sh
# counts: of what is in use
sync; echo 3 >/proc/sys/vm/drop_caches; cd /proc/sys/fs
awk '{ print "inodes", $1 - $2 }' inode-nr
awk '{ print "dentries", $1 - $2 }' dentry-state
awk '{ print "files", $1 }' file-nr
awk '/^Cached|^Dirty/' /proc/meminfo
maps=`cat /proc/[0-9]*/maps`  # awk is not there yet
echo "$maps" | awk 'END { print "mappings", NR }'
"""
KERNEL_LINES = r"(?:\[ *\d+\.\d{6}\] [^\r\n]*\r?\n)*"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[78=>]")

os.environ["PATH"] += ":/usr/sbin:/sbin"


def sh(*command, **options):
    """Run a host program. Returns: what it printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, **options)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
    return done.stdout


def make_disk(path, files=None, block=1024, inode=128, rev=1, size="64M", empty=False, where="/tests",
              only=None):
    """A disk image with the usual root tree; `files` (name: str or bytes) lie below `where`, with the
    test programs, all or those named."""
    command = [os.path.join(TOP, "tools/mkdisk"), str(path), "--block", str(block), "--inode",
               str(inode), "--rev", str(rev), "--size", size]
    with tempfile.TemporaryDirectory() as tree:
        for name, content in (files or {}).items():
            target = os.path.join(tree, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            mode = "wb" if isinstance(content, bytes) else "w"
            with open(target, mode) as file:
                file.write(content)
            os.chmod(target, 0o755)
        programs = os.path.join(TOP, "build/tests/user")
        if os.path.isdir(programs) and not empty:
            for name in os.listdir(programs):
                if not name.endswith(".d") and (only is None or name in only):
                    shutil.copy(os.path.join(programs, name), tree)
        os.chmod(tree, 0o755)
        sh(*command, *(["--empty"] if empty else []), "--add", f"{tree}:{where}")
    return str(path)


def fsck(image):
    """The filesystem is without fault, says e2fsck."""
    sh("e2fsck", "-fn", str(image))


def holds_ext2(image):
    """Whether a filesystem begins at the image's first byte."""
    try:
        with open(image, "rb") as file:
            file.seek(1024 + 56)
            return file.read(2) == b"\x53\xef"
    except OSError:
        return False


def is_clean(image):
    return subprocess.run(["e2fsck", "-fn", str(image)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


def images_in(arguments):
    """The images that QEMU's arguments name and that it may write to."""
    found = []
    for word in arguments:
        if "readonly=on" not in word:
            found += re.findall(r'(?:^|,)file=([^,]+)|"filename": "([^"]+)"', word)
    return [one or other for one, other in found]


def debugfs(image, request):
    return sh("debugfs", "-R", request, str(image))


def read_back(image, path, missing=None):
    """The bytes of a file in an image, read without Ringlet; `missing` if there is no such file."""
    with tempfile.TemporaryDirectory() as tmp:
        out = os.path.join(tmp, "out")
        said = debugfs(image, f'dump "{path}" {out}')
        if not os.path.exists(out) or os.path.getsize(out) == 0 and "not found" in said:
            assert missing is not None, said
            return missing
        with open(out, "rb") as file:
            return file.read()


def read_back_tree(image, path, target):
    """Copy a directory of an image out below `target`."""
    os.makedirs(target, exist_ok=True)
    debugfs(image, f'rdump "{path}" {target}')
    return os.path.join(target, os.path.basename(path))


class Machine:
    """One QEMU with Ringlet in it, in a process group of its own."""

    def __init__(self, workdir, disks=(), machine="pc", cpu="max", mem="256M", smp=1, append="",
                 boot="kernel", root="/dev/vda", console="ttyS0", args=(), iso=None,
                 device_options=""):
        self.workdir = tempfile.mkdtemp(dir=workdir)
        self.monitor_path = os.path.join(self.workdir, "monitor")
        self.gdb_path = os.path.join(self.workdir, "gdb")
        self.command = [
            QEMU, "-machine", machine, "-cpu", cpu, "-m", mem, "-smp", str(smp), "-nic", "none",
            "-display", "none", "-chardev", "stdio,id=con,signal=off", "-serial", "chardev:con",
            "-monitor", f"unix:{self.monitor_path},server=on,wait=off",
            "-chardev", f"socket,id=gdb0,path={self.gdb_path},server=on,wait=off",
            "-gdb", "chardev:gdb0",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
        for number, disk in enumerate(disks):
            self.command += [
                "-drive", f"file={disk},if=none,id=d{number},format=raw,cache=writeback,"
                "werror=report,rerror=report",
                "-device", f"virtio-blk-pci,drive=d{number},disable-legacy=on{device_options}"]
        if boot == "iso":
            self.command += ["-boot", "d", "-cdrom", iso or os.path.join(TOP, "build/ringlet.iso")]
        elif boot == "disk":
            self.command += ["-boot", "c"]
        else:
            line = f"root={root} " if root else ""
            self.command += ["-kernel", os.path.join(TOP, "build/ringlet.elf"), "-append",
                             f"{line}console={console} tty.size=24x80 {append}".strip()]
        self.command += args
        # What was without fault before must be so after poweroff.
        self.judged = [image for image in [*map(str, disks), *images_in(args)]
                       if holds_ext2(image) and is_clean(image)]
        self.at_prompt = False
        self.log = open(os.path.join(self.workdir, "serial.log"), "wb")
        self.count = 0
        # spawn() makes the child the leader of a new session, and so of a process group.
        self.child = pexpect.spawn(self.command[0], self.command[1:], timeout=SECONDS, echo=False,
                                   encoding="utf-8", codec_errors="replace",
                                   dimensions=(24, 240), preexec_fn=_pass_output_on)
        self.child.logfile_read = _Tee(self.log)

    # --- talking to it -------------------------------------------------------------------

    def expect(self, pattern, timeout=SECONDS):
        """Wait for a regular expression. Returns: its match; fails with the log's tail."""
        try:
            self.child.expect(pattern, timeout=timeout)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            what = "no more output" if isinstance(error, pexpect.EOF) else f"nothing for {timeout} s"
            raise AssertionError(f"{what} while waiting for {pattern!r}\n{self.tail()}") from None
        return self.child.match

    def expect_text(self, text, timeout=SECONDS):
        return self.expect(re.escape(text), timeout)

    def tail(self, lines=40):
        self.log.flush()
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])

    def output(self):
        """All that came over the serial line so far."""
        self.log.flush()
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def send(self, text):
        """Type without waiting for the echo (keys, or what is not echoed)."""
        self.at_prompt = False
        self.child.send(text)

    def type(self, line):
        """Type a line and Enter; each piece's echo is waited for, as the UART's FIFO is short.
        Lines of the kernel's own may come between the letters."""
        for start in range(0, len(line), FIFO):
            piece = line[start:start + FIFO]
            self.send(piece)
            self.expect(KERNEL_LINES + KERNEL_LINES.join(map(re.escape, piece)))
        self.send("\r")

    def wait_prompt(self, timeout=SECONDS):
        self.expect(PROMPT, timeout)
        self.at_prompt = True

    def login(self):
        """Wait for the shell, and make its terminal wide, so that no line wraps."""
        self.wait_prompt()
        self.type("stty cols 240")
        self.wait_prompt()
        return self

    def run(self, command, timeout=SECONDS):
        """Run one line in the shell. Returns: its output and exit status."""
        self.count += 1
        # In the echo of the line stands $?, only in the output a number.
        line = f"{command}; echo =$?={self.count}="
        assert len(line) < 200, "put long scripts on the disk"
        self.type(line)
        self.expect(rf"=(\d+)={self.count}=\r?\n", timeout)
        before, status = self.child.before, int(self.child.match.group(1))
        self.wait_prompt(timeout)
        return ESCAPES.sub("", before).replace("\r", "").lstrip("\n"), status

    def ok(self, command, timeout=SECONDS):
        """As run, and the status must be 0. Returns: the output."""
        output, status = self.run(command, timeout)
        assert status == 0, f"{command}: exit status {status}\n{output}"
        return output

    # --- the machine around it -----------------------------------------------------------

    def monitor(self, command):
        """Give QEMU's monitor a command. Returns: its answer."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(SECONDS)
            self._connect(sock)
            self._until_prompt(sock)
            sock.sendall(command.encode() + b"\n")
            return self._until_prompt(sock)

    def _connect(self, sock):
        end = time.monotonic() + SECONDS
        while True:
            try:
                return sock.connect(self.monitor_path)
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)  # QEMU has only just been started

    @staticmethod
    def _until_prompt(sock):
        text = b""
        while not text.endswith(b"(qemu) "):
            more = sock.recv(65536)
            if not more:
                break
            text += more
        return text.decode(errors="replace")

    def vga_text(self):
        """The 25 lines on the VGA text screen."""
        dump = self.monitor("xp /2000hx 0xb8000")
        words = [int(word, 16) for line in dump.splitlines() if re.match(r"[0-9a-f]{16}:", line)
                 for word in line.split()[1:]]
        text = "".join(chr(word & 0xff) if 32 <= word & 0xff < 127 else " " for word in words)
        return "\n".join(text[row:row + 80].rstrip() for row in range(0, 2000, 80))

    def press(self, keys):
        """Press keys on the PS/2 keyboard, by QEMU's names."""
        for key in keys:
            self.monitor(f"sendkey {key}")

    def wait_exit(self, timeout=SECONDS):
        """Wait until QEMU ends. Returns: its exit status."""
        self.expect(pexpect.EOF, timeout)
        self.child.wait()
        return self.child.exitstatus

    def poweroff(self, command="poweroff"):
        self.type(command)
        status = self.wait_exit()
        assert status == 0, f"QEMU's exit status is {status}\n{self.tail()}"
        assert "do not end" not in self.output(), f"something outlived SIGKILL\n{self.tail()}"
        self.judge()

    def judge(self):
        """After poweroff: e2fsck finds no fault on any disk."""
        for image in self.judged:
            if holds_ext2(image):  # a test may have written something else there
                fsck(image)

    def finish(self):
        """The end of a test: whoever sits at a prompt powers off and is judged."""
        if self.at_prompt and self.child.isalive():
            self.poweroff()

    def kill(self):
        """End it, whatever state it is in."""
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self.child.close(force=True)
        self.log.close()


def _pass_output_on():
    """In the child: its terminal adds no carriage returns, as Ringlet's own adds them already."""
    modes = termios.tcgetattr(0)
    modes[1] &= ~termios.ONLCR
    termios.tcsetattr(0, termios.TCSANOW, modes)


class _Tee:
    """Keeps the serial output in a file."""

    def __init__(self, file):
        self.file = file

    def write(self, text):
        self.file.write(text.encode())

    def flush(self):
        self.file.flush()

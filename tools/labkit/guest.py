"""Run a guest case: the student's kernel in QEMU, judged by what its disks hold afterwards.

A guest case is a Python function `def case_name(t)` of the lab's script. It draws its values from
t.random, boots by t.boot(), and judges by t.check(): bytes of the images, QEMU's counters, e2fsck.
The guest's console never earns a point; it only helps to say what went wrong.
"""

import glob
import importlib.util
import json
import os
import random
import re
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field

from . import Trouble, sandbox
from .verdict import HANG, PANIC, PASS, RESET, UNGRADED, WRONG, Verdict

QEMU = os.environ.get("QEMU", "qemu-system-x86_64")
SHIFT = 3            # 8 ns of the guest's clock an instruction
WALL = 300           # seconds of the host, when the guest's clock does not get on
MEMORY = 256         # MiB of the guest
EXIT_PANIC = 3       # isa-debug-exit's status after `panic=exit`


class Wrong(Exception):
    """A check failed: the sentence is for the student."""


class Ended(Exception):
    """The guest ended otherwise than by poweroff."""

    def __init__(self, kind, why):
        super().__init__(why)
        self.kind = kind


@dataclass
class Disk:
    """An image as QEMU is to show it. faults: blkdebug's rules; log: write log beside it."""
    path: str
    faults: list = field(default_factory=list)
    log: str = ""
    readonly: bool = False
    options: str = ""        # of the virtio-blk device


@dataclass
class Run:
    """What QEMU counted until the guest turned itself off."""
    stats: list              # of each disk: query-blockstats' stats
    notifications: list      # of each disk
    interrupts: list         # of each disk
    seconds: float           # of the guest's clock
    console: str


class Tester:
    def __init__(self, build, kernel, case, seed):
        self.build, self.kernel, self.case, self.seed = build, kernel, case, seed
        self.random = random.Random(f"{seed}:{case.name}")
        self.console = ""
        self.gdb = None
        self.where = os.path.join(build.where, f"guest-{case.name}")
        os.makedirs(self.where)
        build.own(self.where)

    # --- what a case is written with ---

    @staticmethod
    def check(condition, sentence):
        if not condition:
            raise Wrong(sentence)

    def image(self, name, content):
        """A disk image of these bytes, or of so many zeroes. Returns: its path."""
        path = os.path.join(self.where, name)
        with open(path, "wb") as file:
            if isinstance(content, int):
                file.truncate(content)
            else:
                file.write(content)
        self.build.own(path)
        return path

    def copy(self, source, name):
        path = os.path.join(self.where, name)
        subprocess.run(["cp", "--sparse=always", source, path], check=True)
        self.build.own(path)
        return path

    @staticmethod
    def read(path, start=0, length=None):
        with open(path, "rb") as file:
            file.seek(start)
            return file.read() if length is None else file.read(length)

    def mkfs(self, name, size, *options):
        path = self.image(name, size)
        env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
        subprocess.run(["mke2fs", "-q", "-t", "ext2", "-F", *options, path], check=True, env=env)
        self.build.own(path)
        return path

    def e2fsck(self, path):
        """(status, what it says) of e2fsck -fn."""
        done = sandbox.run(["e2fsck", "-fn", path], self.where)
        return done.status, done.out

    def root(self, script, files=None):
        """A root disk whose /lab/run is the script; `files`: {name: bytes} beside it."""
        path = self.copy(self.build.base.path("build/labdisk.img"), "root.img")
        requests = ["mkdir /lab"]
        for name, data in {"run": ("#!/bin/sh\n" + script).encode(), **(files or {})}.items():
            source = os.path.join(self.where, "put-" + name)
            with open(source, "wb") as file:
                file.write(data)
            requests += [f"write {source} /lab/{name}", f"sif /lab/{name} mode 0100755"]
        listing = os.path.join(self.where, "requests")
        with open(listing, "w", encoding="utf-8") as file:
            file.write("\n".join(requests) + "\n")
        env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
        done = subprocess.run(["debugfs", "-w", "-f", listing, path], capture_output=True,
                              text=True, env=env, check=False)
        if done.returncode or "ext2_lookup" in done.stderr:
            raise Trouble(f"the root disk cannot be made: {done.stderr.strip()[-300:]}")
        return path

    def boot(self, script, disks=(), append="", qemu=(), files=None, smp=1):
        """Boot, run the script as process 1, wait for poweroff. Returns: Run.

        The disks are vdb, vdc, ...  Raises: Ended when the guest ends in another way."""
        disks = [d if isinstance(d, Disk) else Disk(d) for d in disks]
        root = self.root(script + "\npoweroff -f\n", files)
        machine = Machine(self, [Disk(root), *disks], append, qemu, smp)
        try:
            run = machine.run()
        finally:
            self.console = machine.console
        return run


def drive(number, disk):
    """QEMU's options for a disk: the image, faults below it, the log of its writes."""
    # Locks on images are of no use here, and no other QEMU opens them.
    node = {"driver": "file", "filename": disk.path, "node-name": f"file{number}", "locking": "off"}
    if disk.faults:
        node = {"driver": "blkdebug", "node-name": f"fault{number}", "image": node,
                "inject-error": disk.faults}
    node = {"driver": "raw", "node-name": f"raw{number}", "file": node}
    if disk.readonly:
        node["read-only"] = True
    if disk.log:
        node = {"driver": "blklogwrites", "node-name": f"log{number}", "file": node,
                "log": {"driver": "file", "filename": disk.log, "locking": "off"}}
        node = {"driver": "raw", "node-name": f"top{number}", "file": node}
    return ["-blockdev", json.dumps(node),
            "-device", f"virtio-blk-pci,id=disk{number},drive={node['node-name']},"
                       "disable-legacy=on,werror=report,rerror=report" + disk.options]


class Machine:
    def __init__(self, tester, disks, append, qemu, smp):
        self.tester, self.disks = tester, disks
        self.where = tester.where
        self.console = ""
        self.ended = None
        line = ("root=/dev/vda init=/lab/run console=ttyS0 panic=exit tty.size=24x80 "
                + append).strip()
        self.argv = [
            QEMU, "-machine", "pc", "-cpu", "max", "-m", str(MEMORY), "-smp",
            str(smp), "-accel", "tcg,tb-size=128", "-icount", f"shift={SHIFT}", "-nic", "none",
            "-display", "none", "-no-reboot", "-action", "shutdown=pause", "-rtc",
            "base=2026-01-01T00:00:00,clock=vm", "-serial", "stdio", "-monitor", "none",
            "-qmp", "unix:qmp,server=on,wait=off",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-kernel", tester.kernel,
            "-append", line, "-D", f"{self.where}/trace", "-trace", "virtio_queue_notify",
            "-trace", "virtio_notify", "-trace", "virtio_notify_irqfd",
            "-trace", "virtio_set_status"]
        for number, disk in enumerate(disks):
            self.argv += drive(number, disk)
        self.argv += list(qemu)
        if tester.gdb:
            self.argv += ["-S", "-chardev", "socket,id=gdb0,path=gdb,server=on,wait=off",
                          "-gdb", "chardev:gdb0"]

    def run(self):
        for old in ("qmp", "trace"):
            if os.path.exists(os.path.join(self.where, old)):
                os.unlink(os.path.join(self.where, old))
        done = []

        def body():
            done.append(sandbox.run(self.argv, self.where, [self.tester.build.where],
                                    cpu=0x7fffffff, memory=0, files=1024, processes=64,
                                    wall=WALL + 60))
        thread = threading.Thread(target=body)
        thread.start()
        monitor = Monitor(os.path.join(self.where, "qmp"), thread)
        try:
            how = monitor.watch(self.tester.case.seconds)
        finally:
            monitor.quit()
            thread.join()
        self.console = done[0].out.replace("\r", "") if done else ""
        if done and done[0].flooded:
            raise Ended(HANG, "the guest prints without an end")
        if how is None:  # QEMU ended by itself: isa-debug-exit, or a fault of its own
            status = done[0].status if done else None
            how = "panic" if status == EXIT_PANIC else "off" if status == 33 else None
            if how is None:
                raise Trouble("QEMU did not run: " + (self.console.strip()[-300:]
                                                      or f"status {status}"))
        self.judge_end(how)
        notified, interrupted = self.counts()
        return Run(monitor.stats, notified, interrupted, monitor.seconds, self.console)

    def judge_end(self, how):
        panic = re.search(r"Kernel panic: (.*)", self.console)
        if how == "panic":
            raise Ended(PANIC, "the kernel panicked" + (f": {panic.group(1)}" if panic else ""))
        if how == "reset":
            raise Ended(RESET, "the machine reset itself: a fault while a fault was handled")
        if how == "hang":
            raise Ended(HANG, f"the guest's clock shows {self.tester.case.seconds} s, and it has not "
                              "turned itself off")
        if how == "late":
            raise Ended(UNGRADED, f"the host was too slow: {WALL} s, and the guest's clock is not "
                                  "at its limit")

    def counts(self):
        """(notifications, interrupts) of each disk, from QEMU's trace."""
        order, notified, interrupted = [], {}, {}
        with open(os.path.join(self.where, "trace"), encoding="utf-8", errors="replace") as file:
            for line in file:
                match = re.search(r"(virtio_\w+) vdev (0x[0-9a-f]+)(?: val (\d+))?", line)
                if not match:
                    continue
                what, vdev, status = match.groups()
                if what == "virtio_set_status":
                    if status != "0" and vdev not in order:
                        order.append(vdev)
                else:
                    into = notified if what == "virtio_queue_notify" else interrupted
                    into[vdev] = into.get(vdev, 0) + 1
        # Firmware and kernel begin with each in the order of their slots.
        return ([notified.get(v, 0) for v in order], [interrupted.get(v, 0) for v in order])


def connect(sock, path):
    """A socket's name has 108 bytes at most; a path through its folder's descriptor is short."""
    folder = os.open(os.path.dirname(path), os.O_PATH)
    try:
        sock.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
    finally:
        os.close(folder)


class Monitor:
    """QMP, as far as a grader needs it."""

    def __init__(self, path, thread):
        self.path, self.thread = path, thread
        self.sock = self.file = None
        self.stats, self.seconds = [], 0.0
        self.events = []

    def connect(self):
        end = time.monotonic() + 60
        while self.thread.is_alive():
            try:
                sock = socket.socket(socket.AF_UNIX)
                connect(sock, self.path)
                sock.settimeout(60)
                self.sock, self.file = sock, sock.makefile("rw", encoding="utf-8")
                self.file.readline()
                self.ask("qmp_capabilities")
                return True
            except (FileNotFoundError, ConnectionRefusedError, PermissionError):
                if time.monotonic() > end:
                    raise Trouble("QEMU's monitor does not answer") from None
                time.sleep(0.02)
        return False

    def ask(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError
            answer = json.loads(line)
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise Trouble(f"QEMU refuses {command}: {answer['error'].get('desc')}")
            elif "return" in answer:
                return answer["return"]

    def clock(self):
        """Seconds of the guest's clock, by QEMU's real-time clock that runs on it."""
        date = self.ask("qom-get", path="/machine", property="rtc-time")
        stamp = (date["tm_year"], date["tm_mon"], date["tm_mday"], date["tm_hour"],
                 date["tm_min"], date["tm_sec"])
        return time.mktime((stamp[0] + 1900, stamp[1] + 1, *stamp[2:], 0, 0, 0)) - \
            time.mktime((2026, 1, 1, 0, 0, 0, 0, 0, 0))

    def watch(self, limit):
        """Wait for the guest's end. Returns: off, reset, hang, late; None when QEMU has gone."""
        end = time.monotonic() + WALL
        try:
            if not self.connect():
                return None
            while True:
                for event in self.events:
                    if event["event"] == "SHUTDOWN":
                        self.last_words()
                        return "reset" if event["data"]["reason"] == "guest-reset" else "off"
                self.events.clear()
                self.seconds = self.clock()
                if self.seconds > limit:
                    return "hang"
                if time.monotonic() > end:
                    return "late"
                self.wait_event(0.5)
        except (EOFError, ConnectionError, json.JSONDecodeError):
            return None
        except socket.timeout:
            return "late"

    def wait_event(self, seconds):
        import select
        if not select.select([self.sock], [], [], seconds)[0]:
            return
        # What is in the buffer of `file` was read by ask(): this line is an event.
        line = self.file.readline()
        if not line:
            raise EOFError
        self.events.append(json.loads(line))

    def last_words(self):
        self.seconds = self.clock()
        by_device = {b.get("qdev", ""): b["stats"] for b in self.ask("query-blockstats")}
        number = 0
        while any(f"disk{number}" in qdev for qdev in by_device):
            self.stats.append(next(s for q, s in by_device.items()
                                   if re.search(rf"disk{number}(/|$)", q)))
            number += 1

    def quit(self):
        if self.file:
            try:
                self.file.write('{"execute": "quit"}\n')
                self.file.flush()
            except OSError:
                pass
            self.sock.close()


def functions(paths):
    """{case's name: function} of guest scripts."""
    found = {}
    for path in paths:
        spec = importlib.util.spec_from_file_location("lab_" + os.path.basename(path)[:-3], path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, value in vars(module).items():
            if name.startswith("case_"):
                found[name[5:].replace("_", "-")] = value
    return found


def run(build, kernel, function, case, seed):
    if not shutil.which(QEMU):
        return Verdict(UNGRADED, f"{QEMU} is missing; 'make deps' installs it")
    tester = Tester(build, kernel, case, seed)
    try:
        function(tester)
        verdict = Verdict(PASS)
    except Wrong as wrong:
        verdict = Verdict(WRONG, str(wrong), tail(tester.console))
    except Ended as ended:
        verdict = Verdict(ended.kind, str(ended), tail(tester.console))
    finally:
        for path in glob.glob(os.path.join(tester.where, "*.img")):
            os.unlink(path)
    return verdict


def tail(console, count=30):
    console = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console)
    return "\n".join(console.strip().splitlines()[-count:])


def under_gdb(build, lab, case, seed):
    """Run a guest case with QEMU stopped at its first instruction and gdb in this terminal."""
    function = functions(lab.scripts[case.run])[case.name]
    tester = Tester(build, build.link_kernel(), case, seed)
    tester.gdb = os.path.join(tester.where, "gdb")
    start = ["-ex", "target remote gdb"]
    for stop in lab.stops:
        start += ["-ex", f"hbreak {stop}"]

    def debugger():
        while not os.path.exists(tester.gdb):
            time.sleep(0.05)
        subprocess.run(["gdb", "-q", *start, tester.kernel], cwd=tester.where, check=False)
    thread = threading.Thread(target=debugger)
    thread.start()
    try:
        function(tester)
        print("pass")
    except (Wrong, Ended) as end:
        print(end)
    thread.join()

"""A place where a stranger's code runs: no network, no file but those named, limits on everything.

bubblewrap makes the place (namespaces of its own), prlimit(1) the limits. Who runs as root gives
that up first: a root's processes are not counted.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass

from . import TOP, Trouble

NOBODY = 65534
MIB = 1 << 20
TAIL = 32 * 1024
FLOOD = 1 << 20  # bytes of output, from which on nobody reads it


@dataclass
class Ended:
    status: int     # exit status; negative: a signal; None: the wall clock's limit
    out: str        # what it printed, cut to a limit
    spilled: bool   # it printed more than that
    flooded: bool   # it printed more than FLOOD, and was ended for it
    verdict: bytes  # what it wrote to its verdict's descriptor


def need_tools():
    for tool in ("bwrap", "prlimit"):
        if not shutil.which(tool):
            raise Trouble(f"{tool} is missing; 'make deps' installs it")


def workspace():
    """Where graded trees lie: in build, or where nobody can reach it too, for root."""
    place = os.path.join(TOP, "build/labs")
    if os.getuid() == 0:
        path = TOP
        while path != "/":
            if not os.stat(path).st_mode & 0o001:
                place = "/var/tmp/ringlet-labs" + TOP.replace("/", "-")
                break
            path = os.path.dirname(path)
    os.makedirs(place, exist_ok=True)
    return place


def scratch():
    """A new folder that the sandbox may write to. The caller removes it by remove()."""
    path = tempfile.mkdtemp(prefix="run-", dir=workspace())
    hand_over(path)
    return path


def hand_over(path):
    if os.getuid() == 0:
        os.chown(path, NOBODY, NOBODY)


def remove(path):
    subprocess.run(["chmod", "-R", "u+rwX", path], check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(path, ignore_errors=True)


def command(argv, scratch_dir, readable, verdict_fd, cpu, memory, files, processes):
    binds = []
    for path in ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc/alternatives", "/etc/ld.so.cache"):
        if os.path.islink(path):
            binds += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            binds += ["--ro-bind", path, path]
    for path in readable:
        binds += ["--ro-bind", path, path]
    limits = ["prlimit", f"--cpu={cpu}", f"--fsize={files * MIB}", "--core=0", "--nofile=256",
              f"--nproc={processes}"]
    if memory:
        limits.append(f"--as={memory * MIB}")
    # The limits come after the namespaces: bwrap itself needs more files than they may allow.
    return ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv",
            "--setenv", "PATH", "/usr/bin:/bin:/usr/sbin:/sbin", "--setenv", "LC_ALL", "C.UTF-8",
            "--setenv", "ASAN_OPTIONS", "exitcode=99:detect_leaks=0:hard_rss_limit_mb=1024",
            "--setenv", "UBSAN_OPTIONS", "exitcode=99:print_stacktrace=0",
            "--setenv", "VERDICT_FD", str(verdict_fd),
            "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", *binds,
            "--bind", scratch_dir, scratch_dir, "--chdir", scratch_dir, "--", *limits, "--", *argv]


def run(argv, scratch_dir, readable=(), *, stdin=b"", cpu=60, memory=2048, files=64, processes=64,
        wall=300, out=256 * 1024):
    """Run a command in the sandbox. cpu, wall: seconds; memory, files: MiB; out: bytes."""
    need_tools()
    verdict_read, verdict_write = os.pipe()
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    try:
        child = subprocess.Popen(command(argv, scratch_dir, readable, verdict_write, cpu, memory,
                                         files, processes),
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, pass_fds=[verdict_write],
                                 start_new_session=True, cwd="/", **user)
    finally:
        os.close(verdict_write)
    verdict, output, counts, ignored = bytearray(), bytearray(), [0], [0]
    readers = [threading.Thread(target=drain, args=(verdict_read, verdict, 4096, ignored, child)),
               threading.Thread(target=drain, args=(child.stdout.fileno(), output, out, counts,
                                                    child))]
    for reader in readers:
        reader.start()
    try:
        child.stdin.write(stdin)
        child.stdin.close()
    except BrokenPipeError:
        pass
    try:
        status = child.wait(wall)
        if status > 128:  # bwrap says a signal as a shell does
            status = 128 - status
    except subprocess.TimeoutExpired:
        status = None
    finally:
        end(child)
        for reader in readers:
            reader.join()
        child.stdout.close()
        os.close(verdict_read)
    return Ended(status, output.decode(errors="replace"), counts[0] > out, counts[0] > FLOOD,
                 bytes(verdict))


def kill(child):
    """Everything in the sandbox dies with its first process."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def end(child):
    kill(child)
    child.kill()
    child.wait()


def drain(fd, into, limit, count, child):
    """Read to the end; keep the first `limit` bytes, and the last TAIL of what is more."""
    tail = bytearray()
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        room = max(limit - len(into), 0)
        into += data[:room]
        count[0] += len(data)
        if count[0] > FLOOD:
            kill(child)
        if len(data) > room:
            tail = (tail + data[room:])[-TAIL:]
    into += tail

#!/usr/bin/python3
"""Run a program on this machine's Linux, which is what Ringlet is compared with.

The program sees a small world of its own: the tree that World makes, with busybox, /tests, /tmp and
/work, in namespaces of its own (users, mounts, processes, host name, IPC, network). It is an
ordinary user of the machine at most, whoever runs the tests:

  root              the program's root and its 65536 users are strangers to the machine; where Linux
                    gives no user namespace, and in a container of few users, the program is nobody
  an ordinary user  stays that user; where Linux gives no user namespace, it runs in place, with
                    $TMPDIR for /tmp

So a program is root here only if the tests are run by root, and then it may not do what root of a
whole machine may (tap.h: owns_machine()).
"""

import ctypes
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

BUSYBOX = next((path for path in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(path)), None)
STRANGER, STRANGERS, NOBODY = 0x70000000, 65536, 65534
MS_BIND, MS_REC, MS_SLAVE, MNT_DETACH = 0x1000, 0x4000, 0x80000, 2
PR_SET_PDEATHSIG, SYS_PIVOT_ROOT = 1, 155
NEWUSER, NEWNS, REST = 0x10000000, 0x20000, 0x4000000 | 0x8000000 | 0x20000000 | 0x40000000
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LIBC = ctypes.CDLL(None, use_errno=True)


class World:
    """The tree that programs see. `programs` are paths here; they lie in /tests there."""

    def __init__(self, programs=(), files=None):
        # On a disk, and reachable for every user.
        self.top = tempfile.mkdtemp(prefix="ringlet-linux-", dir="/var/tmp")
        os.chmod(self.top, 0o755)
        for name in ("bin", "sbin", "usr/bin", "usr/sbin", "dev", "proc", "etc", "root", "tests",
                     "tmp", "work"):
            os.makedirs(self.path(name))
        os.chmod(self.path("tmp"), 0o1777)
        with open(self.path("etc/passwd"), "w", encoding="ascii") as file:
            file.write("root:x:0:0:root:/root:/bin/sh\n"
                       "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n")
        shutil.copy(BUSYBOX, self.path("bin/busybox"))
        for applet in subprocess.run([BUSYBOX, "--list-full"], stdout=subprocess.PIPE, text=True,
                                     check=True).stdout.split():
            if not os.path.lexists(self.path(applet)) and os.path.isdir(
                    os.path.dirname(self.path(applet))):
                os.symlink("/bin/busybox", self.path(applet))
        for program in programs:
            shutil.copy(program, self.path("tests"))
        for name, text in (files or {}).items():
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(text)

    def path(self, name):
        return os.path.join(self.top, name.lstrip("/"))

    def run(self, *command, cwd="/tmp", timeout=300, in_place=False):
        """Run a command of the world's. Returns: what it printed, and its exit status."""
        env = dict(os.environ, ON_LINUX_IN_PLACE="1" if in_place else "")
        done = subprocess.run([sys.executable, os.path.abspath(__file__), self.top, cwd, *command],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=env,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=timeout, check=False)
        return done.stdout, done.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Nothing is mounted here that can be seen from here.
        subprocess.run(["chmod", "-R", "u+rwX", self.top], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.top)


def call(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def mount(source, target, kind=None, flags=0, data=None):
    call(LIBC.mount(source.encode(), target.encode(), kind and kind.encode(),
                    ctypes.c_ulong(flags), data and data.encode()), f"mount {target}")


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def enter(top):
    """As the first process of the namespaces: the world becomes the root directory."""
    mount("none", "/", flags=MS_REC | MS_SLAVE)
    mount(top, top, flags=MS_BIND)
    make_root(top, "linux")


def make_root(top, name):
    """Of a mounted tree make the root directory, with what every Linux has, and name the machine."""
    mount("proc", f"{top}/proc", "proc")
    for device in DEVICES:
        with open(f"{top}/dev/{device}", "wb"):
            mount(f"/dev/{device}", f"{top}/dev/{device}", flags=MS_BIND)
    for link, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        if not os.path.lexists(f"{top}/dev/{link}"):
            os.symlink(f"/proc/self/{target}", f"{top}/dev/{link}")
    os.chdir(top)
    # The old root lies on the new one, and is then taken off.
    call(LIBC.syscall(SYS_PIVOT_ROOT, b".", b"."), "pivot_root")
    call(LIBC.umount2(b".", MNT_DETACH), "umount")
    call(LIBC.sethostname(name.encode(), len(name)), "sethostname")


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def start(command, cwd, extra=None):
    """Become the command, with signals and priority as they are in a fresh login."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    except PermissionError:
        pass  # `nice make test`, and not by root: it cannot be taken back
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    env = {"PATH": "/bin:/sbin:/usr/bin:/usr/sbin", "HOME": "/root", **(extra or {})}
    if os.environ.get("SEED"):
        env["SEED"] = os.environ["SEED"]  # of random tests
    try:
        os.chdir(cwd)
        os.execve(command[0], command, env)
    except OSError as error:
        print(f"{command[0]}: {error}", flush=True)
    finally:
        os._exit(127)


def status_of(pid):
    """Reap whoever ends until this child does. Returns: its exit status as a shell has it."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def inside(top, cwd, command, flags, go, told):
    """In the child: enter the namespaces and run the command there. Tells `told` what failed."""
    try:
        die_with_parent()
        call(LIBC.unshare(flags), "unshare")
        os.write(told, b"u")
        os.read(go, 1)  # until our users have numbers
        if flags & NEWUSER and os.getuid() != int(os.environ["ON_LINUX_UID"]):
            become(0)
        first = os.fork()
        if first:
            os._exit(status_of(first))
        die_with_parent()
        enter(top)
        os.write(told, b"m")
        os.close(told)
        pid = os.fork()
        if pid == 0:
            if not flags & NEWUSER:
                become(NOBODY)
            start(command, cwd)
        os._exit(status_of(pid))
    except OSError as error:
        os.write(told, str(error).encode())
    finally:
        os._exit(1)  # whatever happened: this copy of the program goes no further


def give_numbers(pid, uid, gid):
    """From outside: which user of ours a user in there is."""
    def write(name, text):
        with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as file:
            file.write(text)
    if uid == 0:
        write("uid_map", f"0 {STRANGER} {STRANGERS}")
        write("gid_map", f"0 {STRANGER} {STRANGERS}")
    else:
        write("setgroups", "deny")
        write("uid_map", f"{uid} {uid} 1")
        write("gid_map", f"{gid} {gid} 1")


def give_tree(top, uid):
    for path, dirs, files in os.walk(top):
        for name in [".", *dirs, *files]:
            os.lchown(os.path.join(path, name), uid, uid)


def try_namespaces(top, cwd, command, flags):
    """Returns: the command's exit status, or why it could not be started this way."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        give_tree(top, STRANGER if flags & NEWUSER else NOBODY)
    os.environ["ON_LINUX_UID"] = str(uid or -1)
    (go, going), (telling, told) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(going)
        os.close(telling)
        inside(top, cwd, command, flags, go, told)
    os.close(told)
    os.close(go)
    said = os.read(telling, 1000)
    if said == b"u":
        try:
            if flags & NEWUSER:
                give_numbers(pid, uid, gid)
            os.write(going, b"g")
            said = os.read(telling, 1000)
        except OSError as error:
            os.kill(pid, signal.SIGKILL)
            said = str(error).encode()
    status = status_of(pid)
    return status if said == b"m" else said.decode()


def few_users():
    """Whether this is a container whose users are some of the machine's."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return file.read().split() != ["0", "0", "4294967295"]


def main():
    top, cwd, command = sys.argv[1], sys.argv[2], sys.argv[3:]
    if os.geteuid() == 0 and few_users():
        try:
            give_tree(top, NOBODY)
            become(NOBODY)
        except OSError as error:
            sys.exit(f"root of a namespace in which nobody has no number: {error}")
    root = os.geteuid() == 0
    why = "asked for"
    if not os.environ.get("ON_LINUX_IN_PLACE"):
        for flags in [NEWUSER | NEWNS | REST] + [NEWNS | REST] * root:
            why = try_namespaces(top, cwd, command, flags)
            if isinstance(why, int):
                sys.exit(why)
    print(f"# in place, without namespaces ({why})", flush=True)
    if root:
        give_tree(top, NOBODY)
        become(NOBODY)
    here = [top + command[0], *(top + word if word.startswith("/") else word
                                for word in command[1:])]
    start(here, top + cwd, {"TMPDIR": f"{top}/tmp", "PATH": f"{top}/bin:{top}/usr/bin"})


if __name__ == "__main__":
    main()

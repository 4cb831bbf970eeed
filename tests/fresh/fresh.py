#!/usr/bin/python3
"""README's two commands on freshly installed machines: `make test-fresh [SUITE=sid]`, as root.

    tests/fresh/fresh.py SUITE[:quick]...     (bookworm, trixie, sid)
    tests/fresh/fresh.py --shell SUITE [COMMAND...]   look around in the machine of the last run

Each suite is a minimal Debian in a directory, with git, make and sudo and nothing else, and an
ordinary user who clones this repository's last commit.  `make deps run` must reach a prompt and
leave at `poweroff`; `make deps test` must pass (quick: only its host and in-kernel tests).

What is mounted is mounted in namespaces that end with their processes, so nothing is left behind
however this program ends.  All lies below build/fresh: the suite's tree, its packages, the logs.
The last line is `N passed, N failed`.  Environment: T=word picks tests.
"""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(TOP, "build/fresh")
TALLY = os.path.join(OUT, "tally")
sys.path.insert(0, os.path.join(TOP, "tests/system"))
import on_linux  # noqa: E402

USER, UID = "tester", 1000
MIRROR = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
PACKAGES = "git,make,sudo"
NEWUTS, NEWIPC, NEWPID = 0x4000000, 0x8000000, 0x20000000
INSTALL_SECONDS, TEST_SECONDS = 2400, 3600
PROMPT = rb"[~/]\S* # "


class Failed(Exception):
    """A step did not do what it must."""


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def add(self, ok, name, seconds):
        self.passed, self.failed = self.passed + ok, self.failed + (not ok)
        print(f"{'ok  ' if ok else 'FAIL'}  {name} ({seconds:.0f} s)", flush=True)


def say(text):
    print(f"      {text}", flush=True)


# --- what the host's apt uses ---------------------------------------------------------------


def apt_options():
    """The host's apt settings that it needs to reach its source: proxies, and what it may not check."""
    said = subprocess.run(["apt-config", "dump"], stdout=subprocess.PIPE, text=True, check=True)
    return [line for line in said.stdout.splitlines() if re.match(
        r'Acquire::(https?::(\S+::)?Proxy|Check-(Date|Valid-Until)|Retries|ForceIPv[46])\S* "[^"]', line)]


def sources():
    """Returns: Debian's archive and its security archive, where the host has its packages from."""
    said = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(LABEL)|$(REPO_URI)", "Created-By: Packages"],
        stdout=subprocess.PIPE, text=True, check=False)
    found = dict(reversed([line.split("|", 1) for line in said.stdout.splitlines() if "|" in line]))
    return (found.get("Debian", MIRROR).rstrip("/"),
            found.get("Debian-Security", SECURITY).rstrip("/"))


def source_lines(suite):
    archive, security = sources()
    lines = [f"deb {archive} {suite} main"]
    if suite not in ("sid", "unstable"):
        lines += [f"deb {archive} {suite}-updates main", f"deb {security} {suite}-security main"]
    return lines


# --- a machine ------------------------------------------------------------------------------


class Machine:
    """A directory with a suite of Debian in it."""

    def __init__(self, suite):
        self.suite = suite
        self.root = os.path.join(OUT, suite)
        self.base = os.path.join(OUT, suite + ".tar")
        self.debs = os.path.join(OUT, suite + ".debs")
        os.makedirs(self.debs, exist_ok=True)

    def path(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def log(self, name):
        return os.path.join(OUT, f"{self.suite}-{name}.log")

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def install(self):
        """Unpack a fresh one; the archive of it is kept."""
        if not os.path.exists(self.base):
            say(f"{self.suite}: installing a minimal Debian with {PACKAGES} ({self.log('base')})")
            options = [f"--aptopt={line.rstrip(';')}" for line in apt_options()]
            with open(self.log("base"), "wb") as log:
                done = subprocess.run(
                    ["mmdebstrap", "--mode=root", "--format=tar", "--variant=minbase",
                     f"--include={PACKAGES}", *options, self.suite, self.base + ".new",
                     *source_lines(self.suite)],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
            if done.returncode:
                raise Failed(f"mmdebstrap failed; {self.log('base')} says why")
            os.rename(self.base + ".new", self.base)
        say(f"{self.suite}: a fresh machine in {self.root}")
        remove(self.root)
        os.mkdir(self.root)
        # Devices are mounted, not made.
        subprocess.run(["tar", "-C", self.root, "--exclude=./dev/*", "-xpf", self.base], check=True)
        self.write("etc/apt/apt.conf.d/99host", "\n".join(apt_options()) + "\n")
        self.write("etc/hostname", "fresh\n")
        self.write("etc/hosts", "127.0.0.1 localhost fresh\n")
        self.write("etc/resolv.conf", read("/etc/resolv.conf"))
        subprocess.run(["chroot", self.root, "/usr/sbin/useradd", "-m", "-u", str(UID),
                        "-s", "/bin/bash", USER], check=True)
        self.write(f"etc/sudoers.d/{USER}", f"{USER} ALL=(ALL) NOPASSWD: ALL\n", 0o440)

    def push(self):
        """Bring the last commit into it, for its user to clone."""
        bare = self.path("srv/ringlet.git")
        git = ["git", "-c", "safe.directory=*"]
        subprocess.run([*git, "init", "-q", "--bare", "-b", "main", bare], check=True)
        subprocess.run([*git, "-C", bare, "config", "receive.shallowUpdate", "true"], check=True)
        subprocess.run([*git, "-C", TOP, "push", "-q", bare, "HEAD:refs/heads/main"], check=True)
        subprocess.run(["chown", "-R", f"{UID}:{UID}", bare], check=True)

    def start(self, command, directory):
        """In a new process: become a command of the machine's user. Returns: never."""
        try:
            # A copy of this program must not clean up, or count, in its place.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            on_linux.die_with_parent()
            on_linux.call(on_linux.LIBC.unshare(on_linux.NEWNS | NEWUTS | NEWIPC | NEWPID),
                          "unshare")
            first = os.fork()
            if first:
                os._exit(on_linux.status_of(first))
            on_linux.die_with_parent()
            self.enter()
            pid = os.fork()
            if pid:
                os._exit(on_linux.status_of(pid))
            os.setgroups([UID])
            os.setresgid(UID, UID, UID)
            os.setresuid(UID, UID, UID)
            on_linux.start(["/bin/bash", "-c", command], directory, {
                "HOME": f"/home/{USER}", "USER": USER, "LOGNAME": USER, "SHELL": "/bin/bash",
                "PATH": "/usr/local/bin:/usr/bin:/bin", "TERM": "vt100", "LANG": "C.UTF-8",
                **({"T": os.environ["T"]} if os.environ.get("T") else {})})
        except OSError as error:
            print(error, flush=True)
        finally:
            os._exit(1)

    def enter(self):
        """As the first process of the namespaces: its directory becomes the root directory."""
        on_linux.mount("none", "/", flags=on_linux.MS_REC | on_linux.MS_SLAVE)
        on_linux.mount(self.root, self.root, flags=on_linux.MS_BIND)
        on_linux.mount("tmpfs", self.path("dev"), "tmpfs")
        os.makedirs(self.path("dev/pts"))
        os.makedirs(self.path("dev/shm"))
        on_linux.mount("devpts", self.path("dev/pts"), "devpts", data="newinstance,ptmxmode=0666")
        on_linux.mount("tmpfs", self.path("dev/shm"), "tmpfs", data="mode=1777")
        os.symlink("pts/ptmx", self.path("dev/ptmx"))
        on_linux.mount(self.debs, self.path("var/cache/apt/archives"), flags=on_linux.MS_BIND)
        on_linux.make_root(self.root, "fresh")


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def remove(tree):
    """Remove a machine. Nothing is mounted below it that can be seen from here."""
    real = os.path.realpath(tree)
    for line in read("/proc/self/mounts").splitlines():
        if line.split()[1].startswith(real + "/") or line.split()[1] == real:
            raise Failed(f"{line.split()[1]} is a mount point; it is not removed")
    if os.path.exists(tree):
        shutil.rmtree(tree)


# --- the steps ------------------------------------------------------------------------------


def run(machine, name, command, limit, talk=None, directory=f"/home/{USER}/ringlet"):
    """Run a command on a terminal of the machine's; `talk` answers what was said so far.

    Returns: its whole output. Raises Failed unless it ends by itself with status 0.
    """
    say(f"{machine.suite}: {command} ({machine.log(name)})")
    pid, terminal = pty.fork()
    if pid == 0:
        machine.start(command, directory)
    said, end, status = b"", time.monotonic() + limit, None
    try:
        with open(machine.log(name), "wb") as log:
            while True:
                if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
                    raise Failed(f"{command}: no end after {limit} s; see {machine.log(name)}")
                try:
                    more = os.read(terminal, 65536)
                except OSError:  # the other end is closed
                    break
                if not more:
                    break
                said += more
                log.write(more)
                log.flush()
                answer = talk(said) if talk else None
                if answer:
                    os.write(terminal, answer)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        pid = 0
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)  # and with it the namespaces' first process, and all
            os.waitpid(pid, 0)
        os.close(terminal)
    if status:
        raise Failed(f"{command}: exit status {status}; see {machine.log(name)}")
    return said.decode(errors="replace").replace("\r", "")


class Operator:
    """Types `poweroff` at the first prompt."""

    def __init__(self):
        self.done = False

    def __call__(self, said):
        if self.done or not re.search(PROMPT, said):
            return None
        self.done = True
        return b"poweroff\r"


def boots(machine, _):
    operator = Operator()
    run(machine, "run", "make deps run", INSTALL_SECONDS, operator)
    if not operator.done:
        raise Failed(f"make deps run: no prompt; see {machine.log('run')}")


def tests(machine, tally, goal="test"):
    said = ""
    try:
        said = run(machine, goal, f"make deps {goal}", TEST_SECONDS)
    finally:
        # What they counted counts here, too.
        said = said or read(machine.log(goal))
        found = re.findall(r"^(\d+) passed, (\d+) failed\r?$", said, re.M)
        if found:
            tally.passed += int(found[-1][0])
            tally.failed += int(found[-1][1])
        for line in re.findall(r"^(?:FAIL|skip)  .*", said, re.M):
            say(f"{machine.suite}: {line.rstrip()}")
    if not found or found[-1][0] == "0":
        raise Failed(f"make deps {goal}: no test passed; see {machine.log(goal)}")


def host_tests(machine, tally):
    tests(machine, tally, "test-host")


def kernel_tests(machine, tally):
    tests(machine, tally, "test-kernel")


def clone(machine, _):
    machine.install()
    machine.push()
    run(machine, "clone", "git clone /srv/ringlet.git ringlet", 300, directory=f"/home/{USER}")


def check_suite(tally, suite, quick):
    machine = Machine(suite)
    steps = [("a clone on a fresh machine", clone), ("make deps run reaches a prompt", boots)]
    steps += [("make deps test-host", host_tests), ("make deps test-kernel", kernel_tests)] \
        if quick else [("make deps test", tests)]
    for name, step in steps:
        start = time.monotonic()
        try:
            step(machine, tally)
        except (Failed, OSError, subprocess.CalledProcessError) as error:
            say(str(error))
            tally.add(False, f"fresh {suite}: {name}", time.monotonic() - start)
            if step in (clone, boots):
                return
        else:
            tally.add(True, f"fresh {suite}: {name}", time.monotonic() - start)
    remove(machine.root)


def stop(number, _):
    sys.exit(128 + number)


def cannot():
    """Returns: why machines cannot be made here, or None."""
    if os.geteuid() != 0:
        return "only root may make machines"
    if not shutil.which("mmdebstrap"):
        return "mmdebstrap is missing; 'make deps FRESH=1' installs it"
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "none",
                           "/mnt"], stderr=subprocess.PIPE, text=True, check=False)
    return f"nothing may be mounted here: {done.stderr.strip()}" if done.returncode else None


def main():
    names = sys.argv[1:]
    if not names or not re.fullmatch(r"--shell|[a-z]+(:quick)?", names[0]):
        sys.exit(__doc__)
    os.makedirs(OUT, exist_ok=True)
    why = cannot()
    if why:
        sys.exit(f"test-fresh: {why}")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    if names[0] == "--shell":
        machine = Machine(names[1])
        pid = os.fork()
        if pid == 0:
            machine.start(" ".join(names[2:]) or "bash -i", f"/home/{USER}")
        sys.exit(on_linux.status_of(pid))
    if subprocess.run(["git", "-c", "safe.directory=*", "-C", TOP, "status", "--porcelain"],
                      stdout=subprocess.PIPE, check=True).stdout:
        say("note: what is not committed is not in the clone")
    tally = Tally()
    with open(TALLY, "w", encoding="utf-8") as file:
        file.write("0 passed, 1 failed\n")  # unless this program comes to its end
    for name in names:
        check_suite(tally, *(name.split(":")[0], name.endswith(":quick")))
    last = f"{tally.passed} passed, {tally.failed} failed"
    with open(TALLY, "w", encoding="utf-8") as file:
        file.write(last + "\n")
    print(last, flush=True)
    sys.exit(0 if tally.passed and not tally.failed else 1)


if __name__ == "__main__":
    main()

"""The pristine tree that submissions are laid over: a copy of this tree, built once.

It lies in the workspace and is built again when a source changes. In a student's tree the handed-in
files do not count: they are laid over it anew each time. Graders that run side by side share it
under a lock, and only read it.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess

from . import TOP, Trouble, sandbox

# What a grading reads. Docs and system tests may change without a new base.
PARTS = ("Makefile", "linker.ld", "boot/", "kernel/", "block/", "drivers/", "fs/", "user/",
         "tests/host/", "tests/kernel/", "tests/user/", "tests/virtio/", "tests/fuzz/",
         "tests/names/", "tools/", "labs/labs.mk", "lab/lab.mk")
LAB_CFLAGS = ["-O1", "-DLAB_CASES"]


def tree_files():
    """The tree's files as git knows them, the new ones too."""
    try:
        done = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z", "-co",
                               "--exclude-standard"], cwd=TOP, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise Trouble("this tree is no git repository: its files cannot be told from others") \
            from None
    return [p for p in done.stdout.decode().split("\0")
            if p and os.path.isfile(os.path.join(TOP, p))]


def fingerprint(files):
    total = hashlib.sha256()
    for path in files:
        with open(os.path.join(TOP, path), "rb") as file:
            total.update(path.encode() + b"\0" + hashlib.sha256(file.read()).digest())
    return total.hexdigest()


def copy(files, where):
    for path in files:
        target = os.path.join(where, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(os.path.join(TOP, path), target)
        os.chmod(target, 0o755 if os.access(target, os.X_OK) else 0o644)


def make(where, *goals):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "O", "U", "CC"))}
    done = subprocess.run(["make", "-C", where, "--no-print-directory", *goals], env=env,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"the pristine tree does not build: make {' '.join(goals)}: "
                      + (done.stderr or done.stdout).strip()[-600:])
    return done.stdout


class Base:
    """A built tree: where it is, and how its files are compiled."""

    def __init__(self, where):
        self.where = where
        with open(os.path.join(where, ".flags"), encoding="utf-8") as file:
            lines = dict(line.rstrip("\n").split(" ", 1) for line in file)
        self.kernel_flags = lines["kernel"].split()
        self.host_flags = lines["host"].split()
        self.sets = {k[4:]: v.split() for k, v in lines.items() if k.startswith("set:")}

    def path(self, *parts):
        return os.path.join(self.where, *parts)


def write_flags(where):
    """What make compiles with, asked once: a grading starts no make."""
    kernel = make(where, "print-cflags").strip()
    probe = "".join(f"$(info {k} {v})" for k, v in (("host", "$(HOST_CFLAGS)"),))
    probe += "$(foreach v,$(filter SET_%,$(.VARIABLES)),$(info set:$(v:SET_%=%) $($(v))))"
    done = subprocess.run(["make", "-C", where, "--no-print-directory", "-f", "Makefile", "-f", "-",
                           "labkit-probe"], input=f"labkit-probe:\n\t@:\n{probe}\n",
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"make does not say its flags: {done.stderr.strip()[-300:]}")
    with open(os.path.join(where, ".flags"), "w", encoding="utf-8") as file:
        file.write(f"kernel {kernel}\n{done.stdout}")


def get(lab):
    """The base, made when it is missing or old."""
    own = set(lab.files) if lab.folder == os.path.join(TOP, "lab") else set()
    files = [p for p in tree_files() if p.startswith(PARTS)]
    print_ = fingerprint([p for p in files if p not in own])
    where = os.path.join(sandbox.workspace(), "base")
    os.makedirs(where, exist_ok=True)
    with open(where + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = os.path.join(where, ".fingerprint")
        try:
            with open(mark, encoding="utf-8") as file:
                if file.read() == print_:
                    return Base(where)
        except OSError:
            pass
        keep_build(where)
        copy(files, where)
        make(where, "kernel", "user", "-j2")
        disk = os.path.join(where, "build/labdisk.img")
        done = subprocess.run([os.path.join(where, "tools/mkdisk"), disk, "--size", "16M"],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise Trouble(f"the pristine disk cannot be made: {done.stderr.strip()[-300:]}")
        os.chmod(disk, 0o644)
        write_flags(where)
        with open(mark, "w", encoding="utf-8") as file:
            file.write(print_)
    return Base(where)


def keep_build(where):
    """Remove the old sources, and keep the objects: copies keep their times, so make sees what
    changed."""
    for name in os.listdir(where):
        if name != "build":
            path = os.path.join(where, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    shutil.rmtree(os.path.join(where, "build/case"), ignore_errors=True)

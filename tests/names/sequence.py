"""Random sequences of operations on names, and what Linux makes of each.

The model is a directory of the host's own: each operation runs there first, and its answer is what
Ringlet has to give. What a directory cannot show (a mount, a read-only mount, the end of a machine)
is kept beside it.
"""

import errno
import os
import random
import stat

NAMES = ["a", "b", "c", "d", "a-name-of-" + "many-" * 30 + "letters"]
TOP = "/w"  # on the root disk
MOUNT = TOP + "/m"  # where the second disk comes and goes
DEPTH = 3


class Holder:
    """An open file: in the shell it has a descriptor, in the model one of the host's."""

    def __init__(self, guest_fd, fd, disk, writes):
        self.guest_fd, self.fd, self.disk, self.writes = guest_fd, fd, disk, writes

    def is_orphan(self):
        return os.fstat(self.fd).st_nlink == 0


class Sequence:
    """`lines` is a shell script; `wanted` maps the number of a step to the answers it may have."""

    def __init__(self, seed, workdir, steps=None):
        self.dice = random.Random(seed)
        self.trees = {"root": os.path.join(workdir, "root"), "disk": os.path.join(workdir, "disk")}
        for tree in self.trees.values():
            os.makedirs(tree)
        os.mkdir(os.path.join(self.trees["root"], "m"))
        self.mounted = self.read_only = False
        self.holders, self.cwds = {}, []
        self.lines, self.wanted, self.nr = [], {}, 0
        for _ in range(steps or self.dice.randrange(40, 160)):
            self.step()

    # --- paths ---------------------------------------------------------------------------

    def directories(self, tree, place):
        """The guest's paths of the directories in a tree, links not followed."""
        top = self.trees[tree]
        return [place + where[len(top):] for where, _, _ in sorted(os.walk(top))
                if where.count("/") - top.count("/") < DEPTH]

    def path(self):
        """A path that may or may not exist, never the mount point itself."""
        base = MOUNT if self.dice.random() < 0.5 else TOP
        if self.dice.random() < 0.1:
            names = [self.dice.choice(NAMES) for _ in range(self.dice.randrange(1, DEPTH + 1))]
            return "/".join([base, *names])
        tree = "disk" if base == MOUNT and self.mounted else "root"
        places = self.directories(tree, MOUNT if tree == "disk" else TOP)
        if tree == "root":  # what lies below the mount point is hidden while it is one
            places = [place for place in places if not (self.mounted and place.startswith(MOUNT))]
        return f"{self.dice.choice(places)}/{self.dice.choice(NAMES)}"

    def disk_of(self, path):
        return "disk" if self.mounted and path.startswith(MOUNT + "/") else "root"

    def here(self, path):
        """The model's path."""
        if self.disk_of(path) == "disk":
            return self.trees["disk"] + path[len(MOUNT):]
        return self.trees["root"] + path[len(TOP):]

    # --- steps ---------------------------------------------------------------------------

    def say(self, line, *answers):
        self.lines.append(line.replace("$NR", str(self.nr)))
        self.wanted[self.nr] = answers
        self.nr += 1

    def names(self, op, path, other="", run=None):
        """One operation of tests/user/names.c."""
        if self.disk_of(path) == "disk" and self.read_only and op != "look":
            try:
                dangling = () if os.path.exists(self.here(path)) else ("ENOENT",)
                os.lstat(self.here(path))
                answers = dangling + ("EROFS", "EEXIST", "ENOTDIR", "EISDIR", "EXDEV", "ELOOP",
                                       "ENXIO")
            except OSError as error:
                answers = ("EROFS", errno.errorcode[error.errno])
            if op in ("link", "rename"):
                answers += ("ENOENT", "ENOTDIR", "EEXIST", "EPERM", "ELOOP")
        else:
            try:
                run()
                answers = ("OK",)
            except OSError as error:
                answers = (errno.errorcode[error.errno],)
        self.say(f"/tests/names $NR {op} {path} {other}".rstrip(), *answers)

    def two(self, op, run):
        old, new = self.path(), self.path()
        if self.dice.random() < 0.3:
            new = os.path.join(os.path.dirname(old), self.dice.choice(NAMES))
        read_only = self.read_only and "disk" in (self.disk_of(old), self.disk_of(new))

        def cross():
            # Linux looks at the parents, and for link at the names, before it compares the mounts.
            if op == "link":
                os.lstat(self.here(old))
            else:
                os.stat(os.path.dirname(self.here(old)) + "/.")
            os.stat(os.path.dirname(self.here(new)) + "/.")
            if op == "link" and os.path.lexists(self.here(new)):
                raise OSError(errno.EEXIST, "")
            raise OSError(errno.EXDEV, "")

        if self.disk_of(old) != self.disk_of(new):
            if not read_only:
                self.names(op, old, new, cross)
        elif not read_only or self.disk_of(old) == "disk":
            self.names(op, old, new, lambda: run(self.here(old), self.here(new)))

    def put(self, path, text, flags):
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | flags, 0o644)
        os.write(fd, f"{text}\n".encode())
        os.close(fd)

    def hold(self):
        """Open a file or a directory in the shell, and keep it."""
        path = self.path()
        free = [fd for fd in (4, 5, 6, 7) if fd not in self.holders]
        try:
            mode = os.stat(self.here(path)).st_mode
        except OSError:
            return
        if not free or stat.S_ISFIFO(mode):
            return
        disk, fd = self.disk_of(path), free[0]
        writes = (stat.S_ISREG(mode) and self.dice.random() < 0.6 and
                  not (disk == "disk" and self.read_only))
        model = os.open(self.here(path), os.O_WRONLY | os.O_APPEND if writes else os.O_RDONLY)
        self.holders[fd] = Holder(fd, model, disk, writes)
        self.say(f"exec {fd}{'>>' if writes else '<'}{path} && echo $NR OK", "OK")

    def write_held(self):
        for holder in self.holders.values():
            if holder.writes and self.dice.random() < 0.5:
                os.write(holder.fd, f"{self.nr}\n".encode())
                self.say(f"echo $NR >&{holder.guest_fd} && echo $NR OK", "OK")

    def let_go(self):
        if self.holders:
            fd = self.dice.choice(list(self.holders))
            os.close(self.holders.pop(fd).fd)
            self.say(f"exec {fd}>&- && echo $NR OK", "OK")

    def sit(self):
        """A process whose working directory is there."""
        path = self.path()
        if len(self.cwds) < 3 and os.path.isdir(self.here(path)):
            self.cwds.append(self.disk_of(path))
            self.say(f"cd {path} && {{ sleep 1000 & }}; cd / && echo $NR OK", "OK")

    def mount(self):
        if not self.mounted:
            self.mounted, self.read_only = True, False
            self.say(f"mount -t ext2 /dev/vdb {MOUNT} && echo $NR OK", "OK")
            return
        busy = "disk" in self.cwds or any(h.disk == "disk" for h in self.holders.values())
        self.say(f"if umount {MOUNT} 2>/dev/null; then echo $NR OK; else echo $NR EBUSY; fi",
                 "EBUSY" if busy else "OK")
        self.mounted = busy

    def remount(self):
        if not self.mounted:
            return
        ro = not self.read_only
        busy = ro and any(h.disk == "disk" and (h.writes or h.is_orphan())
                          for h in self.holders.values())
        # A working directory that was removed holds its inode, as an open file does.
        unsure = ro and not busy and "disk" in self.cwds
        if unsure:
            return
        self.say(f"if mount -o remount,{'ro' if ro else 'rw'} {MOUNT} 2>/dev/null; then echo $NR OK; "
                 "else echo $NR EBUSY; fi", "EBUSY" if busy else "OK")
        if not busy:
            self.read_only = ro

    def mount_point(self):
        """A mount point is neither removed nor renamed."""
        if self.mounted:
            self.say(f"/tests/names $NR rmdir {MOUNT}", "EBUSY")
            self.say(f"/tests/names $NR rename {MOUNT} {TOP}/moved", "EBUSY")

    def drop(self):
        self.say("sync; echo $NR OK", "OK")

    def step(self):
        nr, path = self.nr, self.path()
        here = self.here(path)
        steps = {
            "create": (16, lambda: self.names("create", path, nr, lambda: self.put(
                here, nr, os.O_CREAT | os.O_EXCL))),
            "append": (6, lambda: self.names("append", path, nr, lambda: self.put(
                here, nr, os.O_APPEND))),
            "look": (12, lambda: self.names("look", path, run=lambda: os.stat(here))),
            "mkdir": (16, lambda: self.names("mkdir", path, run=lambda: os.mkdir(here))),
            "rmdir": (10, lambda: self.names("rmdir", path, run=lambda: os.rmdir(here))),
            "unlink": (10, lambda: self.names("unlink", path, run=lambda: os.unlink(here))),
            "mkfifo": (2, lambda: self.names("mkfifo", path, run=lambda: os.mkfifo(here))),
            "symlink": (4, lambda: self.names("symlink", path, "b",
                                              lambda: os.symlink("b", here))),
            "link": (8, lambda: self.two("link", lambda a, b: os.link(
                a, b, follow_symlinks=False))),
            "rename": (20, lambda: self.two("rename", os.rename)),
            "hold": (6, self.hold), "write": (4, self.write_held), "let go": (4, self.let_go),
            "sit": (1, self.sit), "mount": (6, self.mount), "remount": (3, self.remount),
            "mount point": (1, self.mount_point), "sync": (1, self.drop),
        }
        kind = self.dice.choices(list(steps), [weight for weight, _ in steps.values()])[0]
        steps[kind][1]()

    def close(self):
        for holder in self.holders.values():
            os.close(holder.fd)
        self.holders = {}

    def script(self, end="poweroff"):
        return "\n".join([f"mkdir -p {MOUNT}", *self.lines, end, ""])


def tree_of(top):
    """The model's tree: path -> (type, bytes or target, the paths that are the same file)."""
    found, files = {}, {}
    for where, dirs, names in os.walk(top):
        for name in dirs + names:
            path = os.path.join(where, name)
            st = os.lstat(path)
            inside = path[len(top):]
            files.setdefault(st.st_ino, []).append(inside)
            content = b""
            if stat.S_ISLNK(st.st_mode):
                content = os.readlink(path).encode()
            elif stat.S_ISREG(st.st_mode):
                with open(path, "rb") as file:
                    content = file.read()
            found[inside] = (stat.S_IFMT(st.st_mode), content, st.st_ino)
    return {path: (kind, content, tuple(sorted(files[ino])))
            for path, (kind, content, ino) in found.items()}

"""A submission compiled: in the sandbox, over the pristine tree, and looked at before it runs."""

import fcntl
import os
import re
import shlex
import shutil
import subprocess

from . import TOP, Trouble, objects, sandbox

CASE_SOURCES = ("tools/labkit/case_main.c",)


def in_tree(source):
    """Whether a handed-in file stands in for one of the tree's."""
    return os.path.exists(os.path.join(TOP, source))


class Failed(Exception):
    """The submission does not build: the message is for the student."""


def trusted(argv, what):
    """Run a compiler on the grader's own sources."""
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise Trouble(f"{what} does not build: {done.stderr.strip()[:1500]}")


def object_name(source):
    return re.sub(r"[^\w.-]", "_", os.path.relpath(source, TOP) if os.path.isabs(source)
                  else source)[:-2] + ".o"


def cases_dir(lab):
    """The objects of the lab's own programs: no submission may read them while it is compiled."""
    return os.path.join(sandbox.workspace(), "cases", lab.name)


def host_sources(base, program):
    """The tree's files that a program links."""
    found = list(program.kernel)
    for name in program.sets:
        if name not in base.sets:
            raise Trouble(f"program {program.name}: tests/host/sets.mk has no set {name}")
        found += base.sets[name]
    return list(dict.fromkeys(found))


def own_objects(base, lab, program):
    """Compile what of a program is the grader's: once, until a source changes. Returns: them."""
    where = os.path.join(cases_dir(lab), program.name)
    os.makedirs(where, exist_ok=True)
    tree = [s for s in host_sources(base, program) if s not in lab.files]
    sources = [base.path(s) for s in (*tree, *CASE_SOURCES)] + program.sources
    flags = host_flags(base, [base.where]) + program.defines + \
        [f"-I{os.path.dirname(s)}" for s in program.sources]
    made = []
    with open(where + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = os.path.join(where, "base")
        stamp = stamp_of(base, lab, flags)
        fresh = os.path.exists(mark) and open(mark, encoding="utf-8").read() == stamp
        for source in sources:
            name = source[len(base.where) + 1:] if source.startswith(base.where) else source
            obj = os.path.join(where, object_name(name))
            made.append(obj)
            if not fresh or not os.path.exists(obj):
                trusted(["gcc", *flags, "-c", "-o", obj, source], name)
        with open(mark, "w", encoding="utf-8") as file:
            file.write(stamp)
    return made


def variant(base, lab, against):
    """The objects of a wrong solution, LAB:WRONG, compiled once. Returns: their paths."""
    from . import spec, wrong
    home, _, name = against.partition(":")
    other = spec.find(home)
    entry = next((w for w in wrong.catalogue(other) if w.name == name), None)
    if not entry:
        raise Trouble(f"lab {home} has no wrong solution {name}")
    where = os.path.join(cases_dir(lab), "against", name)
    os.makedirs(where, exist_ok=True)
    made = []
    with open(where + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for path, text in entry.files.items():
            obj, source = os.path.join(where, object_name(path)), os.path.join(
                where, os.path.basename(path))
            made.append(obj)
            old = open(source, "rb").read() if os.path.exists(source) else None
            if old == text and os.path.exists(obj) and os.path.getmtime(obj) > os.path.getmtime(
                    base.path(".fingerprint")):
                continue
            with open(source, "wb") as file:
                file.write(text)
            trusted(["gcc", *host_flags(base, [base.where]), "-w", "-c", "-o", obj, source], against)
    return made


def reference(lab, source):
    return os.path.join(cases_dir(lab), "reference", object_name(source))


def references(base, lab):
    """Compile the reference's objects, with which a submission's are compared."""
    where = os.path.join(cases_dir(lab), "reference")
    os.makedirs(where, exist_ok=True)
    with open(where + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for source in lab.files:
            obj, path = reference(lab, source), base.path(source)
            if source.endswith(".c") and in_tree(source) and not (
                    os.path.exists(obj) and os.path.getmtime(obj) > os.path.getmtime(
                        base.path(".fingerprint"))):
                trusted(["gcc", *kernel_flags(base, [base.where]), "-w", "-c", "-o", obj, path],
                        source)


def stamp_of(base, lab, flags):
    with open(base.path(".fingerprint"), encoding="utf-8") as file:
        stamp = file.read() + " ".join(flags)
    for program in lab.programs.values():
        for source in program.sources:
            folder = os.path.dirname(source)
            for name in sorted(os.listdir(folder)):
                stamp += f" {name} {os.stat(os.path.join(folder, name)).st_mtime_ns}"
    return stamp


def kernel_flags(base, roots):
    flags = [f for f in base.kernel_flags if f not in ("-I.", "-Ibuild", "-Werror")]
    flags = [base.path(f) if f.startswith("build/") else f for f in flags]
    return flags + [f"-I{r}" for r in roots] + [f"-I{base.path('build')}"]


def host_flags(base, roots):
    flags = [f for f in base.host_flags if not f.startswith("-I")]
    return flags + ["-DLAB_CASES", f"-I{base.path('tests/host/shadow')}"] + \
        [f"-I{r}" for r in roots]


class Build:
    """One submission in a scratch folder: sources, objects, kernel, programs."""

    def __init__(self, base, lab, files):
        self.base, self.lab = base, lab
        self.where = sandbox.scratch()
        self.src = os.path.join(self.where, "src")
        self.warnings = ""
        for path, data in files.items():
            target = os.path.join(self.src, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(data)
        # Tests of the student's own include the lab's public headers.
        for name in os.listdir(lab.path("public")):
            if name.endswith(".h") and not os.path.exists(os.path.join(self.src, name)):
                shutil.copy(lab.path("public", name), self.src)
        self.own(self.where)

    @staticmethod
    def own(path):
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", f"{sandbox.NOBODY}:{sandbox.NOBODY}", path], check=True)

    def remove(self):
        sandbox.remove(self.where)

    def sources(self):
        return [f for f in self.lab.files if f.endswith(".c")]

    def kernel_sources(self):
        """Those that are the kernel's; the others are tests, which only host programs link."""
        return [f for f in self.sources() if in_tree(f)]

    def sandboxed(self, script, readable=()):
        done = sandbox.run(["sh", "-ec", script], self.where, [self.base.where, *readable],
                           cpu=30, memory=1024, files=64, wall=600)
        if done.status is None:
            raise Trouble("the compiler did not end within ten minutes: is this machine overloaded?")
        text = done.out.replace(self.src + "/", "").replace(self.base.where + "/", "")
        return done.status, text

    def compile(self):
        """Every file for the kernel and for host programs.  Raises: Failed."""
        references(self.base, self.lab)
        lines = ["mkdir -p obj host"]
        roots = [self.src, self.base.where]
        for source in self.sources():
            obj = object_name(source)
            path = shlex.quote(os.path.join(self.src, source))
            if in_tree(source):
                lines.append(f"gcc {shlex.join(kernel_flags(self.base, roots))} -c -o obj/{obj} "
                             f"{path}")
            if self.lab.programs:
                lines.append(f"gcc {shlex.join(host_flags(self.base, roots))} -w -c "
                             f"-o host/{obj} {path}")
        status, text = self.sandboxed("\n".join(lines))
        if status:
            raise Failed(text[:3000] or f"the compiler ended with status {status}")
        self.warnings = text
        self.inspect()

    def inspect(self):
        known = self.known_symbols()
        for source in self.kernel_sources():
            obj = object_name(source)
            found, extra = objects.faults(os.path.join(self.where, "obj", obj),
                                          reference(self.lab, source))
            found += [f"it needs {name}, which the kernel does not have for it"
                      for name in sorted(extra) if name not in known
                      and not objects.COMPILER.match(name)]
            if found:
                raise Failed(f"{source}: " + "; ".join(found[:8]))

    def known_symbols(self):
        """What the kernel defines for all: a submission may call any of it."""
        if not hasattr(self.base, "known"):
            out = objects.tool("nm", "-g", "--defined-only", self.base.path("build/ringlet.elf"))
            self.base.known = {line.split()[-1] for line in out.splitlines()}
        return self.base.known

    def link_program(self, program, name="", swap=()):
        """swap: objects of the tree that take the place of others. Returns: the executable's path.
        Raises: Failed."""
        theirs = own_objects(self.base, self.lab, program)
        for obj in swap:
            theirs = [obj if os.path.basename(t) == os.path.basename(obj) else t for t in theirs]
        ours = [f"host/{object_name(s)}" for s in self.sources()
                if s in host_sources(self.base, program)]
        name = name or program.name
        out = os.path.join(self.where, name)
        flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
        status, text = self.sandboxed(shlex.join(
            ["gcc", *flags, "-o", name, *theirs, *ours, "-lcmocka"]),
            [cases_dir(self.lab)])
        if status:
            raise Failed(text[:3000])
        return out

    def link_kernel(self):
        """The kernel with the submission in it. Returns: its path.  Raises: Failed."""
        mine = {object_name(s): s for s in self.kernel_sources()}
        files = []
        for folder, _, names in os.walk(self.base.path("build/obj")):
            for name in names:
                path = os.path.join(folder, name)
                source = os.path.relpath(path, self.base.path("build/obj"))[:-2] + ".c"
                if name.endswith(".o") and object_name(source) not in mine:
                    files.append(path)
        files.sort()
        # linker.ld puts hot functions side by side by the paths of their objects.
        lines = []
        for obj, source in mine.items():
            place = "link/" + source[:-2] + ".o"
            lines.append(f"mkdir -p {os.path.dirname(place)}; cp obj/{obj} {place}")
            files.append(place)
        ld = ["ld", "-T", self.base.path("linker.ld"), "-z", "max-page-size=4096", "-z",
              "noexecstack", "-nostdlib", "-static", "--build-id=none", *files]
        # Twice, as the Makefile does: the symbols of backtraces come from the first link.
        lines += [shlex.join([*ld, "-o", "first.elf", self.base.path("build/ksyms0.o")]),
                  f"nm -n first.elf | {shlex.quote(self.base.path('tools/mksyms'))} >ksyms.asm",
                  "nasm -f elf64 -o ksyms.o ksyms.asm",
                  shlex.join([*ld, "-o", "ringlet.elf", "ksyms.o"])]
        status, text = self.sandboxed("\n".join(lines))
        if status:
            raise Failed(text[:3000])
        return os.path.join(self.where, "ringlet.elf")

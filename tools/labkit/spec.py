"""What a lab is: `lab.toml` and, for the staff alone, `private/cases.toml`.

A lab's folder is labs/NAME in the teacher's tree and lab in a student's. docs/teaching.md
describes each key.
"""

import os
import re
from dataclasses import dataclass, field

from . import TOP, Trouble

try:
    import tomllib
except ImportError:  # Python before 3.11
    import tomli as tomllib

NAME = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
SYMBOL = re.compile(r"[A-Za-z_]\w*\Z")


@dataclass
class Program:
    """A host program: cases in C that run the student's files against fakes."""
    name: str
    sources: list = field(default_factory=list)  # absolute paths
    sets: list = field(default_factory=list)     # of tests/host/sets.mk
    kernel: list = field(default_factory=list)   # paths of the tree
    defines: list = field(default_factory=list)


@dataclass
class Case:
    name: str
    step: str
    points: int
    run: str      # a program's name, or a guest script's
    hint: str     # the likely cause, in a sentence
    hidden: bool
    seconds: int  # of the processor (host), or of the guest's clock
    against: str = ""  # LAB:WRONG, a wrong solution that the student's tests must catch


@dataclass
class Lab:
    name: str
    folder: str
    title: str
    goal: str
    files: list
    holes: dict                                # file: [function]
    drop: list                                 # left out of a student's tree
    stops: list                                # breakpoints of `make gdb`
    steps: dict                                # name: title
    programs: dict                             # name: Program
    scripts: dict                              # name: [absolute paths of guest scripts]
    cases: list
    baseline: int                              # points of the untouched export
    boots: str                                 # what its console says last that counts: a regex

    @property
    def points(self):
        return sum(case.points for case in self.cases)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)


def load(path):
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise Trouble(f"{path}: {error}") from None


class Reader:
    """One file's table, whose keys are asked for by type; what nobody asked for is an error."""

    def __init__(self, path, table, where=""):
        self.path, self.where, self.table = path, where, dict(table)

    def bad(self, what):
        raise Trouble(f"{self.path}: {self.where}{what}")

    def take(self, key, kind, default=None):
        if key not in self.table:
            if default is None:
                self.bad(f"{key} is missing")
            return default
        value = self.table.pop(key)
        if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
            self.bad(f"{key} must be {'a table' if kind is dict else 'a ' + kind.__name__}")
        return value

    def strings(self, key, default=None):
        value = self.take(key, list, default)
        if not all(isinstance(item, str) for item in value):
            self.bad(f"{key} must be a list of strings")
        return value

    def end(self):
        for key in self.table:
            self.bad(f"{key} is no key that is known here")


def inside(reader, key, path):
    """A path of the tree: relative, without a way out of it."""
    if os.path.isabs(path) or ".." in path.split("/"):
        reader.bad(f"{key}: {path} leads out of the tree")
    return path


def read_parts(lab, reader, folder, hidden):
    """Programs, scripts and cases: of lab.toml, or the hidden ones of private/cases.toml."""
    for name, table in reader.take("program", dict, {}).items():
        sub = Reader(reader.path, table, f"program.{name}: ")
        program = lab.programs.setdefault(name, Program(name))
        for source in sub.strings("sources"):
            program.sources.append(os.path.join(folder, inside(sub, "sources", source)))
        program.sets += sub.strings("uses", [])
        program.kernel += [inside(sub, "kernel", p) for p in sub.strings("kernel", [])]
        program.defines += sub.strings("defines", [])
        sub.end()
    for name, source in reader.take("guest", dict, {}).items():
        lab.scripts.setdefault(name, []).append(os.path.join(folder, inside(reader, "guest", source)))
    known = {case.name for case in lab.cases}
    for table in reader.take("case", list, []):
        sub = Reader(reader.path, table, f"case {table.get('name', '?')}: ")
        case = Case(sub.take("name", str), sub.take("step", str), sub.take("points", int),
                    sub.take("run", str), sub.take("hint", str), hidden,
                    sub.take("seconds", int, 10), sub.take("against", str, ""))
        sub.end()
        if not NAME.match(case.name) or case.name in known:
            sub.bad("its name must be new, of small letters, digits and -")
        if case.step not in lab.steps:
            sub.bad(f"there is no step {case.step}")
        if case.run not in lab.programs and case.run not in lab.scripts:
            sub.bad(f"there is no program or guest {case.run}")
        if case.points < 1 or case.seconds < 1:
            sub.bad("points and seconds are at least 1")
        known.add(case.name)
        lab.cases.append(case)
    reader.end()


def read_lab(folder, name):
    path = os.path.join(folder, "lab.toml")
    reader = Reader(path, load(path))
    lab = Lab(name, folder, reader.take("title", str), reader.take("goal", str),
              [inside(reader, "files", f) for f in reader.strings("files")],
              reader.take("holes", dict, {}),
              [inside(reader, "drop", f) for f in reader.strings("drop", [])],
              reader.strings("stops", []), {}, {}, {}, [], reader.take("baseline", int, 0),
              reader.take("boots", str))
    for table in reader.take("step", list):
        sub = Reader(path, table, "step: ")
        lab.steps[sub.take("name", str)] = sub.take("title", str)
        sub.end()
    for file, names in lab.holes.items():
        if file not in lab.files:
            reader.bad(f"holes: {file} is not among the files")
        if not file.endswith(".c"):
            reader.bad(f"holes: {file} is no C file")
        if not isinstance(names, list) or not all(SYMBOL.match(str(n)) for n in names):
            reader.bad(f"holes: {file} wants a list of functions")
    read_parts(lab, reader, lab.path("public"), False)
    private = lab.path("private", "cases.toml")
    if os.path.exists(private):
        read_parts(lab, Reader(private, load(private)), lab.path("private"), True)
    if not lab.cases:
        reader.bad("there is no case")
    return lab


def names():
    """The labs of this tree, by their folders."""
    labs = os.path.join(TOP, "labs")
    if not os.path.isdir(labs):
        return []
    return sorted(n for n in os.listdir(labs) if os.path.exists(os.path.join(labs, n, "lab.toml")))


def find(wanted):
    """A lab by its name, with or without its number; in a student's tree there is one."""
    own = os.path.join(TOP, "lab")
    if os.path.exists(os.path.join(own, "lab.toml")):
        with open(os.path.join(own, "name"), encoding="utf-8") as file:
            return read_lab(own, file.read().strip())
    if not wanted:
        raise Trouble("which lab? LAB= is one of: " + ", ".join(names()))
    hits = [n for n in names() if wanted == n or wanted == n.partition("-")[2]]
    if len(hits) != 1:
        raise Trouble(f"there is no lab {wanted}; there are: " + ", ".join(names()))
    return read_lab(os.path.join(TOP, "labs", hits[0]), hits[0])

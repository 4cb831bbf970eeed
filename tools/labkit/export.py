"""A student's tree, cut from this one: holes in place of the lab's functions, nothing private.

The tree's files are those that git knows. Out stay labs/, what the lab drops, and what only the
teacher's side of the kit needs. leaks() proves that no removed body and no private text is left.
"""

import os
import re
import shutil
import subprocess

from . import TOP, Trouble, base, holes, say

# The teacher's side.
STAFF = ("labs/", "tests/labs/", "docs/teaching.md", ".ci/", "tools/grade-all",
         *(f"tools/labkit/{n}.py" for n in ("check", "export", "wrong", "mutate", "trial", "many", "new")))
WINDOW = 3  # consecutive lines of code that make a leak


def stubs(lab):
    return lab.path("stubs.c")


def student_files(lab):
    drop = STAFF + tuple(lab.drop)
    return [p for p in base.tree_files() if not p.startswith(drop)]


def export(lab, out):
    """Write the tree to a new folder `out`, as one commit."""
    if os.path.exists(out) and os.listdir(out):
        raise Trouble(f"{say(out)} is not empty")
    files = student_files(lab)
    for path in files:
        target = os.path.join(out, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(os.path.join(TOP, path), target)
    for path, names in lab.holes.items():
        with open(os.path.join(out, path), "w", encoding="utf-8") as file:
            file.write(holes.cut(os.path.join(TOP, path), names, stubs(lab)))
    for path in lab.files:
        if not os.path.exists(os.path.join(out, path)):
            template = lab.path("public", os.path.basename(path))
            os.makedirs(os.path.dirname(os.path.join(out, path)), exist_ok=True)
            shutil.copy(template, os.path.join(out, path))
    write_lab(lab, out)
    found = leaks(lab, out)
    if found:
        raise Trouble(f"lab {lab.name} leaks: " + "; ".join(found[:5]))
    commit(lab, out)


def write_lab(lab, out):
    """lab/: the public half; the handout becomes README.md."""
    where = os.path.join(out, "lab")
    os.makedirs(where)
    shutil.copytree(lab.path("public"), os.path.join(where, "public"))
    shutil.copy(lab.path("lab.toml"), where)
    shutil.copy(os.path.join(TOP, "tools/labkit/student.mk"), os.path.join(where, "lab.mk"))
    with open(os.path.join(where, "name"), "w", encoding="utf-8") as file:
        file.write(lab.name + "\n")
    os.replace(os.path.join(out, "README.md"), os.path.join(out, "docs/ringlet.md"))
    shutil.copy(lab.path("handout.md"), os.path.join(out, "README.md"))
    if lab.stops:
        with open(os.path.join(where, "gdbinit"), "w", encoding="utf-8") as file:
            file.writelines(f"break {stop}\n" for stop in lab.stops)


def git(out, *argv):
    env = dict(os.environ, GIT_AUTHOR_NAME="Ringlet", GIT_AUTHOR_EMAIL="ringlet@localhost",
               GIT_COMMITTER_NAME="Ringlet", GIT_COMMITTER_EMAIL="ringlet@localhost")
    subprocess.run(["git", "-c", "safe.directory=*", "-C", out, *argv], check=True, env=env,
                   stdout=subprocess.DEVNULL)


def commit(lab, out):
    git(out, "init", "-q", "-b", "main")
    git(out, "add", "-A", "-f")
    git(out, "commit", "-q", "-m", f"lab {lab.name}: {lab.title}")


# --- what must not be in the tree ----------------------------------------------------------

def essence(text):
    """A text's lines that tell something: no comments, no white space, no lone braces."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    lines = (re.sub(r"\s+", "", re.sub(r"//.*", "", line)) for line in text.split("\n"))
    return [line for line in lines if len(line) > 8]


def windows(lines):
    return {tuple(lines[i:i + WINDOW]) for i in range(len(lines) - WINDOW + 1)}


def bodies(lab):
    """{what: windows of its lines} of all that a student must not find."""
    found = {}
    for path, names in lab.holes.items():
        for name in names:
            found[f"{name} of {path}"] = windows(essence(holes.text(os.path.join(TOP, path), name)))
    private = lab.path("private")
    for folder, _, names in os.walk(private):
        for name in names:
            if name.endswith((".c", ".h", ".py", ".toml")):
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as file:
                    lines = essence(file.read())
                # A table's short lines are alike everywhere; its sentences are not.
                found[say(path)] = {(x,) for x in lines if len(x) > 40} \
                    if name.endswith(".toml") else windows(lines)
    return found


def leaks(lab, out):
    """What of the removed bodies and of the private files stands in the tree."""
    wanted = bodies(lab)
    # What the tree says anyway, with every hole and every private file away, is no leak.
    allowed = set()
    for path in student_files(lab):
        if path.endswith((".c", ".h")) and path not in lab.holes:
            with open(os.path.join(TOP, path), encoding="utf-8") as file:
                allowed |= windows(essence(file.read()))
    found = []
    names = [c.name for c in lab.cases if c.hidden]
    for folder, folders, files in os.walk(out):
        folders[:] = [f for f in folders if f != ".git"]
        for file_name in files:
            path = os.path.join(folder, file_name)
            try:
                with open(path, encoding="utf-8") as file:
                    text = file.read()
            except UnicodeDecodeError:
                continue
            lines = essence(text)
            here = windows(lines) | {(line,) for line in lines}
            where = os.path.relpath(path, out)
            for what, theirs in wanted.items():
                if here & (theirs - allowed if where not in lab.holes else theirs):
                    found.append(f"{where} has text of {what}")
            for name in names:
                if re.search(rf"(?<![\w-])({name}|case_{name.replace('-', '_')})(?![\w-])", text) \
                        and where.startswith("lab/"):
                    found.append(f"{where} names the hidden case {name}")
    return found


def solution(lab):
    """The reference as a patch to the student's tree."""
    import difflib
    text = []
    for path, names in lab.holes.items():
        old = holes.cut(os.path.join(TOP, path), names, stubs(lab)).splitlines(keepends=True)
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            new = file.read().splitlines(keepends=True)
        text += difflib.unified_diff(old, new, "a/" + path, "b/" + path)
    return "".join(text)


def stubbed(lab):
    """{path: bytes} of the handed-in files as the untouched export has them."""
    files = {}
    for path in lab.files:
        full = os.path.join(TOP, path)
        if os.path.exists(full) and path in lab.holes:
            files[path] = holes.cut(full, lab.holes[path], stubs(lab)).encode()
        else:
            source = full if os.path.exists(full) else lab.path("public", os.path.basename(path))
            with open(source, "rb") as file:
                files[path] = file.read()
    return files


def reference(lab):
    """{path: bytes} of the handed-in files as the reference has them."""
    files = {}
    for path in lab.files:
        with open(reference_path(lab, path), "rb") as file:
            files[path] = file.read()
    return files


def reference_path(lab, path):
    """Where the reference of a handed-in file lies: the tree itself, or the lab's private half."""
    own = lab.path("private", "reference", os.path.basename(path))
    return own if os.path.exists(own) else os.path.join(TOP, path)

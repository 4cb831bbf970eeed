"""Functions found in C sources by name, and taken out of them.

Universal Ctags says where each function is. A function that has a stub of the same name in the
lab's stubs.c gets the stub's text; one without is a helper that goes away.
"""

import functools
import json
import os
import subprocess

from . import Trouble


@functools.lru_cache(maxsize=None)
def _functions(path, _stamp):
    try:
        done = subprocess.run(["ctags", "-f", "-", "--output-format=json", "--languages=C,C++",
                               "--langmap=C:.c.h", "--kinds-C=f", "--fields=+ne", path],
                              capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise Trouble("universal-ctags is missing; 'make deps' installs it") from None
    except subprocess.CalledProcessError as error:
        raise Trouble(f"ctags cannot read {path}: {error.stderr.strip()}") from None
    found = {}
    for line in done.stdout.splitlines():
        tag = json.loads(line)
        if tag.get("kind") == "function" and "end" in tag:
            found[tag["name"]] = (tag["line"], tag["end"])
    return found


def functions(path):
    """{name: (first line, last line)} of the functions that a C file defines, from 1."""
    if not os.path.exists(path):
        raise Trouble(f"{path} does not exist")
    stat = os.stat(path)
    return _functions(path, (stat.st_mtime_ns, stat.st_size))


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return file.read().split("\n")


def signature_start(lines, line):
    """The line where a function's type begins: it may stand above its name. From 0."""
    first = line - 1
    while first > 0:
        above = lines[first - 1].strip()
        if not above or above.endswith((";", "}", "*/", ":")) or above.startswith(("#", "//")):
            break
        first -= 1
    return first


def comment_start(lines, first):
    """The line where the comment right above line `first` begins, or `first`. From 0."""
    if first > 0 and lines[first - 1].strip().endswith("*/"):
        top = first - 1
        while top > 0 and "/*" not in lines[top]:
            top -= 1
        if lines[top].strip().startswith("/*") and not lines[top].strip().startswith("/* ---"):
            return top
    while first > 0 and lines[first - 1].strip().startswith("//"):
        first -= 1
    return first


def span(path, name):
    """(comment's first line, signature's first line, line after the end) of a function. From 0."""
    found = functions(path)
    if name not in found:
        raise Trouble(f"{path} has no function {name}")
    line, end = found[name]
    lines = read_lines(path)
    first = signature_start(lines, line)
    return comment_start(lines, first), first, end


def text(path, name):
    """A function without its comment."""
    _, first, end = span(path, name)
    return "\n".join(read_lines(path)[first:end]) + "\n"


def cut(path, names, stubs_path):
    """The file's text with each named function replaced by its stub, or gone."""
    lines = read_lines(path)
    stubs = functions(stubs_path) if os.path.exists(stubs_path) else {}
    for name in sorted(names, key=lambda n: span(path, n), reverse=True):
        comment, first, end = span(path, name)
        if name in stubs:
            stub_comment, stub_first, stub_end = span(stubs_path, name)
            stub = read_lines(stubs_path)[stub_comment:stub_end]
            lines[(comment if stub_comment < stub_first else first):end] = stub
        else:
            if end < len(lines) and not lines[end].strip():
                end += 1
            lines[comment:end] = []
    return "\n".join(lines)


def put(path, name, new):
    """The file's text with one function's text replaced."""
    lines = read_lines(path)
    _, first, end = span(path, name)
    lines[first:end] = new.rstrip("\n").split("\n")
    return "\n".join(lines)

"""The catalogue of wrong solutions: private/wrong.toml, edits of the reference's functions."""

import os
import re
from dataclasses import dataclass

from . import Trouble, export, holes, spec


@dataclass
class Wrong:
    name: str
    what: str     # the mistake, in a sentence
    files: dict   # {path: bytes}
    caught: list  # cases, one of which must fail at least


def catalogue(lab):
    path = lab.path("private", "wrong.toml")
    if not os.path.exists(path):
        return []
    reader = spec.Reader(path, spec.load(path))
    found = [read(lab, spec.Reader(path, table, f"wrong {table.get('name', '?')}: "))
             for table in reader.take("wrong", list)]
    reader.end()
    names = [wrong.name for wrong in found]
    for name in names:
        if names.count(name) > 1:
            reader.bad(f"wrong {name} is there twice")
    return found


def read(lab, sub):
    wrong = Wrong(sub.take("name", str), sub.take("what", str), dict(export.reference(lab)),
                  sub.strings("caught"))
    known = {case.name for case in lab.cases}
    for case in wrong.caught:
        if case not in known:
            sub.bad(f"there is no case {case}")
    folder = sub.take("file", str, "")
    if folder:  # a whole file of its own, for labs whose solution is no hole
        path = lab.path("private", "wrong", folder)
        with open(path, "rb") as file:
            wrong.files[lab.files[0]] = file.read()
        sub.end()
        return wrong
    edits = sub.take("edits", list, [])
    if not edits:
        edits = [{k: sub.take(k, str) for k in ("function", "find", "replace")}]
    for edit in edits:
        apply(lab, wrong, edit, sub)
    sub.end()
    return wrong


def home(lab, function, sub):
    for path, names in lab.holes.items():
        if function in names:
            return path
    for path in lab.files:
        if path.endswith(".c") and function in holes.functions(os.path.join(spec.TOP, path)):
            return path
    return sub.bad(f"no hole is named {function}")


def apply(lab, wrong, edit, sub):
    """Replace one text within one function (the file, if it names none), once. White space in
    `find` stands for any."""
    if not edit["function"]:
        whole = wrong.files[lab.files[0]].decode()
        wrong.files[lab.files[0]] = replaced(whole, edit, "the file", sub).encode()
        return
    path = home(lab, edit["function"], sub)
    whole = wrong.files[path].decode()
    body = holes.text(os.path.join(spec.TOP, path), edit["function"]).rstrip("\n")
    current = body if body in whole else None
    if current is None:  # an edit before this one changed it
        match = re.search(rf"^[^\n]*\b{edit['function']}\([^;]*?^}}", whole, re.M | re.S)
        current = match.group(0) if match else sub.bad(f"{edit['function']} is lost")
    new = replaced(current, edit, edit["function"], sub)
    wrong.files[path] = whole.replace(current, new).encode()


def replaced(current, edit, where, sub):
    pattern = r"\s+".join(re.escape(word) for word in edit["find"].split())
    count = len(re.findall(pattern, current))
    if count != 1:
        sub.bad(f"'{edit['find']}' stands {count} times in {where}")
    new = re.sub(pattern, lambda _: edit["replace"].strip("\n"), current)
    if new == current:
        raise Trouble(f"{sub.where}changes nothing")
    return new

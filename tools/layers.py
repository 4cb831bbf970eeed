"""The layer table of docs/design.md as data, and what the check scripts share."""

import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# folder: (rank, group).  A folder may use folders of lower rank, itself, and those of the same
# rank that share its group.
LAYERS = {
    "kernel/lib": (0, "lib"),
    "kernel/arch": (1, "arch"),
    "kernel/mm": (2, "ground"),
    "kernel/sched": (2, "ground"),
    "drivers/pci": (3, "pci"),
    "block": (3, "block"),
    "block/dm": (4, "dm"),
    "drivers/virtio": (4, "virtio"),
    "drivers/block": (5, "disks"),
    "fs": (5, "fs"),  # the nouns: headers only
    "fs/cache": (6, "cache"),
    "fs/vfs": (7, "vfs"),
    "fs/nodes": (8, "nodes"),
    "fs/pseudo": (9, "pseudo"),
    "fs/aio": (9, "aio"),
    "drivers/char": (9, "char"),
    "fs/ext2": (10, "ext2"),
    "kernel/vm": (11, "vm"),
    "kernel/proc": (12, "proc"),
    "kernel/sys": (13, "sys"),
    "kernel": (14, "main"),
    "boot": (14, "main"),
    "tests/kernel": (14, "main"),
}

# Headers that nobody but main.c, the tests and their own folder includes.
LEAVES = [r"drivers/block/virtio_blk\.h", r"fs/ext2/.*\.h"]

# Code lines (no comments, no blank lines) that a folder may have. A ceiling is lowered freely, and
# raised only with a reason in the commit.
SIZES = {
    "boot": 145,
    "kernel/lib": 1475,
    "kernel/arch": 2250,
    "kernel/mm": 1500,
    "kernel/sched": 1210,
    "kernel/vm": 1140,
    "kernel/proc": 2600,
    "kernel/sys": 2310,
    "block": 2845,
    "block/dm": 750,
    "drivers/pci": 680,
    "drivers/virtio": 1650,
    "drivers/block": 750,
    "drivers/char": 1950,
    "fs": 685,
    "fs/cache": 2410,
    "fs/vfs": 4000,
    "fs/nodes": 900,
    "fs/pseudo": 1380,
    "fs/aio": 625,
    "fs/ext2": 2040,
}
# Files of one folder that need each other, since they are one thing: (folder, file, ...): the
# reason. There are none today.
TOGETHER = {}

FILE_CEILING = 500  # all lines of one file


def folder_of(path):
    """The layer's folder that a path relative to the top lies in."""
    folder = os.path.dirname(path)
    while folder and folder not in LAYERS:
        folder = os.path.dirname(folder)
    return folder


def may_use(user, used):
    """Whether folder `user` may use folder `used`."""
    if user == used:
        return True
    rank, group = LAYERS[user]
    used_rank, used_group = LAYERS[used]
    return used_rank < rank or (used_rank == rank and used_group == group)


def sources(*suffixes, folders=None):
    """Files of the kernel's folders, relative to the top, sorted."""
    found = []
    for folder in folders or LAYERS:
        path = os.path.join(TOP, folder)
        if os.path.isdir(path):
            found += [folder + "/" + name for name in os.listdir(path) if name.endswith(suffixes)]
    return sorted(found)


def read(path):
    """A file's text; its path is relative to the top."""
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def opening_comment(path):
    text = read(path)
    if path.endswith(".asm"):
        return re.match(r"(;.*\n)*", text).group(0)
    match = re.match(r"/\*.*?\*/", text, re.S)
    return match.group(0) if match else ""


def hops_of(path):
    """{hop: function to begin at, or ""} of what a file's opening comment says, as in
    `Path: hop 4 (find_get_page), 14`; empty if it is not on the path."""
    return {hop: name for hops in re.findall(r"^[;* ]+Path: hop (.*)$", opening_comment(path), re.M)
            for hop, name in re.findall(r"([^, ]+)(?: \((\w+)\))?(?:, |$)", hops)}


def reading_order(folder):
    """The names of files in the order that the folder's README tells."""
    text = read(folder + "/README.md") if os.path.exists(f"{TOP}/{folder}/README.md") else ""
    order = re.search(r"^- \*\*Read in this order\*\*: (.*?)^- ", text, re.M | re.S)
    return re.findall(r"`([\w.-]+\.\w+)`", order.group(1)) if order else []


def defines(path, name):
    """Whether the file holds the body of this function."""
    if path.endswith(".asm"):
        return re.search(rf"^{name}:", read(path), re.M)
    if path.endswith(".h"):
        return False
    syscall = rf"|^SYSCALL\({name[4:]}," if name.startswith("sys_") else ""
    return re.search(rf"^[\w][^;\n=(]*\b\*?{name}\((?:[^;{{}}]|\n)*?\)\n{{{syscall}", read(path), re.M)


def symbols(obj):
    """The global symbols that an object defines, and those that it needs."""
    defined, needed = set(), set()
    out = subprocess.run(["nm", "-g", obj], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        kind, name = line.split()[-2:]
        (needed if kind in "Uwv" else defined).add(name)
    return defined, needed


def strip_comments(text):
    """C text without its comments; every line stays."""
    # Strings first, so that a "/*" within one does not open a comment.
    pattern = r'("(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')|/\*.*?\*/|//[^\n]*'
    return re.sub(pattern, lambda m: m.group(1) or "\n" * m.group(0).count("\n"), text, flags=re.S)


def without_comments(path):
    """The text of a C or assembly file without its comments; every line stays."""
    if path.endswith(".asm"):
        return re.sub(r"""("[^"\n]*"|'[^'\n]*')|;[^\n]*""", lambda m: m.group(1) or "", read(path))
    return strip_comments(read(path))


def code_lines(path):
    """Lines that are neither blank nor comment."""
    return sum(1 for line in without_comments(path).splitlines() if line.strip())

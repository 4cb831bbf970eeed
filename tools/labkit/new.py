"""The skeleton of a new lab, and the archive that Gradescope wants."""

import os
import zipfile

from . import TOP, Trouble, base, say, spec

SKELETON = {
    "lab.toml": '''title = "TITLE"
goal = "What a student can do afterwards, in a sentence."
# What is handed in, and the only files that are taken from a submission.
files = ["kernel/lib/bitmap.c"]
# Tests of the tree that would tell the solution.
drop = []
stops = ["bitmap_find_zero"]
# How far the untouched tree boots: a regular expression for its console.
boots = "panic"
# Points of the untouched tree.
baseline = 0

# Whole functions. One with a stub in stubs.c becomes that; one without is a helper that goes away.
[holes]
"kernel/lib/bitmap.c" = ["bitmap_find_zero"]

# Cases in C, linked with the student's files; sets are those of tests/host/sets.mk.
[program.unit]
sources = ["unit.c"]
uses = ["fakes"]
kernel = ["kernel/lib/bitmap.c"]

[[step]]
name = "one"
title = "1. The first step"

[[case]]
name = "first"
step = "one"
points = 5
run = "unit"
hint = "the likely cause, in a sentence"
''',
    "stubs.c": '''size_t bitmap_find_zero(const u64 *map, size_t bits, size_t from)
{
	(void)find_bit;
	(void)map;
	(void)from;
	return bits;
}
''',
    "public/unit.c": '''/* The cases that students see. */
#include "tools/labkit/case.h"

#include "kernel/lib/bitmap.h"

CASE(first)
{
	u64 map[2] = {0};
	size_t wanted = lab_random(100);

	for (size_t i = 0; i < wanted; i++)
		map[i / 64] |= 1ull << i % 64;
	for (size_t from = 0; from <= wanted; from++) {
		size_t got = bitmap_find_zero(map, 128, from);

		CHECK(got == wanted, "from %zu the first zero is bit %zu, and bitmap_find_zero() says %zu",
		      from, wanted, got);
	}
}
''',
    "private/cases.toml": '''# The cases that students do not see: [program.unit] sources = ["hidden.c"], and more [[case]].
''',
    "private/wrong.toml": '''# Real mistakes, each an edit of the reference. caught: the cases of which one must fail.

[[wrong]]
name = "one-too-far"
what = "the search says the bit behind the one that it found"
function = "bitmap_find_zero"
find = 'from, ~0ull'
replace = 'from + 1, ~0ull'
caught = ["first"]
''',
}


def make(name):
    if not spec.NAME.match(name or ""):
        raise Trouble("NAME= wants small letters, digits and -")
    where = os.path.join(TOP, "labs", name)
    if os.path.exists(where):
        raise Trouble(f"{say(where)} is there already")
    for path, text in SKELETON.items():
        target = os.path.join(where, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text.replace("TITLE", name))
    with open(os.path.join(where, "handout.md"), "w", encoding="utf-8") as file:
        file.write(handout(name))
    print(f"{say(where)}: change lab.toml, stubs.c, public/unit.c and handout.md; then\n"
          f"  tools/lab check {name}     is it well?\n"
          f"  tools/lab trial {name}     does it catch what it should?")


def handout(name):
    parts = ("Goal", "What to read", "How to begin", "Step 1", "Hints", "What to try in gdb",
             "Questions", "How it is graded")
    filler = ("Write what a student needs here. Say the goal first, then the one idea behind it, and "
              "where it stands in the specification. Give the command that shows the progress.\n\n")
    return f"# Lab {name}\n\n" + "".join(f"## {part}\n\n{filler}" for part in parts) + filler * 5


# --- Gradescope -----------------------------------------------------------------------------------

SETUP = """#!/bin/sh
# Gradescope runs this once, when the autograder's image is made.
set -e
cd /autograder/source/ringlet
apt-get update -q
apt-get install -q -y make git
tools/deps
git init -q . && git add -A -f && git -c user.name=x -c user.email=x@x commit -q -m x
tools/grade --lab {lab} --quiet || :
"""
RUN = """#!/bin/sh
# Gradescope runs this for every submission. No result file is an error of the autograder, not a score.
cd /autograder/source/ringlet
tools/grade /autograder/submission --lab {lab} --gradescope /autograder/results/results.json
"""


def gradescope(lab, out):
    """A zip with setup.sh, run_autograder and this tree."""
    os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
    with zipfile.ZipFile(out + ".new", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (("setup.sh", SETUP), ("run_autograder", RUN)):
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.external_attr = 0o755 << 16
            archive.writestr(info, text.format(lab=lab.name))
        for path in base.tree_files():
            archive.write(os.path.join(TOP, path), "ringlet/" + path)
    os.replace(out + ".new", out)
    print(f"{say(out)}: upload it as the assignment's autograder")

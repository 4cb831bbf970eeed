"""The kit of the labs: it exports student trees, grades submissions, and grades its own grader.

From below: spec (what a lab is), holes (functions found by name), sandbox, base (a pristine tree
that is built), submission (what a student handed in), host and guest (the two kinds of case),
grade (a whole grading), result and formats (what is shown of it); then export, wrong, mutate and
trial, which the teacher's goals use.
"""

import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Trouble(Exception):
    """One clear line for the user: bad input, or a fault of the grader's own."""


def say(path):
    """The path as a reader sees it: relative to the tree where it lies within."""
    path = os.path.abspath(path)
    return os.path.relpath(path, TOP) if path.startswith(TOP + os.sep) else path

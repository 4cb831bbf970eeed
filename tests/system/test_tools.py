"""The tools that judge: what they count, and what they say when something is missing."""

import importlib.machinery
import importlib.util
import os

import pytest

from ringlet import TOP


def load(name):
    """A script of tools/ as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"),
                                                  os.path.join(TOP, "tools", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("text,passed,failed,said", [
    ("1..1\nok 1 - a\n", 1, 0, "ok    t: a"),
    ("1..1\nnot ok 1 - a\n", 0, 1, "FAIL  t: a"),
    ("1..1\n# no permission\nnot ok 1 # SKIP a\n", 0, 0, "skip  t: a: no permission"),
    ("1..1\nok 1 # SKIP a\n", 0, 0, "skip  t: a: no reason given"),
    ("1..1\nok 1 - a # SKIP no disk\n", 0, 0, "skip  t: a: no disk"),
    ("1..1\nok 1 - skip_a_line\n", 1, 0, "ok    t: skip_a_line"),
])
def test_tap_is_counted(capsys, text, passed, failed, said):
    tally = load("run-tests").Tally()
    assert tally.add_tap("t", text) == (1, 1)
    assert (tally.passed, tally.failed) == (passed, failed)
    assert said in capsys.readouterr().out.splitlines()

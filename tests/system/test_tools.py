"""The tools that judge: what they count, and what they say when something is missing."""

import importlib.machinery
import importlib.util
import os
import subprocess

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


def make_without(tmp_path, missing, *goals):
    """Run make where one tool is missing. Returns: its exit status and what it said."""
    path = tmp_path / "path"
    path.mkdir()
    for folder in ("/usr/bin", "/usr/sbin", "/bin", "/sbin"):
        for name in os.listdir(folder):
            if name != missing and not os.path.lexists(path / name):
                os.symlink(os.path.join(folder, name), path / name)
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    # `tools/deps` looks into /usr/sbin, too, so the missing one is not of there.
    done = subprocess.run(["make", *goals], cwd=TOP, env=dict(env, PATH=str(path)), text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("tool,goals", [("nasm", []), ("musl-gcc", ["run"]),
                                        ("qemu-system-x86_64", ["run"]),
                                        ("qemu-system-x86_64", ["run", "GUI=1"]),
                                        ("grub-mkrescue", ["iso"]), ("cppcheck", ["check"])])
def test_a_missing_tool_is_named(tmp_path, tool, goals):
    status, said = make_without(tmp_path, tool, *goals)
    assert status == 2 and len(said.splitlines()) == 1, said
    assert f"missing: {tool}; run 'make deps'" in said


def test_a_qemu_without_a_window_is_told_apart(tmp_path):
    """It is there, but the package of its windows is not."""
    fake = tmp_path / "qemu"
    fake.write_text("#!/bin/sh\necho none\n")
    fake.chmod(0o755)
    done = subprocess.run(["make", "-C", TOP, "run", "GUI=1", f"QEMU={fake}"], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 2 and "make deps GUI=1" in done.stdout, done.stdout
    assert "missing" not in done.stdout


@pytest.mark.parametrize("werror,status", [("", 0), ("1", 2)])
def test_a_warning_is_an_error_only_when_asked(tmp_path, werror, status):
    """What a newer compiler warns of must not keep anybody from a kernel."""
    header = tmp_path / "new.h"
    header.write_text("#warning a new compiler sees more\n")
    done = subprocess.run(["make", f"O={tmp_path}", f"WERROR={werror}", f"CFLAGS=-include {header}",
                           f"{tmp_path}/obj/kernel/lib/bitmap.o"], cwd=TOP, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    assert done.returncode == status and "sees more" in done.stdout, done.stdout

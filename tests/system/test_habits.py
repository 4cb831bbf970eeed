"""What a contributor's tools do: the hook, the files for editors, and the pages that name files."""

import json
import os
import re
import shutil
import subprocess

import pytest

from ringlet import TOP
from test_tools import make_without

KERNEL = ("boot", "kernel", "block", "drivers", "fs", "tests/kernel")
BAD = "int  badly( void ){return 0;}\n"


class Clone:
    """A repository of this tree's files, whose git knows nothing of its user's settings."""

    def __init__(self, top):
        self.top = top
        self.env = {key: value for key, value in os.environ.items()
                    if not key.startswith(("GIT_", "MAKE"))}
        self.env.update(HOME="/nonexistent", GIT_CONFIG_NOSYSTEM="1")
        self.env.pop("XDG_CONFIG_HOME", None)

    def run(self, *command, top=None):
        """Returns: exit status and all that was said."""
        done = subprocess.run(command, cwd=top or self.top, env=self.env, text=True, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def ok(self, *command, **where):
        status, said = self.run(*command, **where)
        assert status == 0, said
        return said

    def put(self, path, text):
        file = os.path.join(self.top, path)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w", encoding="utf-8") as out:
            out.write(text)

    def hook(self):
        return os.path.join(self.top, ".git/hooks/pre-commit")


@pytest.fixture
def clone(tmp_path):
    made = Clone(str(tmp_path / "a \"clone\""))
    shutil.copytree(TOP, made.top, ignore=shutil.ignore_patterns(
        ".git", "build", "__pycache__", "compile_commands.json", "tags"))
    made.ok("git", "init", "-q")
    made.ok("git", "config", "user.name", "A Tester")
    made.ok("git", "config", "user.email", "tester@localhost")
    made.ok("git", "add", "-A")
    made.ok("git", "commit", "-q", "-m", "all")
    return made


def test_the_hook_checks_what_is_staged_not_what_is_on_disk(clone):
    clone.ok("make", "hooks")
    clone.put("kernel/lib/bad.c", BAD)
    clone.ok("git", "add", "-A")
    clone.put("kernel/lib/bad.c", "/* mended, but not staged */\n")
    status, said = clone.run("git", "commit", "-m", "bad")
    assert status != 0 and "kernel/lib/bad.c" in said and "clang-format -i" in said, said
    clone.ok("git", "add", "-A")
    clone.put("kernel/lib/bad.c", BAD)
    clone.ok("git", "commit", "-m", "good")
    # What was committed badly by another way does not keep anybody from a commit.
    clone.ok("git", "commit", "--no-verify", "-a", "-m", "bad")
    clone.put("kernel/lib/good.c", "/* nothing */\n")
    clone.ok("git", "add", "-A")
    clone.ok("git", "commit", "-m", "good")


def test_the_hook_checks_layers_and_works_in_a_worktree(clone):
    clone.ok("make", "hooks")
    tree = clone.top + " 2"
    clone.ok("git", "worktree", "add", "-q", "-b", "other", tree)
    with open(os.path.join(tree, "kernel/lib/bitmap.c"), "a", encoding="utf-8") as file:
        file.write('#include "kernel/sys/syscall.h"\n')
    status, said = clone.run("git", "commit", "-a", "-m", "above", top=tree)
    assert status != 0 and "kernel/lib (rank 0) includes kernel/sys/syscall.h" in said, said
    assert clone.ok("git", "log", "--format=%s", "other").split() == ["all"]
    # From the worktree it is installed for both, as often as one likes.
    os.unlink(clone.hook())
    assert "git now checks" in clone.ok("make", "hooks", top=tree) + clone.ok("make", "hooks")
    assert os.access(clone.hook(), os.X_OK)


def test_a_hook_of_the_users_own_stays(clone):
    own = "#!/bin/sh\nexit 0\n"
    clone.put(".git/hooks/pre-commit", own)
    status, said = clone.run("make", "-s", "hooks")
    assert status != 0 and "is yours and stays" in said, said
    with open(clone.hook(), encoding="utf-8") as file:
        assert file.read() == own
    os.unlink(clone.hook())
    clone.ok("git", "config", "core.hooksPath", "elsewhere")
    status, said = clone.run("make", "-s", "hooks")
    assert status != 0 and "your hooks from elsewhere" in said, said
    assert not os.path.exists(clone.hook())


def test_compile_commands_name_every_file_and_compile_it(clone):
    clone.ok("make", "compile_commands.json")
    with open(os.path.join(clone.top, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    assert all(entry["directory"] == clone.top for entry in entries)
    commands = {entry["file"]: entry["command"] for entry in entries}
    assert len(commands) == len(entries)
    there = set(clone.ok("git", "ls-files", "*.c", ":!labs/*/stubs.c").split())
    assert any(path.startswith("kernel/") for path in there)
    assert there == set(commands)
    for path in ("kernel/lib/bitmap.c", "user/init.c", "tests/host/fakes/kmalloc.c",
                 "tools/labkit/ring_device.c", "labs/2-virtqueue/private/ring_private.c"):
        clone.ok("sh", "-c", commands[path] + " -o /dev/null")
    assert not clone.ok("git", "status", "--porcelain")


def test_tags_know_functions_and_labels(clone):
    if subprocess.run("ctags --version | grep -q Universal", shell=True, check=False,
                      stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no universal-ctags (make deps)")
    clone.ok("make", "tags")
    with open(os.path.join(clone.top, "tags"), encoding="utf-8") as file:
        found = [line.split("\t")[:2] for line in file]
    assert ["submit_bio", "block/blk-core.c"] in found
    assert ["syscall_entry", "kernel/arch/entry.asm"] in found
    assert not clone.ok("git", "status", "--porcelain")


def test_missing_ctags_are_named(tmp_path):
    status, said = make_without(tmp_path, "ctags", "tags")
    assert status == 2 and "universal-ctags is missing; 'make deps'" in said, said


def test_settings_of_vscode_parse():
    for name in ("settings", "extensions", "tasks", "launch"):
        with open(os.path.join(TOP, f".vscode/{name}.json"), encoding="utf-8") as file:
            assert json.load(file)

def read(page):
    with open(os.path.join(TOP, page), encoding="utf-8") as file:
        return file.read()


LIES = [  # page, what it says, a lie, and what is said of that
    ("README.md", "(docs/design.md)", "(docs/desing.md)", "there is no page docs/desing.md"),
    ("README.md", "make deps run ", "make deps rum ", "make has no goal rum"),
    ("README.md", "#4  start_read (", "#4  start_write (",
     "readahead.c does not define start_write"),
    ("CONTRIBUTING.md", "`host_seed`", "`host_sead`", "nothing is called host_sead"),
    ("docs/glossary.md", "block/blk-plug.c", "block/blk_plug.c",
     "there is no file block/blk_plug.c"),
    ("docs/virtio.md", "virtio_blk_queue.c", "virtblk_queue.c", "there is no file"),
    ("docs/design.md", "`bio_add_page` (block/bio.c)", "`submit_bio` (block/bio.c)",
     "block/bio.c does not define submit_bio"),
    ("docs/design.md", "| 6 | fs/cache |", "| 7 | fs/cache |", "has fs/cache of rank 6"),
    ("docs/design.md", "`readahead=0`", "`readahed=0`", "reads readahead, which no table tells"),
    ("fs/cache/README.md", "`submit_bh`", "`submit_bio`",
     "fs/cache/buffer.c does not define submit_bio"),
    ("fs/cache/README.md", "(direct_io.c)", "(direct.c)", "there is no file fs/cache/direct.c"),
    ("kernel/README.md", "`kernel_main` (main.c)", "`copy_to_iter`",
     "kernel does not define copy_to_iter"),
    ("fs/cache/README.md", "(hop 4)", "(hop 3)", "filemap.c is not of hop 3"),
    ("fs/cache/README.md", "`throttle.c`", "`lru.c`", "throttle.c is on the path, and no reader"),
    ("fs/cache/README.md", "\n- **Below**", "\n" * 9 + "- **Below**", "it has 10 to 20 lines"),
]


def test_pages_name_what_is_there(clone):
    clone.ok("tools/check-docs")
    pages = {}
    for page, old, new, _ in LIES:
        text = pages.get(page) or read(page)
        assert old in text, page
        pages[page] = text.replace(old, new)
    for page, text in pages.items():
        clone.put(page, text)
    os.unlink(os.path.join(clone.top, "fs/aio/README.md"))
    status, said = clone.run("tools/check-docs")
    assert status == 1 and "fs/aio has no README.md" in said
    found = [[line for line in said.splitlines() if line.startswith(page + ": ") and says in line]
             for page, _, _, says in LIES]
    assert all(found), said


def test_the_glossary_is_sorted_and_each_term_is_met_in_its_file():
    lines = [line for line in read("docs/glossary.md").splitlines() if line.startswith("- ")]
    terms = [re.fullmatch(r"- \*\*(.+?)\*\*: .+ \(`(\S+)`\)", line) for line in lines]
    assert len(lines) > 50 and all(terms), [l for l, t in zip(lines, terms) if not t]
    names = [term[1].lower() for term in terms]
    assert names == sorted(set(names))
    lost = [term[1] for term in terms
            if re.sub(r"[\W_]", "", term[1].lower())
            not in re.sub(r"[\W_]", "", read(term[2]).lower())]
    assert not lost


def test_the_path_is_walked_hop_by_hop_and_held(clone):
    walked = clone.ok("make", "path")
    hops = [line.split()[0] for line in walked.splitlines()[1:] if line[0] != " "]
    assert list(dict.fromkeys(hop.strip("'") for hop in hops)) == [str(n) for n in range(1, 15)]
    for hop, file, function in (("1", "kernel/arch/entry.asm", "syscall_entry"),
                                ("12", "drivers/virtio/virtqueue.c", "virtqueue_add"),
                                ("4", "fs/cache/filemap.c", "find_get_page"),
                                ("5", "fs/cache/filemap_rw.c", "generic_perform_write"),
                                ("14", "fs/cache/filemap.c", "end_page_writeback")):
        assert re.search(rf"^{hop} +{file} +\d*  {function}$", walked, re.M), walked

    throttle = os.path.join(clone.top, "fs/cache/throttle.c")
    with open(throttle, encoding="utf-8") as file:
        text = file.read()
    for wrong, says in ((text.replace("Path: hop 5", "Path: hop 15"), "there is no hop 15"),
                        (text.replace("Path: hop 5", "Path: hop 5 (no_such)"),
                         "hop 5 begins at no_such, which is not there"),
                        (text.replace(" * Path: hop 5\n", ""), "throttle.c: its opening comment"),
                        (text + "int x;\n" * 9000, "it stays under 9000")):
        clone.put("fs/cache/throttle.c", wrong)
        status, said = clone.run("tools/path", "--check")
        assert status == 1 and says in said, said

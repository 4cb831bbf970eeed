"""`make put`, `get` and `fsck`: files into the disk and out of it; and dynamically linked programs."""

import os
import re
import stat
import subprocess

import pytest

from disks import noise
from ringlet import TOP, debugfs, fsck, read_back, sh

TOOL = os.path.join(TOP, "tools/disk")
HELLO = """
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
static __thread int mine = 40;
int main(int argc, char **argv)
{
	volatile double one = 1;
	char *text = malloc(300000);
	mine += argc;
	sprintf(text, "hello %s %d %.3f", argv[1], mine, cos(one));
	puts(getauxval(AT_BASE) && getauxval(AT_ENTRY) ? text : "no loader");
	free(text);
	return 0;
}
"""
SAID = "hello you 42 0.540"


def build(tmp_path, name, cc="gcc", *options):
    source = tmp_path / "hello.c"
    source.write_text(HELLO)
    program = tmp_path / name
    sh(cc, "-O1", "-o", str(program), str(source), "-lm", *options)
    return str(program)


def make(*words):
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(["make", "-s", "-C", TOP, *words], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, env=env, check=False)


def tool(*words, status=0):
    done = subprocess.run([TOOL, *map(str, words)], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, check=False)
    assert done.returncode == status, done.stdout
    return done.stdout


def image_bytes(disk):
    with open(disk, "rb") as file:
        return file.read()


def test_a_program_of_ones_own(boot, make_disk, tmp_path):
    disk = make_disk()
    program = build(tmp_path, "hello")
    done = make("put", f"FILE={program}", f"DISK={disk}")
    assert done.returncode == 0 and "/root/hello" in done.stdout and "libc.so.6" in done.stdout
    fsck(disk)
    m = boot(disks=[disk]).login()
    assert SAID in m.ok("./hello you")
    # The loader may be run by hand: then it is the program, and no loader was needed for that.
    assert "no loader" in m.ok("/lib64/ld-linux-x86-64.so.2 /root/hello you")
    m.ok("./hello you > /root/said; ln -s said /root/link")
    refused = make("get", "FILE=/root/said", f"DISK={disk}", f"AS={tmp_path}/early")
    assert refused.returncode != 0 and "in use" in refused.stdout
    before = image_bytes(disk)
    for words in (["put", disk, program, "/x"], ["fsck", disk]):
        assert "in use" in tool(*words, status=1)
    assert image_bytes(disk) == before
    m.poweroff()
    fsck(disk)
    done = make("get", "FILE=/root/link", f"DISK={disk}", f"AS={tmp_path}/said")
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "said").read_text() == SAID + "\n" and not (tmp_path / "early").exists()


@pytest.mark.parametrize("kind", ["musl", "no-pie", "library"])
def test_other_dynamic_programs(boot, make_disk, tmp_path, kind):
    disk = make_disk()
    if kind == "library":  # one that lies where no loader looks by itself
        (tmp_path / "mine.c").write_text("const char *mine(void) { return \"from a library\"; }\n")
        (tmp_path / "main.c").write_text(
            "#include <stdio.h>\nconst char *mine(void);\n"
            "int main(void) { return puts(mine()) < 0; }\n")
        (tmp_path / "libs").mkdir()
        sh("gcc", "-shared", "-fPIC", "-o", f"{tmp_path}/libs/libmine.so", f"{tmp_path}/mine.c")
        sh("gcc", "-o", f"{tmp_path}/hello", f"{tmp_path}/main.c", f"-L{tmp_path}/libs", "-lmine",
           f"-Wl,-rpath,{tmp_path}/libs")
        program, wanted = f"{tmp_path}/hello", "from a library"
    else:
        program = build(tmp_path, "hello", *(["musl-gcc"] if kind == "musl" else
                                             ["gcc", "-no-pie", "-Wl,-z,now"]))
        wanted = SAID
    tool("put", disk, program, "/bin/hello")
    m = boot(disks=[disk]).login()
    assert wanted in m.ok("hello you")
    m.poweroff()
    fsck(disk)


def test_without_its_loader(shell, tmp_path):
    with open(build(tmp_path, "hello"), "rb") as file:
        m = shell(files={"hello": file.read()})
    output, status = m.run("/tests/hello you")
    assert status == 127 and "not found" in output
    assert len(re.findall(r"exec: /tests/hello: .*interpreter /lib64/ld-linux", m.output())) == 1


def test_put_makes_directories_keeps_modes_and_replaces(make_disk, tmp_path):
    disk = make_disk()
    source = tmp_path / "it's a \"file\""
    for text, mode in (("one\n", 0o640), ("two" * 100000, 0o755), ("", 0o444)):
        source.write_text(text)
        source.chmod(mode)
        tool("put", disk, source, "/a/b c/f")
        assert read_back(disk, "/a/b c/f").decode() == text
        assert f"Mode:  {mode:04o}" in debugfs(disk, 'stat "/a/b c/f"')
        source.chmod(0o644)
    tool("put", disk, source, "/a")
    tool("get", disk, '/a/it\'s a "file"', tmp_path / "back")
    assert (tmp_path / "back").read_text() == ""
    # A link is replaced, not what it leads to; directories are followed.
    busybox = read_back(disk, "/bin/busybox")
    source.write_text("mine")
    tool("put", disk, source, "/bin/ls")
    sh("debugfs", "-w", "-R", "symlink /there /a", disk)
    tool("put", disk, source, "/there/deep/er/")
    assert read_back(disk, "/bin/busybox") == busybox and read_back(disk, "/bin/ls") == b"mine"
    assert read_back(disk, f"/a/deep/er/{source.name}".replace('"', '""')) == b"mine"
    fsck(disk)
    # Neither the shell nor debugfs, to which <2> is the root directory, reads more into a name.
    source = tmp_path / "it's <2>"
    for text in ("one", "two"):
        source.write_text(text)
        done = make("put", f"FILE={source}", f"DISK={disk}", "AS=/<2>")
        assert done.returncode == 0, done.stdout
        tool("put", disk, source, "/root/<12>")
        assert read_back(disk, "/<2>") == read_back(disk, "/root/<12>") == text.encode()
        fsck(disk)
    assert make("get", "FILE=/<2>", f"DISK={disk}", f"AS={tmp_path}/'").returncode == 0
    assert (tmp_path / "'").read_text() == "two"
    assert "255 bytes" in tool("put", disk, source, "/" + "n" * 256, status=1)
    for where in ("/bin/busybox/x", "relative", "/a/../b", "/dev/."):
        tool("put", disk, source, where, status=0 if where == "/dev/." else 1)
    for what in ("/bin", "/nothing", "/proc/self"):
        assert "on the disk is" in tool("get", disk, what, tmp_path / "no", status=1)
    assert not (tmp_path / "no").exists()
    fsck(disk)


def test_a_new_disk_and_a_file_into_it(make_disk, tmp_path):
    """Two goals that would take each other's work away, did they not take turns."""
    disk = make_disk(empty=True)
    file = tmp_path / "it's $(HOME)"
    file.write_text("here\n")
    for _ in range(2):
        done = make("-j4", "disk", "put", f"DISK={disk}", "SIZE=32M",
                    "FILE=" + str(file).replace("$", "$$"), "AS=/root/it's")
        assert done.returncode == 0, done.stdout
        assert read_back(disk, "/root/it's") == b"here\n"
    fsck(disk)


def test_a_full_disk_stays_as_it_was(make_disk, tmp_path):
    disk = make_disk(size="8M")
    big, small = tmp_path / "big", tmp_path / "small"
    big.write_bytes(noise(9 << 20))
    small.write_text("small")
    tool("put", disk, small, "/root/f")
    before, names = image_bytes(disk), sorted(os.listdir(tmp_path))
    for where in ("/root/f", "/new/dir/g"):
        assert "full" in tool("put", disk, big, where, status=1)
    assert image_bytes(disk) == before and sorted(os.listdir(tmp_path)) == names
    # Nor does a program whose library is not here leave half of itself.
    missing = tmp_path / "missing"
    (tmp_path / "n.c").write_text("int main(void) { return 0; }\n")
    sh("gcc", "-o", missing, tmp_path / "n.c", "-Wl,--dynamic-linker=/no/loader")
    assert "/no/loader" in tool("put", disk, missing, status=1)
    assert image_bytes(disk) == before


def test_back_from_not_cleanly_unmounted(boot, make_disk, tmp_path):
    disk = make_disk()
    source = tmp_path / "f"
    source.write_text("f")
    m = boot(disks=[disk]).login()
    m.ok("echo kept > /root/kept; sync; rm /root/kept; echo more > /root/more; sync; echo x > /y")
    m.kill()
    assert "make fsck" in tool("put", disk, source, status=1)
    m = boot(disks=[disk]).login()
    assert "not cleanly unmounted, or has errors: run e2fsck (make fsck," in m.output()
    m.kill()
    done = make("fsck", f"DISK={disk}")
    assert done.returncode == 0, done.stdout
    tool("put", disk, source)
    fsck(disk)
    assert make("fsck", f"DISK={disk}").returncode == 0
    m = boot(disks=[disk]).login()
    assert "not cleanly" not in m.output() and m.ok("cat /root/more /root/f") == "more\nf"
    m.poweroff()


def test_what_is_no_disk(tmp_path):
    image = tmp_path / "zeros.img"
    sh("truncate", "-s", "16M", str(image))
    assert "no ext2" in tool("put", image, __file__, status=1)
    assert "no ext2" in tool("fsck", image, status=1)
    assert "no regular file" in tool("fsck", "/dev/null", status=1)
    assert "no such file" in tool("put", image, tmp_path / "none", status=1)
    tool("get", tmp_path / "none", "/x", status=1)


def test_a_filesystem_in_a_partition(tmp_path):
    image = tmp_path / "parts.img"
    sh("truncate", "-s", "16M", str(image))
    subprocess.run(["sfdisk", "-q", str(image)], input="2048,16384,L\n", text=True, check=True)
    sh("mke2fs", "-q", "-F", "-t", "ext2", "-E", "offset=1048576", str(image), "8M")
    before = os.stat(image).st_mode
    tool("put", image, __file__, "/here.py")
    tool("get", image, "/here.py", tmp_path / "back")
    with open(__file__, "rb") as file:
        assert (tmp_path / "back").read_bytes() == file.read()
    tool("fsck", image)
    assert stat.S_IMODE(before) == stat.S_IMODE(os.stat(image).st_mode)

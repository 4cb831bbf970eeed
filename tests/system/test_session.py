"""The shell session of the first journey: as on Linux, and kept on the disk."""

import os
import re
import stat
import time

import pytest

from on_linux import BUSYBOX, World
from ringlet import SECONDS, debugfs, fsck, read_back, read_back_tree, sh

SESSION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "session.sh")
DISKS = [(1024, 128), (2048, 256), (4096, 256)]


def compare_trees(wanted, got):
    """Both trees have the same names, types, modes, targets and bytes."""

    def names(top):
        return sorted(os.path.relpath(os.path.join(path, name), top)
                      for path, dirs, files in os.walk(top) for name in dirs + files)

    assert names(got) == names(wanted)
    for name in names(wanted):
        a, b = os.path.join(wanted, name), os.path.join(got, name)
        sa, sb = os.lstat(a), os.lstat(b)
        assert stat.S_IFMT(sa.st_mode) == stat.S_IFMT(sb.st_mode), name
        if stat.S_ISLNK(sa.st_mode):
            assert os.readlink(a) == os.readlink(b), name
            continue
        # debugfs copies the permission bits only; the rest is in what the session printed.
        assert oct(sa.st_mode & 0o777) == oct(sb.st_mode & 0o777), name
        if stat.S_ISREG(sa.st_mode):
            with open(a, "rb") as fa, open(b, "rb") as fb:
                assert fa.read() == fb.read(), f"{name} differs"


@pytest.mark.parametrize("block,inode", DISKS)
def test_session_is_as_on_linux(boot, make_disk, tmp_path, block, inode):
    with open(SESSION, encoding="utf-8") as file:
        script = file.read()
    with World(files={"tests/session.sh": script}) as linux:
        wanted, status = linux.run("/bin/sh", "/tests/session.sh", cwd="/work")
        assert status == 0, wanted
        session_in_ringlet(boot, make_disk, tmp_path, block, inode, script, wanted, linux)


def session_in_ringlet(boot, make_disk, tmp_path, block, inode, script, wanted, linux):
    disk = make_disk(files={"session.sh": script}, block=block, inode=inode, size="96M")
    m = boot(disks=[disk]).login()
    m.ok("mkdir /work; cd /work")
    m.ok("sh /tests/session.sh > /said 2>&1 < /dev/null", timeout=600)
    m.ok("cd /; sync")
    m.poweroff()
    fsck(disk)
    assert read_back(disk, "/said").decode(errors="replace") == wanted
    compare_trees(linux.path("/work"), read_back_tree(disk, "/work", str(tmp_path / "ringlet")))


def test_revision_0_disk(boot, make_disk):
    disk = make_disk(rev=0)
    assert re.search(r"revision #: *0 ", sh("dumpe2fs", "-h", disk))
    m = boot(disks=[disk]).login()
    m.ok("mkdir /d; echo old > /d/f; ln -s f /d/l; mv /d/f /d/g")
    m.poweroff()
    fsck(disk)
    assert read_back(disk, "/d/g") == b"old\n"


@pytest.mark.parametrize("rev", [0, 1])
def test_first_file_of_2_gib(boot, make_disk, rev):
    disk = make_disk(rev=rev)
    if rev:
        sh("debugfs", "-w", "-R", "feature -large_file", disk)
    assert "large_file" not in debugfs(disk, "stats")
    m = boot(disks=[disk]).login()
    m.ok("dd if=/etc/passwd of=/big bs=1k count=1 seek=3M && sync && tail -c 10 /big")
    m.poweroff()
    fsck(disk)
    said = debugfs(disk, "stats")
    assert "large_file" in said and re.search(r"Filesystem revision #: *1 ", said)
    assert int(re.search(r"Size: (\d+)", debugfs(disk, "stat /big")).group(1)) > 3 << 30
    m = boot(disks=[disk]).login()
    assert m.ok("tail -c 30 /big") in m.ok("cat /etc/passwd")


def test_looking_around(shell):
    m = shell()
    assert "lost+found" in m.ok("ls -la /")
    assert "ringlet" in m.ok("uname -a").lower()
    assert "x86_64" in m.ok("uname -m")
    assert "/dev/vda" in m.ok("df")
    assert " / ext2 rw" in m.ok("cat /proc/mounts")
    assert "/dev/vda on / type ext2" in m.ok("mount")
    assert "sh" in m.ok("ps")
    top = m.ok("top -bn1")
    assert "Mem:" in top and "init" in top
    assert "load average" in m.ok("uptime")
    assert "20" in m.ok("date +%Y")
    assert "real" in m.ok("time true")
    dump = m.ok("hexdump -C /dev/vda | head -n 3")
    assert "00000000" in dump
    magic = m.ok("dd if=/dev/vda bs=1 skip=1080 count=2 2>/dev/null | hexdump -C")
    assert "53 ef" in magic
    assert "root" in m.ok("id") and "/bin/sh" in m.ok("cat /etc/passwd")
    for name in ("null", "zero", "random", "urandom", "tty", "console", "vda"):
        m.ok(f"ls -l /dev/{name}")
    m.ok("head -c 100 /dev/urandom | wc -c")
    m.poweroff()
    fsck(m.disk)


def test_device_nodes_and_owners(shell):
    m = shell()
    m.ok("mkdir /n; cd /n; mknod z c 1 5; mknod b b 254 0; mkfifo p")
    m.ok("touch f; chown 1000:100 f; chmod 4711 f; sync")
    assert "1000 100 4711" in m.ok("stat -c '%u %g %a' f")
    assert "00000000  00 00 00 00" in m.ok("head -c 4 z | hexdump -C")
    m.ok("cd /")
    m.poweroff()
    fsck(m.disk)
    said = debugfs(m.disk, "ls -l /n")
    assert "104711" in said and "20644" in said and "60644" in said and "10644" in said


def test_permissions(shell):
    script = """touch /tmp/secret; chmod 600 /tmp/secret; mkdir -m 755 /tmp/mine
su nobody -s /bin/sh -c 'cat /tmp/secret; echo $?; touch /tmp/mine/x; echo $?; id -u'
"""
    m = shell(files={"perm.sh": script})
    said = m.ok("sh /tests/perm.sh")
    assert said.count("Permission denied") == 2 and "65534" in said


def test_second_disk(boot, make_disk):
    first = make_disk()
    second = make_disk(name="second.img", empty=True, block=4096, inode=256,
                       files={"hello": "hello from the second disk\n"}, where="/")
    m = boot(disks=[first, second]).login()
    m.ok("mount -t ext2 /dev/vdb /mnt")
    assert "hello from the second disk" in m.ok("cat /mnt/hello")
    m.ok("cp -a /bin/busybox /mnt/; echo new > /mnt/new")
    output, status = m.run("cd /mnt && umount /mnt")
    assert status != 0 and "busy" in output
    m.ok("cd /; umount /mnt; test ! -e /mnt/hello")
    m.poweroff()
    fsck(first)
    fsck(second)
    assert read_back(second, "/new") == b"new\n"
    with open(BUSYBOX, "rb") as file:
        assert read_back(second, "/busybox") == file.read()


def test_files_are_there_after_the_next_boot(boot, make_disk):
    disk = make_disk()
    m = boot(disks=[disk]).login()
    m.ok("mkdir /kept; seq 1 50000 > /kept/numbers; echo name > '/kept/a name'")
    before = m.ok("md5sum /kept/numbers")
    m.poweroff()
    fsck(disk)
    m = boot(disks=[disk], machine="q35").login()
    assert m.ok("md5sum /kept/numbers") == before
    assert "name" in m.ok("cat '/kept/a name'; rm -r /kept; ls /")
    m.poweroff()
    fsck(disk)


def test_sync_is_enough_to_survive_a_killed_machine(boot, make_disk):
    disk = make_disk()
    m = boot(disks=[disk]).login()
    m.ok("seq 1 20000 > /kept; sync")
    m.kill()
    wanted = "".join(f"{n}\n" for n in range(1, 20001)).encode()
    assert read_back(disk, "/kept") == wanted


def test_old_data_is_written_back_by_itself(boot, make_disk):
    disk = make_disk()
    m = boot(disks=[disk]).login()
    m.ok("echo patience > /kept")
    end = time.monotonic() + SECONDS
    while read_back(disk, "/kept", missing=b"") != b"patience\n":
        assert time.monotonic() < end, "not written back"
        time.sleep(1)

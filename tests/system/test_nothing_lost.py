"""Nothing is lost and nothing leaks: sequences of everyday commands, after which e2fsck must find
no fault, whatever the filesystem's state says."""

import json

from disks import faulty
from ringlet import COUNTS, debugfs, fsck


def state(image):
    lines = debugfs(image, "stats -h").splitlines()
    return next(line.split(":")[1].strip() for line in lines if line.startswith("Filesystem state"))


# Each leaves deleted files behind that somebody still has: a failed look-up, a working directory,
# a program that runs, a file that stays open.
ORPHANS = """#!/bin/sh
# orphans DIR
cd $1 || exit 1
mkdir d e f; test -e d/missing; rmdir d
test -e f/missing; mv -T e f
cp /bin/busybox busybox-runs; ./busybox-runs sleep 1000 &
until [ "`readlink /proc/$!/exe`" = $1/busybox-runs ]; do :; done; rm busybox-runs
(exec 3>open; rm open; dd if=/dev/zero bs=64k count=20 >&3 2>/dev/null; sleep 1000) &
mkdir cwd; (cd cwd; rmdir ../cwd; exec sleep 1000) &
mkdir chain chain/cwd; (cd chain/cwd; rmdir ../../chain/cwd; rmdir ../../chain; exec sleep 1000) &
i=0; while [ -e cwd ] || [ -e chain ] || [ -e open ]; do i=$((i + 1)); done
"""


def test_poweroff_frees_what_was_deleted(shell, make_disk):
    second = make_disk(name="second", empty=True)
    m = shell(files={"orphans": ORPHANS}, more_disks=[second])
    m.ok("mount -t ext2 /dev/vdb /mnt")
    for where in "/root", "/mnt":
        m.ok(f"/tests/orphans {where}")
    m.type("poweroff")
    assert m.wait_exit() == 0
    for disk in m.disk, second:
        assert state(disk) == "clean"
        fsck(disk)


def test_forced_poweroff_frees_what_was_deleted(shell, make_disk):
    """Nobody but the kernel ends the processes, init and the caller among them."""
    second = make_disk(name="second", empty=True)
    m = shell(files={"orphans": ORPHANS}, more_disks=[second])
    m.ok("mount -t ext2 /dev/vdb /mnt")
    for where in "/root", "/mnt":
        m.ok(f"/tests/orphans {where}")
    m.ok("cp /sbin/init /sbin/init2; mv /sbin/init2 /sbin/init")
    m.ok("exec 4>/root/shell; rm /root/shell; echo x >&4")
    m.type("poweroff -f")
    assert m.wait_exit() == 0, m.tail()
    assert "do not end" not in m.output()
    for disk in m.disk, second:
        assert state(disk) == "clean"
        fsck(disk)


def test_removed_directories_are_free_at_once(shell, make_disk):
    second = make_disk(name="second", empty=True, size="2M")
    loop = "for i in $(seq 3000); do mkdir d && test ! -e d/no && rmdir d || exit 1; done"
    m = shell(files={"loop": f"cd /mnt; {loop}\n"}, more_disks=[second])
    m.ok("mount -t ext2 /dev/vdb /mnt; sh /tests/loop")
    m.ok("mount -o remount,ro /mnt")
    fsck(second)
    m.poweroff()
    fsck(m.disk)


def slow(image, *rules, bytes_per_s=2 << 20):
    """QEMU's arguments for a disk that writes slowly, and fails as blkdebug's rules say."""
    disk = {"driver": "file", "filename": str(image)}
    if rules:
        disk = {"driver": "blkdebug", "image": disk,
                "inject-error": [dict({"event": "none", "errno": 5}, **rule) for rule in rules]}
    node = {"driver": "throttle", "throttle-group": "slow", "node-name": "slow",
            "file": {"driver": "raw", "file": disk}}
    return ["-object", f"throttle-group,id=slow,x-bps-write={bytes_per_s}",
            "-blockdev", json.dumps(node), "-device",
            "virtio-blk-pci,drive=slow,disable-legacy=on,werror=report,rerror=report"]


WALKING = "until grep -q 'Writeback: *[1-9]' /proc/meminfo; do :; done"


def test_umount_waits_for_who_syncs(shell, make_disk):
    """Another's sync is in the middle of the filesystem while it is unmounted."""
    second = make_disk(name="second", empty=True)
    m = shell(args=slow(second))
    m.ok("mount -t ext2 /dev/vdb /mnt; dd if=/dev/urandom of=/mnt/f bs=1M count=6")
    m.ok("md5sum </mnt/f >/sum; sync /sum; touch /root/busy")
    m.ok(f"(sync; rm /root/busy) & {WALKING}")
    # Claims the device for itself, so nobody may have it any more.
    m.ok("umount /mnt && blockdev --setbsz 512 /dev/vdb")
    m.ok("mount -t ext2 /dev/vdb /mnt; md5sum </mnt/f | cmp - /sum; umount /mnt")
    assert state(second) == "clean"
    fsck(second)
    m.poweroff()


def test_umount_tells_what_was_lost(shell, make_disk):
    """The write that fails is under way by another's sync when umount begins."""
    second = make_disk(name="second", empty=True)
    # The last blocks: data of the file that fills the disk.
    m = shell(args=slow(second, {"iotype": "write", "sector": (48 << 20) // 512}, bytes_per_s=16 << 20))
    m.ok("mount -t ext2 /dev/vdb /mnt; dd if=/dev/zero of=/mnt/f bs=1M count=50")
    m.ok(f"sync & {WALKING}")
    output, status = m.run("umount /mnt")
    assert status != 0 and "Input/output error" in output, output
    m.ok("blockdev --setbsz 512 /dev/vdb")
    m.poweroff()
    fsck(second)


def test_failed_flush_of_sync_reaches_fsync(shell, make_disk, tmp_path):
    """Nobody waits for sync's flush: each file that was open or is opened next tells of it, once."""
    second, raw = make_disk(name="second", empty=True), tmp_path / "raw"
    raw.write_bytes(bytes(8 << 20))
    rule = {"iotype": "flush", "once": True}
    m = shell(args=faulty(second, rule) + faulty(raw, rule, name="bad2"))
    m.ok("mount -t ext2 /dev/vdb /mnt; exec 3>/dev/vdc; echo x | tee /mnt/f >&3; sync")
    told = ["write: ok", "fsync: EIO", "again: ok", "other: EIO", "other again: ok", "close: ok"]
    silent = [line.replace("EIO", "ok") for line in told]
    for name in "/mnt/f", "/dev/vdc":
        assert m.ok(f"/tests/blkio fsync {name} 3").split("\n")[:-1] == told, name
        assert m.ok(f"/tests/blkio fsync {name} 4").split("\n")[:-1] == silent, name
    assert m.run("umount /mnt")[1] != 0
    assert state(second) == "not clean"
    m.poweroff()
    fsck(second)


WORK = """#!/bin/sh
# work DIR
cd $1 || exit 1
mkdir -p a/b/c; test -e a/b/missing; test -e a/b/c/missing; echo x > a/b/f; ln a/b/f a/g; ln -s f a/s
mv a/b/f a/b/h; cat a/s a/b/h a/g | md5sum; mkdir e; test -e e/no; mv -T a/b/c e
(exec 3>open; rm open; echo more >&3); (cd e; rmdir ../e; test -e x)
cat a/missing 2>/dev/null; rm -r a; seq 1000 | sort -r | tail -n 1
mount -t ext2 /dev/vdb /mnt; mkdir /mnt/d; test -e /mnt/d/no; cp /bin/busybox /mnt/d; rm -r /mnt/d
umount /mnt
"""


def test_nothing_leaks(shell, make_disk):
    second = make_disk(name="second", empty=True)
    m = shell(files={"counts": COUNTS, "work": WORK}, more_disks=[second])
    m.ok("/tests/work /root; /tests/counts >/tmp/2")  # what stays cached is now
    m.ok("/tests/counts >/tmp/1; for i in 1 2 3 4 5; do /tests/work /root || exit 1; done")
    m.ok("/tests/counts >/tmp/2; cat /tmp/2; cmp /tmp/1 /tmp/2")
    m.ok("exec 5>/tmp/3 6>/tmp/4")
    assert m.ok("/tests/counts") != m.ok("cat /tmp/2")  # they do count
    m.poweroff()
    fsck(second)

"""Disks: elevators, what /sys and /proc say, read-only ones, and open, close and resize."""

import re

import pytest

from disks import MIB, get, partition, pattern, slow
from ringlet import fsck, read_back

# --- elevators, /sys, /proc -------------------------------------------------------------------


def test_elevators_change_while_io_runs(shell, tmp_path):
    spare = tmp_path / "spare"
    spare.write_bytes(bytes(16 * MIB))
    m = shell(more_disks=[spare], files={"load": """
        cd /sys/block/vdb/queue
        (for i in 1 2 3; do /tests/blkio fill /dev/vdb $i; done > /fill; touch /done) &
        n=0
        while test ! -e /done || test $n -lt 20; do
            for e in none deadline; do
                echo $e > scheduler || echo FAIL
                grep -q "\\[$e\\]" scheduler || echo FAIL
                echo $((n % 2)) > nomerges
                n=$((n + 1))
            done
        done
        wait
        echo $n switches
    """})
    said = m.ok("sh /tests/load", timeout=300)
    assert "FAIL" not in said and int(re.search(r"(\d+) switches", said).group(1)) >= 20
    assert m.ok("cat /fill").splitlines() == ["fsync: ok", "again: ok", "blocks: 4096"] * 3
    m.poweroff()
    assert get(spare) == b"".join(pattern(n, 3) for n in range(4096))


def test_sys_tells_what_the_device_says(boot, make_disk, tmp_path):
    spare = tmp_path / "spare"
    spare.write_bytes(bytes(16 * MIB))
    m = boot(disks=[make_disk()], args=[
        "-drive", f"file={spare},if=none,id=s,format=raw,readonly=on", "-device",
        "virtio-blk-pci,drive=s,serial=RING-0001,logical_block_size=4096,physical_block_size=4096,"
        "min_io_size=8192,opt_io_size=65536,discard_granularity=8192"]).login()
    said = dict(line.split("=", 1) for line in m.ok(
        "cd /sys/block/vdb; for f in size ro serial dev queue/*; do echo $f=`cat $f`; done"
    ).splitlines() if "=" in line)
    wanted = {"size": "32768", "ro": "1", "serial": "RING-0001", "dev": "254:16",
              "queue/scheduler": "none [deadline]", "queue/logical_block_size": "4096",
              "queue/physical_block_size": "4096", "queue/hw_sector_size": "4096",
              "queue/minimum_io_size": "8192", "queue/optimal_io_size": "65536",
              "queue/write_cache": "write back", "queue/nomerges": "0", "queue/rotational": "1"}
    assert {key: said[key] for key in wanted} == wanted
    for word in ("queue/scheduler", "queue/nomerges", "queue/write_cache"):
        output, status = m.run(f"cd /sys/block/vdb; echo nonsense > {word}")
        assert status != 0 and "Invalid argument" in output, word
    assert m.run("echo 1 > /sys/block/vdb/size")[1] != 0
    assert m.run("cat /sys/block/vdz/size")[1] != 0
    m.ok("test `readlink /sys/dev/block/254:16` = ../../block/vdb")
    m.ok("test `cat /sys/class/block/vda/size` = 131072")
    m.ok("rm -f /dev/null2; mdev -s; test -b /dev/vdb")
    assert "/dev/vda" in m.ok("findfs LABEL=ringlet")
    assert "4096" in m.ok("blockdev --getss /dev/vdb; blockdev --getsz /dev/vdb")
    assert "32768 sectors" in m.ok("fdisk -l /dev/vdb") or "4096 sectors" in m.output()


def test_blockdev_asks_and_sets_the_block_size(shell, tmp_path):
    spare = tmp_path / "spare"
    spare.write_bytes(bytes(MIB))
    m = shell(more_disks=[spare])
    assert m.ok("blockdev --getbsz /dev/vdb; blockdev --getra /dev/vdb").split() == ["4096", "1024"]
    m.ok("exec 3< /dev/vdb; blockdev --setbsz 1024 /dev/vdb")  # until its last close
    assert m.ok("blockdev --getbsz /dev/vdb; exec 3<&-").split() == ["1024"]
    assert m.ok("blockdev --getbsz /dev/vdb").split() == ["4096"]
    for disk, said in (("vdb", "Invalid argument"), ("vda", "busy")):
        output, status = m.run(f"blockdev --setbsz {333 if disk == 'vdb' else 4096} /dev/{disk}")
        assert status != 0 and said in output


def test_readahead_is_set_by_device(shell, make_disk):
    second = make_disk(name="second", empty=True, where="/", files={"file": b"x" * (2 * MIB)})
    m = shell(more_disks=[second], append="readahead=0")

    def requests(file):
        """How many a sequential read takes."""
        stat = "awk '{print $1}' /sys/block/vdb/stat"
        before = int(m.ok(stat))
        m.ok(f"dd if={file} of=/dev/null bs=4k count=512")
        return int(m.ok(stat)) - before

    assert m.ok("blockdev --getra /dev/vdb; cat /sys/block/vdb/queue/read_ahead_kb").split() == [
        "0", "0"]
    assert 512 <= requests("/dev/vdb") < 530
    m.ok("blockdev --setra 64 /dev/vdb")
    assert m.ok("blockdev --getra /dev/vdb; cat /sys/block/vdb/queue/read_ahead_kb").split() == [
        "64", "32"]
    assert 64 <= requests("/dev/vdb") < 80
    assert m.ok("blockdev --getra /dev/vda").strip() == "0"
    m.ok("echo 512 > /sys/block/vdb/queue/read_ahead_kb; blockdev --getra /dev/vdb | grep -x 1024")
    assert requests("/dev/vdb") < 12
    # A file's is that of its filesystem's device; no page is left from the mount before.
    m.ok("mount -t ext2 /dev/vdb /mnt")
    assert requests("/mnt/file") < 24
    m.ok("umount /mnt; blockdev --setra 0 /dev/vdb; mount -t ext2 /dev/vdb /mnt")
    assert requests("/mnt/file") >= 512
    m.ok("blockdev --setra 2000000000 /dev/vdb; blockdev --getra /dev/vdb | grep -x 65536")
    output, status = m.run("echo many > /sys/block/vdb/queue/read_ahead_kb")
    assert status != 0 and "Invalid argument" in output
    assert m.ok("/tests/blkio ra /dev/vdb 4093").splitlines() == [
        "set: ok", "sectors: 4088 4088", "as nobody: Permission denied",
        "and again: Permission denied"]


def test_write_cache_is_switched(shell, tmp_path):
    spare = tmp_path / "spare"
    spare.write_bytes(bytes(16 * MIB))
    m = shell(more_disks=[spare])
    flushes = "awk '{print $16}' /sys/block/vdb/stat"
    m.ok("cd /sys/block/vdb/queue; echo write through > write_cache")
    assert m.ok("cat write_cache ../cache_type").split("\n")[:2] == ["write through"] * 2
    before = m.ok(flushes)
    m.ok("/tests/blkio sync /dev/vdb 1")
    assert m.ok(flushes) == before
    m.ok("echo write back > write_cache; grep back write_cache; /tests/blkio sync /dev/vdb 1")
    assert int(m.ok(flushes)) > int(before)


def test_statistics(shell, tmp_path):
    spare = tmp_path / "spare"
    spare.write_bytes(bytes(16 * MIB))
    m = shell(more_disks=[spare])
    m.ok("cat /dev/vdb > /dev/null; /tests/blkio fill /dev/vdb 1; blkdiscard -l 65536 /dev/vdb")
    fields = m.ok("grep ' vdb ' /proc/diskstats").split()
    assert fields[:3] == ["254", "16", "vdb"] and len(fields) == 20
    numbers = list(map(int, fields[3:]))
    assert 0 <= numbers[2] - 32768 <= 8 and 0 < numbers[0] < 300, "sectors and requests read"
    assert numbers[6] == 32768 and 0 < numbers[4] < 300, "and written"
    assert numbers[8] == 0 and numbers[11] == 1 and numbers[13] == 128 and numbers[15] >= 1
    assert m.ok("cat /sys/block/vdb/stat").split() == fields[3:]
    said = m.ok("iostat vdb")
    assert re.search(r"^vdb +\d", said, re.M) and "vda" not in said
    assert len(m.ok("iostat 1 2").splitlines()) == 6
    said, status = m.run("iostat vdz")
    assert status == 1 and "no such disk" in said
    assert m.ok("cat /proc/partitions").splitlines()[:3] == [
        "major minor  #blocks  name", "", " 254        0      65536 vda"]


# --- read-only disks --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["device", "ioctl"])
def test_read_only_disk_refuses_writers(boot, make_disk, how):
    spare = make_disk(name="spare", empty=True)
    before = get(spare)
    device = ["-drive", f"file={spare},if=none,id=s,format=raw,readonly=on",
              "-device", "virtio-blk-pci,drive=s"]
    disks = [make_disk()] + ([spare] if how == "ioctl" else [])
    m = boot(disks=disks, args=device if how == "device" else []).login()
    if how == "ioctl":  # what was written before is kept
        m.judged.remove(spare)  # the writes lie across its filesystem
        assert m.ok("/tests/blkio setro /dev/vdb 9").splitlines() == [
            "write: ok", "set: ok", "fsync: ok", "write: EPERM", "write direct: EPERM",
            "discard: EPERM", "zero: EPERM", "read: ok", "open: EROFS", "open: EROFS"]
    assert m.ok("blockdev --getro /dev/vdb; cat /sys/block/vdb/ro").split() == ["1", "1"]
    for command in ("dd if=/dev/zero of=/dev/vdb count=1", "blkdiscard -l 4096 /dev/vdb",
                    "/tests/blkio direct /dev/vdb 1"):
        output, status = m.run(command)
        assert status != 0 and "Read-only file system" in output
    m.ok("mount -t ext2 /dev/vdb /mnt")
    assert "/dev/vdb /mnt ext2 ro" in m.ok("cat /proc/mounts")
    output, status = m.run("touch /mnt/x")
    assert status != 0 and "Read-only file system" in output
    output, status = m.run("mount -o remount,rw /mnt")
    assert status != 0 and ("denied" in output or "write-protected" in output)
    m.ok("umount /mnt; blockdev --setrw /dev/vdb")
    assert m.ok("blockdev --getro /dev/vdb").strip() == ("1" if how == "device" else "0")
    if how == "ioctl":
        assert "write: ok" in m.ok("/tests/blkio sync /dev/vdb 1")
    m.poweroff()
    assert (get(spare) == before) == (how == "device")


def test_what_is_mounted_goes_on_when_the_disk_is_made_read_only(shell, make_disk):
    """As on Linux: who would open it is refused, and nothing that was written is lost."""
    spare = make_disk(name="spare", empty=True)
    m = shell(more_disks=[spare])
    m.ok("mount -t ext2 /dev/vdb /mnt; echo precious >/mnt/f; blockdev --setro /dev/vdb")
    output, status = m.run("dd if=/dev/zero of=/dev/vdb count=1")
    assert status != 0 and "Read-only file system" in output
    m.ok("mkdir /mnt/d; echo more >/mnt/d/g; sync; umount /mnt")
    output, status = m.run("mount -o rw -t ext2 /dev/vdb /mnt; grep ' ro' /proc/mounts")
    assert "/dev/vdb /mnt ext2 ro" in output
    m.poweroff()
    fsck(spare)
    assert read_back(spare, "/f") == b"precious\n" and read_back(spare, "/d/g") == b"more\n"


# --- open, close and resize -------------------------------------------------------------------


def test_a_close_that_takes_long_loses_no_write(shell, tmp_path):
    """The last close waits for readahead; who opens meanwhile is the last one then."""
    spare = partition(tmp_path / "spare", "label: dos\nstart=2048,type=83\n", 16 * MIB)
    m = shell(args=slow(spare, read=300000))
    assert m.ok("/tests/blkio close /dev/vdb1 33").splitlines() == [
        "write: ok", "close: ok", "reader: 0"]
    m.ok("blockdev --rereadpt /dev/vdb")
    m.poweroff()
    assert get(spare, MIB + 2048 * 4096, 4096) == pattern(2048)


def test_open_files_learn_a_new_size(shell, tmp_path):
    spare = tmp_path / "spare"
    spare.write_bytes(bytes(16 * MIB))
    m = shell(args=slow(spare))
    m.ok("exec 3</dev/vdb 4>/dev/vdb")
    for size, got in (32, MIB), (8, 0):
        m.monitor(f"block_resize t {size}M")
        m.expect_text("capacity changes from")
        assert int(m.ok("dd bs=1M skip=20 count=1 <&3 2>/dev/null | wc -c")) == got
        _, status = m.run("dd if=/dev/zero bs=1M seek=20 count=1 conv=notrunc >&4")
        assert (status == 0) == (got > 0)
        assert int(m.ok("blockdev --getsize64 /dev/vdb")) == size * MIB


def test_a_resize_does_not_stop_the_watchdog(shell, tmp_path):
    """The device takes part in both: who waits for it must not keep the watchdog waiting."""
    spare = tmp_path / "spare"
    spare.write_bytes(bytes(16 * MIB))
    args = slow(spare, write=20000)
    args[-1] += ",write-zeroes=off,discard=off"
    m = shell(args=args, append="blk.timeout=3")
    m.ok("(/tests/blkio wipe /dev/vdb 4096 >/said) & until"
         " test `awk '{print $9}' /sys/block/vdb/stat` -gt 0; do true; done")
    m.monitor("block_resize t 32M")
    m.expect_text("request without completion")
    assert m.ok("wait; cat /said").splitlines()[-1] == "wipe: EIO"

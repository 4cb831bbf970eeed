"""Faults of the device: QEMU's blkdebug fails chosen reads, writes and flushes, and each error
must reach the program whose I/O it was, once, and nobody else."""

import shutil

import pytest

from disks import BLOCK, faulty, pattern
from ringlet import debugfs, fsck, read_back

SIZE = 16 << 20
BAD = 625  # a block
BAD_SECTOR = BAD * 8 + 3


def blocks(path):
    with open(path, "rb") as file:
        data = file.read()
    return [data[at:at + BLOCK] for at in range(0, len(data), BLOCK)]


@pytest.fixture
def image(tmp_path):
    """A disk full of the pattern with seed 7."""
    path = tmp_path / "image"
    with open(path, "wb") as file:
        for number in range(SIZE // BLOCK):
            file.write(pattern(number, 7))
    shutil.copy(path, f"{path}2")
    return str(path)


def lines(text):
    return [line for line in text.splitlines() if line]


@pytest.fixture
def shell(shell):
    """A machine whose lines about failed requests go to the log, not between the programs' own."""

    def start(**options):
        machine = shell(**options)
        machine.ok("dmesg -n 1")
        return machine

    return start


def test_bad_sector_fails_only_the_reads_of_it(shell, image, tmp_path):
    copy = tmp_path / "copy"
    copy.write_bytes(bytes(SIZE))
    m = shell(more_disks=[copy], args=faulty(image, {"iotype": "read", "sector": BAD_SECTOR}))
    said = lines(m.ok("/tests/blkio copy /dev/vdc /dev/vdb"))
    assert said == [f"bad {BAD} EIO", "fsync: ok", f"blocks: {SIZE // BLOCK}"]
    # The readahead did merge them: far fewer requests than blocks.
    reads, merged = map(int, m.ok("awk '{print $1, $2}' /sys/block/vdc/stat").split())
    assert reads < SIZE // BLOCK and merged > 0
    assert lines(m.ok(f"/tests/blkio reread /dev/vdc {BAD}")) == ["read: EIO", "again: EIO"]
    assert lines(m.ok(f"/tests/blkio reread /dev/vdc {BAD + 1}")) == ["read: ok", "again: ok"]
    assert lines(m.ok(f"/tests/blkio direct /dev/vdc {BAD}")) == ["read: EIO", "write: ok"]
    m.poweroff()
    good, copied = blocks(image), blocks(copy)
    assert copied[BAD] == bytes(BLOCK)
    assert good[BAD] == pattern(BAD)  # written by `direct`
    assert all(copied[n] == pattern(n, 7) for n in range(SIZE // BLOCK) if n != BAD)


def test_failed_requests_are_told(boot, make_disk, image):
    """No filesystem is there to say it: the line tells device, sector, operation and error."""
    m = boot(disks=[make_disk()], args=faulty(
        image, {"iotype": "read", "sector": BAD_SECTOR}, {"iotype": "write", "sector": 8},
        {"iotype": "flush", "once": True})).login()
    line = r"I/O error, dev vdb, sector {} op {} size {} errno 5\r?\n"
    m.type(f"dd if=/dev/vdb of=/dev/null bs=4k skip={BAD} count=1 iflag=direct")
    m.expect(line.format(BAD * 8, r"0x0:\(READ\)", 4096))
    m.wait_prompt()
    m.type("dd if=/dev/zero of=/dev/vdb bs=4k seek=1 count=1 conv=notrunc,fsync")
    m.expect(line.format(8, r"0x1:\(WRITE\)", 4096))
    m.expect(line.format(0, r"0x2:\(FLUSH\)", 0))
    m.wait_prompt()
    # Many are not told one by one.
    m.run(f"for i in 1 2 3 4 5 6 7 8; do dd if=/dev/vdb of=/x bs=4k skip={BAD} count=1; done")
    assert 2 < m.ok("dmesg").count("I/O error, dev vdb") <= 3 + 20


def test_error_that_passes(shell, image):
    rule = {"iotype": "read", "sector": BAD_SECTOR, "once": True}
    m = shell(args=faulty(image, rule) + faulty(image + "2", rule, name="bad2"))
    # As in Linux the error of a readahead is not the reader's, who reads the page again.
    assert lines(m.ok(f"/tests/blkio reread /dev/vdb {BAD}")) == ["read: ok", "again: ok"]
    assert lines(m.ok(f"/tests/blkio direct /dev/vdc {BAD}")) == ["read: EIO", "write: ok"]
    assert lines(m.ok(f"/tests/blkio direct /dev/vdc {BAD}")) == ["read: ok", "write: ok"]


def test_bad_sector_fails_only_the_writes_of_it(shell, image):
    m = shell(args=faulty(image, {"iotype": "write", "sector": BAD_SECTOR}))
    said = lines(m.ok("/tests/blkio fill /dev/vdb 99"))
    assert said == ["fsync: EIO", "again: ok", f"blocks: {SIZE // BLOCK}"]
    writes, merged = map(int, m.ok("awk '{print $5, $6}' /sys/block/vdb/stat").split())
    assert writes < SIZE // BLOCK and merged > 0
    m.poweroff()
    got = blocks(image)
    assert [n for n in range(SIZE // BLOCK) if got[n] != pattern(n, 99)] == [BAD]
    assert got[BAD] == pattern(BAD, 7)


def test_synchronous_write_sees_its_error(shell, image):
    m = shell(args=faulty(image, {"iotype": "write", "sector": BAD_SECTOR}))
    assert lines(m.ok(f"/tests/blkio sync /dev/vdb {BAD}")) == [
        "write: EIO", "next: ok", "close: ok"]
    assert lines(m.ok(f"/tests/blkio direct /dev/vdb {BAD}")) == ["read: ok", "write: EIO"]
    m.poweroff()
    got = blocks(image)
    assert got[BAD] == pattern(BAD, 7) and got[BAD + 1] == pattern(BAD + 1)


def test_fsync_sees_a_write_error_exactly_once(shell, image):
    m = shell(args=faulty(image, {"iotype": "write", "sector": BAD_SECTOR}))
    assert lines(m.ok(f"/tests/blkio fsync /dev/vdb {BAD}")) == [
        "write: ok", "fsync: EIO", "again: ok", "other: EIO", "other again: ok", "close: ok"]
    assert lines(m.ok(f"/tests/blkio fsync /dev/vdb {BAD + 1}")) == [
        "write: ok", "fsync: ok", "again: ok", "other: ok", "other again: ok", "close: ok"]


def test_fsync_sees_an_error_of_the_last_close(shell, image):
    m = shell(args=faulty(image, {"iotype": "write", "sector": BAD_SECTOR}))
    assert lines(m.ok(f"/tests/blkio late /dev/vdb {BAD}")) == [
        "write: ok", "close: ok", "fsync: EIO", "again: ok"]
    assert "vdb: error while writing at close" in m.ok("dmesg")
    # Who changes the block size, to mount it say, takes the error from nobody and is not failed.
    m.ok(f"dd if=/dev/zero of=/dev/vdb bs=4k seek={BAD} count=1; blockdev --setbsz 1024 /dev/vdb")
    assert "fsync: EIO" in m.ok(f"/tests/blkio fsync /dev/vdb {BAD + 1}")
    assert lines(m.ok(f"/tests/blkio late /dev/vdb {BAD + 1}")) == [
        "write: ok", "close: ok", "fsync: ok", "again: ok"]


def test_failed_flush_is_seen_by_who_asked_for_it(shell, image):
    m = shell(args=faulty(image, {"iotype": "flush", "once": True}))
    assert lines(m.ok("/tests/blkio fsync /dev/vdb 9")) == [
        "write: ok", "fsync: EIO", "again: ok", "other: ok", "other again: ok", "close: ok"]
    m.poweroff()
    assert blocks(image)[9] == pattern(9)


def test_failed_flush_fails_the_synchronous_write(shell, image):
    m = shell(args=faulty(image, {"iotype": "flush", "once": True}))
    assert lines(m.ok("/tests/blkio sync /dev/vdb 9")) == ["write: EIO", "next: ok", "close: ok"]


def test_flush_error_reaches_fsync_of_a_file(shell, make_disk):
    second = make_disk(name="second", empty=True)
    m = shell(args=faulty(second, {"iotype": "flush", "once": True}))
    m.ok("mount -t ext2 /dev/vdb /mnt")
    assert "fsync: EIO" in m.ok("/tests/blkio fsync /mnt/file 3")
    said = lines(m.ok("/tests/blkio fsync /mnt/file 4"))
    assert "fsync: EIO" not in said and "fsync: ok" in said
    m.ok("umount /mnt")
    m.poweroff()
    fsck(second)
    assert read_back(second, "/file") == bytes(3 * BLOCK) + pattern(3) + pattern(4)


@pytest.mark.parametrize("iotype", ["read", "write"])
def test_bad_sector_in_a_file_of_ext2(shell, make_disk, iotype):
    second = make_disk(name="second", empty=True, where="/", files={
        "file": b"".join(pattern(n, 7) for n in range(16)), "other": "nobody harms me\n"})
    sector = int(debugfs(second, "bmap /file 22").split()[-1]) * 2  # of 1 KiB: in block 5
    m = shell(args=faulty(second, {"iotype": iotype, "sector": sector}))
    m.ok("mount -t ext2 /dev/vdb /mnt")
    if iotype == "read":
        said = lines(m.ok("/tests/blkio copy /mnt/file /dev/null"))
        assert said[0] == "bad 5 EIO" and said[-1] == "blocks: 16" and len(said) == 3
        output, status = m.run("cat /mnt/file > /dev/null")
        assert status != 0 and "error" in output
    else:
        assert lines(m.ok("/tests/blkio fsync /mnt/file 5")) == [
            "write: ok", "fsync: EIO", "again: ok", "other: EIO", "other again: ok", "close: ok"]
        assert lines(m.ok("/tests/blkio sync /mnt/file 5")) == [
            "write: EIO", "next: ok", "close: ok"]
    assert "nobody harms me" in m.ok("cat /mnt/other; echo new > /mnt/new; sync")
    # What was lost since the mount is umount's to tell, too; it unmounts all the same.
    assert (m.run("umount /mnt")[1] != 0) == (iotype == "write")
    assert "/mnt" not in m.ok("cat /proc/mounts")
    m.poweroff()
    fsck(second)
    assert read_back(second, "/new") == b"new\n"
    file = read_back(second, "/file")
    wanted = [pattern(n, 0 if iotype == "write" and n == 6 else 7) for n in range(16)]
    bad = slice(5 * BLOCK, 6 * BLOCK)
    if iotype == "write":  # the other blocks of that page may have been written
        assert file[bad][2048:3072] == pattern(5, 7)[2048:3072]
        file = file[:bad.start] + wanted[5] + file[bad.stop:]
    assert file == b"".join(wanted)


def test_discard_error_is_seen(shell, image):
    m = shell(args=faulty(image, {"iotype": "discard", "once": True}))
    output, status = m.run("blkdiscard -o 0 -l 65536 /dev/vdb")
    assert status != 0 and "error" in output, output
    m.ok("blkdiscard -o 0 -l 65536 /dev/vdb")
    assert lines(m.ok("/tests/blkio sync /dev/vdb 0")) == ["write: ok", "next: ok", "close: ok"]


def test_bad_block_elsewhere_is_told_by_fsync_only(shell, image):
    """What zeroes, discards or empties the cache does not fail for what it did not touch."""
    m = shell(args=faulty(image, {"iotype": "write", "sector": BAD_SECTOR}))
    assert lines(m.ok(f"/tests/blkio zero /dev/vdb {BAD}")) == [
        "write: ok", "zero: ok", "discard: ok", "fsync: EIO",
        "write: ok", "empty: ok", "fsync: EIO", "again: EIO"]
    m.poweroff()
    got = blocks(image)
    assert [n for n in range(SIZE // BLOCK) if got[n] != pattern(n, 7)] == list(
        range(BAD - 16, BAD - 8))


def test_other_disks_do_not_notice(shell, image, tmp_path):
    copy = tmp_path / "copy"
    copy.write_bytes(bytes(SIZE))
    m = shell(more_disks=[copy], args=faulty(image, {"iotype": "write"}, {"iotype": "flush"}))
    assert lines(m.ok("/tests/blkio fill /dev/vdc 1"))[0] == "fsync: EIO"
    assert lines(m.ok("/tests/blkio fill /dev/vdb 1"))[:2] == ["fsync: ok", "again: ok"]
    m.poweroff()
    assert blocks(copy) == [pattern(n, 1) for n in range(SIZE // BLOCK)]
    assert blocks(image) == [pattern(n, 7) for n in range(SIZE // BLOCK)]

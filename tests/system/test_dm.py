"""Disks made of disks: linear, striped, mirrored, slow and failing ones, and their statistics."""

import os
import re

import pytest

from disks import MIB, SECTOR, faulty, get, noise, partition, put, slow
from ringlet import fsck, make_disk, read_back, sh

HALF = 32 * MIB // SECTOR  # sectors of a leg
CHUNK = 128
TABLES = {
    "linear": f"0 {HALF} linear vdb 0,{HALF} {HALF} linear vdc 0",
    "striped": f"0 {2 * HALF} striped 2 {CHUNK} vdb 0 vdc 0",
    "mirror": f"0 {HALF} mirror core 2 1024 nosync 2 vdb 0 vdc 0",
    "delay": f"0 {HALF} delay vdb 0 3",
}


def scatter(kind, data, legs):
    """Write a virtual disk's contents to its legs."""
    if kind == "linear":
        parts = [data[:HALF * SECTOR], data[HALF * SECTOR:]]
    elif kind == "striped":
        size = CHUNK * SECTOR
        chunks = [data[at:at + size] for at in range(0, len(data), size)]
        parts = [b"".join(chunks[leg::2]) for leg in range(2)]
    else:
        parts = [data, data]
    for leg, part in zip(legs, parts):
        with open(leg, "wb") as file:
            file.write(part)
            file.truncate(HALF * SECTOR)


def gather(kind, legs):
    a, b = map(get, legs)
    if kind == "linear":
        return a + b
    if kind == "striped":
        size = CHUNK * SECTOR
        return b"".join(a[at:at + size] + b[at:at + size] for at in range(0, len(a), size))
    if kind == "mirror":
        assert a == b, "the legs differ"
    return a


def create(table):
    return f'dm-mod.create="test,,,rw,{table}"'


@pytest.mark.parametrize("kind", TABLES)
def test_ext2_on_a_virtual_disk(shell, tmp_path, kind):
    whole, legs = tmp_path / "whole", [str(tmp_path / "a"), str(tmp_path / "b")]
    size = "64M" if kind in ("linear", "striped") else "32M"
    make_disk(whole, empty=True, files={"old": "old\n"}, where="/", size=size)
    scatter(kind, get(whole), legs)
    m = shell(more_disks=legs, append=create(TABLES[kind]))
    m.ok("mount -t ext2 /dev/dm-0 /mnt; cat /mnt/old")
    m.ok("seq 1 600000 > /mnt/numbers; mkdir /mnt/d; cp /bin/busybox /mnt/d/; sync")
    m.ok("cp /mnt/numbers /mnt/copy; rm /mnt/old; cmp /mnt/copy /mnt/numbers; umount /mnt")
    m.ok("mount -t ext2 /dev/dm-0 /mnt; cmp /mnt/d/busybox /bin/busybox; umount /mnt")
    assert m.ok("cat /sys/block/dm-0/size").strip() == str(os.path.getsize(whole) // SECTOR)
    m.poweroff()
    whole.write_bytes(gather(kind, legs))
    fsck(whole)
    wanted = "".join(f"{n}\n" for n in range(1, 600001)).encode()
    assert read_back(whole, "/numbers") == wanted
    assert read_back(whole, "/copy") == wanted
    assert read_back(whole, "/old", missing=b"") == b""
    assert read_back(whole, "/d/busybox") == get("/bin/busybox")


def test_root_on_a_stripe(boot, tmp_path):
    whole, legs = tmp_path / "whole", [str(tmp_path / "a"), str(tmp_path / "b")]
    make_disk(whole, size="64M")
    scatter("striped", get(whole), legs)
    table = TABLES["striped"].replace("vdc", "VDC").replace("vdb", "vda").replace("VDC", "vdb")
    m = boot(disks=legs, root="/dev/dm-0", append=create(table)).login()
    m.ok("echo striped > /kept")
    m.poweroff()
    whole.write_bytes(gather("striped", legs))
    fsck(whole)
    assert read_back(whole, "/kept") == b"striped\n"


@pytest.mark.parametrize("failing", ["vdb", "vdc"])
def test_mirror_goes_on_and_catches_up(shell, tmp_path, failing):
    whole, legs = tmp_path / "whole", [str(tmp_path / "a"), str(tmp_path / "b")]
    make_disk(whole, empty=True, size="32M")
    scatter("mirror", get(whole), legs)
    # QEMU numbers disks by their place: the root, the good leg, the failing leg.
    bad = legs[1] if failing == "vdc" else legs[0]
    good = legs[0] if failing == "vdc" else legs[1]
    table = f"0 {HALF} mirror core 2 1024 nosync 2 " + (
        "vdb 0 vdc 0" if failing == "vdc" else "vdc 0 vdb 0")
    m = shell(more_disks=[good], append=create(table), args=faulty(
        bad, {"iotype": "write", "once": True}))
    m.ok("mount -t ext2 /dev/dm-0 /mnt; seq 1 200000 > /mnt/first; sync")
    leg = 1 if failing == "vdc" else 0
    assert f"dm-0: mirror leg {leg} (vdc) failed and is dropped" in m.output()
    m.ok("seq 1 300000 > /mnt/second; sync; cp /mnt/first /mnt/third")
    m.ok("dmrebuild /dev/dm-0; seq 1 250000 > /mnt/during; sync")
    if f"mirror leg {leg} is in sync" not in m.output():
        m.type("")  # only to have the prompt again after the kernel's line
        m.expect_text(f"mirror leg {leg} is in sync")
    m.ok("echo after > /mnt/after; umount /mnt")
    m.poweroff()
    whole.write_bytes(gather("mirror", legs))
    fsck(whole)
    for name, last in (("first", 200000), ("second", 300000), ("third", 200000),
                       ("during", 250000)):
        assert read_back(whole, "/" + name) == "".join(
            f"{n}\n" for n in range(1, last + 1)).encode(), name
    assert read_back(whole, "/after") == b"after\n"


def test_no_leg_is_lost_to_who_would_not_wait(shell, tmp_path):
    """Without a tag at once one leg would refuse what the other did."""
    legs = [tmp_path / "a", tmp_path / "b"]
    for leg in legs:
        leg.write_bytes(b"x" * MIB)
    m = shell(more_disks=legs, append=create("0 2048 mirror core 1 nosync 2 vdb 0 vdc 0"))
    assert m.ok("/tests/blkio nowait /dev/vdb 1").splitlines() == ["read: ok", "write: ok"]
    assert m.ok("/tests/blkio nowait /dev/dm-0 2").splitlines() == [
        "read: Not supported", "write: Not supported"]


def test_mirror_reads_on_from_the_other_leg(shell, tmp_path):
    legs = [str(tmp_path / "a"), str(tmp_path / "b")]
    scatter("mirror", noise(HALF * SECTOR), legs)
    table = f"0 {HALF} mirror core 2 1024 nosync 2 vdc 0 vdb 0"
    m = shell(more_disks=[legs[1]], append=create(table), args=faulty(
        legs[0], {"iotype": "read", "sector": 9000}))
    wanted = sh("md5sum", legs[1]).split()[0]
    assert wanted in m.ok("md5sum /dev/dm-0", timeout=300)
    assert "dm-0: mirror leg 0 (vdc) failed and is dropped" in m.output()


def test_mirror_copies_the_first_leg_at_boot(shell, tmp_path):
    legs = [str(tmp_path / "a"), str(tmp_path / "b")]
    scatter("mirror", noise(HALF * SECTOR), legs)
    put(legs[1], 0, bytes(MIB))
    m = shell(more_disks=legs, append=create(f"0 {HALF} mirror core 1 1024 2 vdb 0 vdc 0"))
    if "mirror leg 1 is in sync" not in m.output():
        m.type("")
        m.expect_text("mirror leg 1 is in sync")
    m.kill()
    gather("mirror", legs)


def test_refused_mirror_copies_nothing(shell, tmp_path):
    legs = [tmp_path / "a", tmp_path / "b"]
    for leg in legs:
        leg.write_bytes(str(leg).encode() + bytes(MIB))
        os.truncate(leg, MIB)
    table = "0 2048 mirror core 1 1024 2 vdb 0 vdc 0"
    m = shell(more_disks=legs, append=f'dm-mod.create="m,,,rw,{table},2048 9 bogus;'
              f'n,,,xx,{table};o,,,rw,0 9 mirror core 1 nosync 1 vdb 0"')
    for name in "mno":
        assert f"dm: '{name}' cannot be made: error 22" in m.output()
    m.poweroff()
    for leg in legs:
        assert leg.read_bytes().startswith(str(leg).encode())


def test_delay_target(shell, tmp_path):
    leg = tmp_path / "a"
    leg.write_bytes(b"x" * MIB)
    m = shell(more_disks=[leg], append=create("0 2048 delay vdb 0 250"))
    said = m.ok("U='cut -d. -f1 /proc/uptime'; $U; dd if=/dev/dm-0 of=/dev/null bs=4k count=12 "
                "iflag=direct 2>&1; $U").splitlines()
    assert int(said[-1]) - int(said[0]) >= 2, "12 reads of 250 ms"


def test_error_target(shell, tmp_path):
    leg = tmp_path / "a"
    leg.write_bytes(b"x" * MIB)
    m = shell(more_disks=[leg], append=create("0 1024 linear vdb 0,1024 64 error,1088 512 linear "
                                              "vdb 1088"))
    said = m.ok("/tests/blkio copy /dev/dm-0 /dev/null").splitlines()
    assert [line for line in said if line.startswith("bad")] == [
        f"bad {n} EIO" for n in range(128, 136)]
    assert "write: EIO" in m.ok("/tests/blkio sync /dev/dm-0 130")
    assert "write: ok" in m.ok("/tests/blkio sync /dev/dm-0 136")
    assert m.ok("/tests/blkio fsync /dev/dm-0 128").splitlines()[:3] == [
        "write: ok", "fsync: EIO", "again: ok"]


def test_statistics_of_disks_made_of_disks(shell, tmp_path):
    """Each part that a target gets is an I/O; a delay is part of the time."""
    table = "label: gpt\n" + "size=16384\n" * 4
    disks = [partition(tmp_path / name, table) for name in "ab"]
    tables = ["0 16384 linear vdb1 0,16384 16384 linear vdc1 0",
              "0 32768 striped 2 128 vdb2 0 vdc2 0",
              "0 16384 mirror core 2 1024 nosync 2 vdb3 0 vdc3 0",
              "0 16384 delay vdb4 0 150"]
    m = shell(more_disks=disks, append='dm-mod.create="' + ";".join(
        f"t{n},,,rw,{table}" for n, table in enumerate(tables)) + '"')
    for number, reads in enumerate([4, 8, 4, 4]):
        dm = f"dm-{number}"
        m.ok(f"dd if=/dev/{dm} of=/dev/null bs=128k count=4 iflag=direct")
        m.ok(f"dd if=/dev/zero of=/dev/{dm} bs=4k count=5 oflag=direct conv=fsync")
        fields = m.ok(f"grep ' {dm} ' /proc/diskstats").split()
        numbers = list(map(int, fields[3:]))
        assert numbers[:3] == [reads, 0, 1024], f"{dm}: reads, merges, sectors"
        # A flush counts as a write of nothing: one for fsync, one for the writer's close.
        assert numbers[4:7] == [5 + 2, 0, 40], f"{dm}: writes, merges, sectors"
        assert numbers[8] == 0 and numbers[11:] == [0] * 6, f"{dm}: in flight, discards, flushes"
        assert numbers[9] <= numbers[10] <= numbers[3] + numbers[7] + 2, f"{dm}: times"
        assert m.ok(f"cat /sys/block/{dm}/stat").split() == fields[3:]
    assert numbers[3] >= 4 * 150 and numbers[7] >= 7 * 150 and numbers[9] >= 11 * 150
    output, status = m.run("dmrebuild /dev/dm-0")
    assert status == 1 and "dmrebuild" not in output and "/dev/dm-0" in output, "no mirror"
    assert re.search("^254 virtblk\n253 device-mapper$", m.ok("sort -r /proc/devices"), re.M)
    # A stack can do what its parts can.
    limits = "cd /sys/block/{}/queue; cat write_cache max_sectors_kb logical_block_size discard_max_bytes"
    assert m.ok(limits.format("dm-1")) == m.ok(limits.format("vdb")) != ""
    assert m.ok(limits.format("dm-1")).splitlines()[0] == "write back"
    said = re.search(r"^dm-3 .*", m.ok("iostat dm-3"), re.M).group().split()
    assert said[4] == "128.0" and float(said[5]) >= 150, said


def test_limits_of_a_stack_on_nothing(shell, tmp_path):
    """What has no device below, an error target, narrows nothing and forgets nothing."""
    spares = [tmp_path / "a", tmp_path / "b"]
    for spare in spares:
        spare.write_bytes(bytes(16 * MIB))
    args = slow(spares[0])
    args[-1] += ",logical_block_size=4096,physical_block_size=4096"
    m = shell(args=args, more_disks=[spares[1]], append='dm-mod.create="'
              'e,,,rw,0 64 error;s,,,rw,0 64 linear vdc 0,64 64 linear dm-0 0,128 64 linear vdb 0"')
    assert m.ok("cd /sys/block; cat dm-1/queue/logical_block_size").strip() == "4096"
    for name in "discard_max_bytes", "max_sectors_kb":
        got = [int(m.ok(f"cat /sys/block/{disk}/queue/{name}")) for disk in ("vdb", "vdc", "dm-1")]
        assert got[2] == min(got[:2]) > 0, name

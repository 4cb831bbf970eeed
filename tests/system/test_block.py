"""Disks: partitions, disks made of disks, elevators, what /sys and /proc say, read-only ones."""

import os
import re
import struct
import subprocess
import zlib

import pytest

import test_errors
from ringlet import TOP, fsck, make_disk, read_back, sh

MIB = 1 << 20
SECTOR = 512


def partition(path, table, size=64 * MIB):
    """A new disk with partitions, by util-linux's sfdisk."""
    with open(path, "wb") as file:
        file.truncate(size)
    subprocess.run(["sfdisk", "-q", str(path)], input=table, text=True, check=True)
    return str(path)


def put(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def get(path, offset=0, size=-1):
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(size)


def names(m, disk):
    """Partition -> (first sector, sectors), as /sys tells it."""
    said = m.ok(f"cd /sys/block/{disk}; for p in {disk}*; do echo $p `cat $p/start $p/size`; done")
    return {line.split()[0]: tuple(map(int, line.split()[1:])) for line in said.splitlines()
            if len(line.split()) == 3 and line.split()[1] != "*"}


# --- partitions -------------------------------------------------------------------------------


def test_mbr_with_logical_partitions(shell, tmp_path):
    disk = partition(tmp_path / "mbr", "label: dos\nstart=2048, size=8192, type=83\n"
                     "start=10240, size=40960, type=5\nstart=60000, size=100, type=83\n"
                     "start=12288, size=4096, type=83\nstart=18432, size=2048, type=83\n"
                     "start=32768, size=1000, type=83\n")
    m = shell(more_disks=[disk])
    assert names(m, "vdb") == {"vdb1": (2048, 8192), "vdb2": (10240, 2), "vdb3": (60000, 100),
                               "vdb5": (12288, 4096), "vdb6": (18432, 2048),
                               "vdb7": (32768, 1000)}
    m.ok("echo in the sixth | dd of=/dev/vdb6 bs=512 seek=2047 conv=sync,fsync 2>&1")
    output, status = m.run("echo x | dd of=/dev/vdb6 bs=512 seek=2048")
    assert status != 0 and "No space" in output
    m.poweroff()
    assert get(disk, (18432 + 2047) * SECTOR).startswith(b"in the sixth\n")


def test_logical_partitions_in_a_circle(shell, tmp_path):
    disk = partition(tmp_path / "mbr", "label: dos\nstart=2048, size=40960, type=5\n"
                     "start=4096, size=4096, type=83\nstart=10240, size=2048, type=83\n")
    first, second = 2048 * SECTOR, (2048 + 6144) * SECTOR
    link = get(disk, first + 446 + 16, 16)
    assert int.from_bytes(link[8:12], "little") == 6144, "where sfdisk puts the second table"
    put(disk, second + 446 + 16, link)  # it names itself as the next
    m = shell(more_disks=[disk])
    assert names(m, "vdb") == {"vdb1": (2048, 2), "vdb5": (4096, 4096), "vdb6": (10240, 2048)}
    assert "vdb: the chain of logical partitions is broken" in m.output()


GPT = "label: gpt\nstart=2048, size=8192\nstart=10240, size=100\n3: start=20480, size=2048\n"
GPT_NAMES = {"vdb1": (2048, 8192), "vdb2": (10240, 100), "vdb3": (20480, 2048)}


@pytest.mark.parametrize("damage,said", [
    (None, "vdb: partitions 1 2 3"),
    ((SECTOR + 24, b"\x5a"), "the primary GPT is damaged, using the backup"),
    ((2 * SECTOR + 41, b"\x5a"), "the primary GPT is damaged, using the backup"),
    ((SECTOR, bytes(SECTOR * 33)), "the primary GPT is damaged, using the backup"),
])
def test_gpt(shell, tmp_path, damage, said):
    disk = partition(tmp_path / "gpt", GPT)
    if damage:
        put(disk, *damage)
    m = shell(more_disks=[disk])
    assert names(m, "vdb") == GPT_NAMES
    assert said in m.output()


def test_gpt_damaged_twice_gives_no_partitions(shell, tmp_path):
    disk = partition(tmp_path / "gpt", GPT)
    put(disk, SECTOR + 24, b"\x5a")
    put(disk, 64 * MIB - SECTOR + 24, b"\x5a")
    m = shell(more_disks=[disk])
    assert names(m, "vdb") == {}
    assert "both GPTs are damaged" in m.output()


def test_partitions_are_read_again(shell, tmp_path):
    disk = partition(tmp_path / "mbr", "label: dos\nstart=2048, size=8192, type=83\n")
    m = shell(files={"new": "n\np\n2\n20000\n30000\nw\n"}, more_disks=[disk])
    m.ok("fdisk /dev/vdb < /tests/new")
    assert set(names(m, "vdb")) == {"vdb1", "vdb2"}
    assert "vdb2" in m.ok("cat /proc/partitions; ls -l /dev/vdb2")
    m.ok("mke2fs /dev/vdb1; mount -t ext2 /dev/vdb1 /mnt")
    output, status = m.run("blockdev --rereadpt /dev/vdb")
    assert status != 0 and "busy" in output
    m.ok("umount /mnt; dd if=/dev/zero of=/dev/vdb count=1; blockdev --rereadpt /dev/vdb")
    assert names(m, "vdb") == {}
    output, status = m.run("dd if=/dev/vdb1 count=1")
    assert status != 0 and "No such file" in output
    assert "vdb1" not in m.ok("ls /dev; cat /proc/partitions; ls /sys/block/vdb")
    output, status = m.run("blockdev --rereadpt /dev/vda; ls /sys/class/block")
    assert "vdb1" not in output


def test_nodes_go_with_their_partitions(shell, tmp_path):
    table = "label: dos\nstart=2048, size=8192, type=83\nstart=20000, size=8192, type=83\n"
    disk = partition(tmp_path / "mbr", table)
    m = shell(files={"del": "d\n1\nw\n"}, more_disks=[disk])
    m.ok("chmod 600 /dev/vdb2; mknod /dev/mine b $((0x$(stat -c %t /dev/vdb1))) 17")
    m.ok("fdisk /dev/vdb < /tests/del")
    said = m.ok("ls -l /dev; cat /proc/partitions")
    assert "vdb1" not in said and said.count("vdb2") == 2
    assert "brw-------" in m.ok("ls -l /dev/vdb2")  # the node that stays is the same
    output, status = m.run("cat /dev/mine")  # a user's own node is not ours to take
    assert status != 0 and "No such device" in output
    m.ok("printf 'n\\np\\n1\\n2048\\n9000\\nw\\n' | fdisk /dev/vdb; ls -l /dev/vdb1")
    m.poweroff()
    fsck(m.disk)


def test_partitions_of_a_mounted_disk_stay(shell, tmp_path):
    disk = partition(tmp_path / "mbr", "label: dos\nstart=2048, size=8192, type=83\n")
    m = shell(more_disks=[disk])
    m.ok("mke2fs /dev/vdb; mount -t ext2 /dev/vdb /mnt")
    output, status = m.run("blockdev --rereadpt /dev/vdb")
    assert status != 0 and "busy" in output
    assert set(names(m, "vdb")) == {"vdb1"}
    m.ok("umount /mnt; blockdev --rereadpt /dev/vdb")


def entry(kind, start, count):
    return struct.pack("<4xB3xII", kind, start, count)


def resign(header):
    """The CRC of a GPT header, put right."""
    header[16:20] = bytes(4)
    header[16:20] = struct.pack("<I", zlib.crc32(header[:92]))
    return bytes(header)


def test_tables_that_exceed_the_disk(shell, tmp_path):
    """What Linux 6.1 makes of them, on disks of 131072 sectors."""
    mbr = partition(tmp_path / "mbr", "label: dos\nstart=2048, size=20000, type=83\n")
    put(mbr, 446 + 16, entry(0x83, 100000, 500000) + entry(0x83, 900000, 5))
    link = partition(tmp_path / "link", "label: dos\nstart=2048, size=2000, type=83\n"
                     "start=10240, size=40960, type=5\n")
    put(link, 10240 * SECTOR + 446, entry(5, 4000, 100) + entry(0x83, 63, 100))
    put(link, 10240 * SECTOR + 510, b"\x55\xaa")
    put(link, 14240 * SECTOR + 446, entry(0x83, 63, 200))
    put(link, 14240 * SECTOR + 510, b"\x55\xaa")
    lies = partition(tmp_path / "lies", GPT)
    header = bytearray(get(lies, SECTOR, SECTOR))
    header[48:56] = struct.pack("<Q", 1 << 50)
    put(lies, SECTOR, resign(header))
    many = partition(tmp_path / "many", "label: gpt\n" + "".join(
        f"start={2048 + 2048 * i}, size=1000\n" for i in range(20)))
    m = shell(more_disks=[mbr, link, lies, many])
    assert names(m, "vdb") == {"vdb1": (2048, 20000), "vdb2": (100000, 31072)}
    assert "vdb: partition 2 reaches beyond the end: 100000 + 500000 of 131072" in m.output()
    assert "vdb: partition 3 reaches beyond the end" in m.output()
    assert names(m, "vdc") == {"vdc1": (2048, 2000), "vdc2": (10240, 2), "vdc5": (10303, 100),
                               "vdc6": (14303, 200)}
    assert names(m, "vdd") == {name.replace("b", "d"): at for name, at in GPT_NAMES.items()}
    assert "vdd: the primary GPT is damaged, using the backup" in m.output()
    assert len(names(m, "vde")) == 15
    assert "vde: there are no numbers for partitions above 15" in m.output()


@pytest.mark.parametrize("options", [[], ["--gpt"]])
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_disk_boots_by_itself(boot, tmp_path, options, machine):
    disk = tmp_path / "disk"
    sh(os.path.join(TOP, "tools/mkbootdisk"), str(disk), os.path.join(TOP, "build/ringlet.stripped"),
       "--append", "quiet", *options)
    m = boot(disks=[disk], boot="disk", machine=machine).login()
    assert re.search(r"/dev/vda1 on / type ext2 \(rw", m.ok("mount"))
    assert "root=/dev/vda1 console=ttyS0 quiet" in m.ok("cat /proc/cmdline")
    m.ok("echo kept > /kept; cp /boot/ringlet.elf /copy")
    m.poweroff()
    m = boot(disks=[disk], boot="disk", machine=machine).login()
    assert "kept" in m.ok("cat /kept; cmp /copy /boot/ringlet.elf")
    m.poweroff()
    root = tmp_path / "root"
    start = 4096 if options else 2048
    root.write_bytes(get(disk, start * SECTOR, 64 * MIB))
    fsck(root)
    assert read_back(root, "/kept") == b"kept\n"


# --- disks made of disks ----------------------------------------------------------------------

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
    m = shell(more_disks=[good], append=create(table), args=test_errors.faulty(
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
    scatter("mirror", os.urandom(HALF * SECTOR), legs)
    table = f"0 {HALF} mirror core 2 1024 nosync 2 vdc 0 vdb 0"
    m = shell(more_disks=[legs[1]], append=create(table), args=test_errors.faulty(
        legs[0], {"iotype": "read", "sector": 9000}))
    wanted = sh("md5sum", legs[1]).split()[0]
    assert wanted in m.ok("md5sum /dev/dm-0", timeout=300)
    assert "dm-0: mirror leg 0 (vdc) failed and is dropped" in m.output()


def test_mirror_copies_the_first_leg_at_boot(shell, tmp_path):
    legs = [str(tmp_path / "a"), str(tmp_path / "b")]
    scatter("mirror", os.urandom(HALF * SECTOR), legs)
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
    assert get(spare) == b"".join(test_errors.pattern(n, 3) for n in range(4096))


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


def slow(path, **limits):
    """QEMU's arguments for a disk with so many bytes a second."""
    rate = "".join(f",throttling.bps-{name}={value}" for name, value in limits.items())
    return ["-drive", f"file={path},if=none,id=t,format=raw{rate}",
            "-device", "virtio-blk-pci,drive=t"]


def test_a_close_that_takes_long_loses_no_write(shell, tmp_path):
    """The last close waits for readahead; who opens meanwhile is the last one then."""
    spare = partition(tmp_path / "spare", "label: dos\nstart=2048,type=83\n", 16 * MIB)
    m = shell(args=slow(spare, read=300000))
    assert m.ok("/tests/blkio close /dev/vdb1 33").splitlines() == [
        "write: ok", "close: ok", "reader: 0"]
    m.ok("blockdev --rereadpt /dev/vdb")
    m.poweroff()
    assert get(spare, MIB + 2048 * 4096, 4096) == test_errors.pattern(2048)


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

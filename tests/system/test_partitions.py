"""Partitions: MBR and GPT tables, good, damaged and false ones, and a disk that boots by itself."""

import os
import re
import struct
import zlib

import pytest

from disks import MIB, SECTOR, get, partition, partitions, put
from ringlet import TOP, fsck, read_back, sh


def test_mbr_with_logical_partitions(shell, tmp_path):
    disk = partition(tmp_path / "mbr", "label: dos\nstart=2048, size=8192, type=83\n"
                     "start=10240, size=40960, type=5\nstart=60000, size=100, type=83\n"
                     "start=12288, size=4096, type=83\nstart=18432, size=2048, type=83\n"
                     "start=32768, size=1000, type=83\n")
    m = shell(more_disks=[disk])
    assert partitions(m, "vdb") == {"vdb1": (2048, 8192), "vdb2": (10240, 2), "vdb3": (60000, 100),
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
    assert partitions(m, "vdb") == {"vdb1": (2048, 2), "vdb5": (4096, 4096), "vdb6": (10240, 2048)}
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
    assert partitions(m, "vdb") == GPT_NAMES
    assert said in m.output()


def test_gpt_damaged_twice_gives_no_partitions(shell, tmp_path):
    disk = partition(tmp_path / "gpt", GPT)
    put(disk, SECTOR + 24, b"\x5a")
    put(disk, 64 * MIB - SECTOR + 24, b"\x5a")
    m = shell(more_disks=[disk])
    assert partitions(m, "vdb") == {}
    assert "both GPTs are damaged" in m.output()


def test_partitions_are_read_again(shell, tmp_path):
    disk = partition(tmp_path / "mbr", "label: dos\nstart=2048, size=8192, type=83\n")
    m = shell(files={"new": "n\np\n2\n20000\n30000\nw\n"}, more_disks=[disk])
    m.ok("fdisk /dev/vdb < /tests/new")
    assert set(partitions(m, "vdb")) == {"vdb1", "vdb2"}
    assert "vdb2" in m.ok("cat /proc/partitions; ls -l /dev/vdb2")
    m.ok("mke2fs /dev/vdb1; mount -t ext2 /dev/vdb1 /mnt")
    output, status = m.run("blockdev --rereadpt /dev/vdb")
    assert status != 0 and "busy" in output
    m.ok("umount /mnt; dd if=/dev/zero of=/dev/vdb count=1; blockdev --rereadpt /dev/vdb")
    assert partitions(m, "vdb") == {}
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
    assert set(partitions(m, "vdb")) == {"vdb1"}
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
    assert partitions(m, "vdb") == {"vdb1": (2048, 20000), "vdb2": (100000, 31072)}
    assert "vdb: partition 2 reaches beyond the end: 100000 + 500000 of 131072" in m.output()
    assert "vdb: partition 3 reaches beyond the end" in m.output()
    assert partitions(m, "vdc") == {"vdc1": (2048, 2000), "vdc2": (10240, 2), "vdc5": (10303, 100),
                               "vdc6": (14303, 200)}
    assert partitions(m, "vdd") == {name.replace("b", "d"): at for name, at in GPT_NAMES.items()}
    assert "vdd: the primary GPT is damaged, using the backup" in m.output()
    assert len(partitions(m, "vde")) == 15
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


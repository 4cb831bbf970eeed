"""Disks, programs and arguments that are wrong: a clear word, and the kernel lives on."""

import re
import time

import pytest

from ringlet import fsck, sh


def expect_refusal(boot, pattern, **options):
    """Boot stops with a line that matches, and QEMU leaves with a failure."""
    m = boot(append="panic=exit", **options)
    m.expect(pattern)
    assert m.wait_exit() not in (0, None)
    return m


def test_no_disk(boot):
    m = expect_refusal(boot, r"(?i)panic.*(root|vda)")
    assert "/dev/vda" in m.output()


def test_a_root_that_is_not_there(boot, make_disk):
    m = expect_refusal(boot, r"(?i)panic.*(root|vdq)", disks=[make_disk()], root="/dev/vdq")
    assert "vdq" in m.output()


def test_disk_without_ext2(boot, tmp_path):
    disk = tmp_path / "zeros.img"
    sh("truncate", "-s", "16M", str(disk))
    m = expect_refusal(boot, r"(?i)panic", disks=[disk])
    assert re.search(r"(?i)ext2", m.output())


def test_features_we_lack_are_named(boot, tmp_path):
    disk = tmp_path / "ext4.img"
    sh("mke2fs", "-q", "-F", "-t", "ext4", str(disk), "32M")
    m = expect_refusal(boot, r"(?i)panic", disks=[disk])
    assert re.search(r"extents?", m.output())


def test_journal_that_needs_recovery_is_refused(boot, make_disk):
    disk = make_disk()
    sh("debugfs", "-w", "-R", "ssv feature_incompat 0x6", disk)
    expect_refusal(boot, r"(?i)panic", disks=[disk])


def test_unknown_read_only_feature_mounts_read_only(boot, make_disk):
    disk = make_disk()
    # 0x400 is metadata_csum, which a writer would have to know.
    sh("debugfs", "-w", "-R", "ssv feature_ro_compat 0x403", disk)
    m = boot(disks=[disk]).login()
    assert re.search(r"(?i)read-only", m.output())
    output, status = m.run("echo x > /new")
    assert status != 0 and "Read-only file system" in output
    assert "root" in m.ok("cat /etc/passwd")


def test_truncated_image(boot, make_disk):
    disk = make_disk()
    sh("truncate", "-s", "10M", disk)
    m = expect_refusal(boot, r"(?i)panic", disks=[disk])
    assert re.search(r"(?i)ext2.*(block|size|small|device)", m.output())


@pytest.mark.parametrize("field,value", [
    ("log_block_size", "17"), ("inodes_per_group", "0"), ("blocks_per_group", "0"),
    ("first_data_block", "70000"), ("inode_size", "77"), ("blocks_count", "0"),
    ("inodes_count", "1"),
])
def test_superblock_that_lies(boot, make_disk, field, value):
    disk = make_disk()
    sh("debugfs", "-w", "-R", f"ssv {field} {value}", disk)
    expect_refusal(boot, r"(?i)panic.*", disks=[disk])


def test_mount_of_rubbish_fails_with_words(boot, make_disk, tmp_path):
    rubbish = tmp_path / "rubbish.img"
    rubbish.write_bytes(bytes(range(256)) * 4096)
    m = boot(disks=[make_disk(), rubbish]).login()
    output, status = m.run("mount -t ext2 /dev/vdb /mnt")
    assert status != 0 and "Invalid argument" in output
    output, status = m.run("mount -t ext2 /dev/vdz /mnt")
    assert status != 0
    m.ok("ls /mnt")


def test_corrupt_directory_and_inode_give_errors(boot, make_disk):
    disk = make_disk()
    bad = make_disk(name="bad.img", empty=True, where="/",
                    files={"d/a": "a", "d/b": "b", "f": "x" * 5000, "good": "good\n"})
    block = sh("debugfs", "-R", "blocks /d", bad).split()[-1]
    with open(bad, "r+b") as file:
        file.seek(int(block) * 1024)
        file.write(b"\xff" * 1024)
    sh("debugfs", "-w", "-R", "sif /f block[0] 0x7fffffff", bad)
    m = boot(disks=[disk, bad]).login()
    m.ok("mount -t ext2 /dev/vdb /mnt")
    assert m.run("ls /mnt/d/a")[1] != 0
    assert m.run("cat /mnt/f")[1] != 0
    assert "good" in m.ok("cat /mnt/good")
    m.ok("echo alive")


def hostile_disk(make_disk, requests, old=b"", new=b""):
    """A disk that debugfs changes, and then the one place that holds `old`."""
    disk = make_disk(name="hostile.img", empty=True, where="/", size="4M", files={"f": "x"})
    sh("debugfs", "-w", "-f", "-", disk, input=requests)
    with open(disk, "r+b") as file:
        data = file.read()
        if old:
            assert data.count(old) == 1 and len(new) == len(old)
            file.seek(data.index(old))
            file.write(new)
    return disk


def test_a_name_does_not_lead_out_of_its_disk(boot, make_disk):
    bad = hostile_disk(make_disk, "mkdir /a\nmkdir /a/ABCDEFGHIJKLMNOPQ\n",
                       b"ABCDEFGHIJKLMNOPQ", b"../../root/victim")
    m = boot(disks=[make_disk(), bad]).login()
    m.ok("mkdir /root/victim && echo precious > /root/victim/file && mount -t ext2 /dev/vdb /mnt")
    output, _ = m.run("ls /mnt/a; find /mnt; rm -rf /mnt/a")
    assert "victim" not in output and "bad name" in output
    assert "precious" in m.ok("cat /root/victim/file; umount /mnt")


def test_two_names_of_one_directory(boot, make_disk):
    """The names have the same FNV-1a hash."""
    bad = hostile_disk(make_disk, "mkdir d\nmkdir d/costarring\nmkdir d/costarring/x\n"
                       "link d/costarring d/liquid\nlink d d/costarring/loop\n")
    m = boot(disks=[make_disk(), bad]).login()
    m.ok("mount -t ext2 /dev/vdb /mnt")
    output, status = m.run("mv /mnt/d/costarring/x /mnt/d/liquid/y")
    assert status != 0
    output, status = m.run("mv /mnt/d/costarring/x /mnt/d/costarring/loop/y; find /mnt | wc -l")
    assert "lost+found" in m.ok("ls /mnt; umount /mnt")


def elf_variants():
    """Executables that are wrong in one way each."""
    import struct
    ehdr = bytearray(64)
    ehdr[0:7] = b"\x7fELF\x02\x01\x01"
    struct.pack_into("<HHIQQQIHHHHHH", ehdr, 16, 2, 62, 1, 0x400000, 64, 0, 0, 64, 56, 1, 0, 0, 0)

    def phdr(kind=1, flags=5, offset=0, vaddr=0x400000, filesz=4096, memsz=4096, align=4096):
        return struct.pack("<IIQQQQQQ", kind, flags, offset, vaddr, vaddr, filesz, memsz, align)

    def variant(header=ehdr, program=phdr(), body=b"\xcc" * 4096, at=None, value=b""):
        data = bytearray(bytes(header) + program + body)
        if at is not None:
            data[at:at + len(value)] = value
        return bytes(data)

    return {
        "empty": b"", "garbage": b"\x00\x01\x02garbage\xff" * 50, "magic": b"\x7fELF",
        "half": variant()[:70], "class32": variant(at=4, value=b"\x01"),
        "machine": variant(at=18, value=b"\x03\x00"), "phnum": variant(at=56, value=b"\xff\xff"),
        "phoff": variant(at=32, value=b"\xff" * 8), "entry": variant(at=24, value=b"\xff" * 8),
        "kernel": variant(program=phdr(vaddr=0xffffffff80100000)),
        "wrap": variant(program=phdr(memsz=2 ** 64 - 4096)),
        "huge": variant(program=phdr(memsz=2 ** 46)),
        "filesz": variant(program=phdr(filesz=8192)),
        "short": variant(program=phdr(filesz=10 ** 6, memsz=10 ** 6)),
        "align": variant(program=phdr(vaddr=0x400123)),
        "offset": variant(program=phdr(offset=2 ** 63)),
        "null": variant(program=phdr(vaddr=0)),
        "interp": variant(program=phdr(kind=3, offset=10 ** 9)),
        "nocode": variant(program=phdr(kind=4)),
        "loop": b"#!/tests/elf/loop\n", "missing": b"#!/no/such/interpreter\n",
        "long": b"#!/" + b"x" * 5000 + b"\n",
    }


def test_programs_that_are_no_programs(shell):
    variants = elf_variants()
    script = "for f in /tests/elf/*; do sh -c $f >/dev/null 2>&1; echo ${f##*/}=$?; done\n"
    m = shell(files={**{f"elf/{name}": data for name, data in variants.items()}, "all.sh": script})
    said = m.ok("sh /tests/all.sh", timeout=300)
    for name in variants:
        status = re.search(rf"^{name}=(\d+)$", said, re.M)
        assert status, f"{name}\n{said}"
        # The shell runs what is no program as a script: nothing and a comment are fine ones.
        assert name in ("empty", "long") or int(status.group(1)) != 0, name
    m.ok("echo alive")


def test_full_disk(boot, make_disk):
    disk = make_disk(size="16M")
    m = boot(disks=[disk]).login()
    before = m.ok("df -k / | tail -n 1").split()[3]
    m.ok("echo precious > /keep")
    output, status = m.run("dd if=/dev/zero of=/fill bs=64k", timeout=300)
    assert status != 0 and "No space left on device" in output
    output, status = m.run("mkdir /toolate/ && echo x > /toolate/x")
    assert "No space" in output or status == 0
    assert "precious" in m.ok("cat /keep")
    m.ok("rm -rf /fill /toolate; rm /keep; sync")
    after = m.ok("df -k / | tail -n 1").split()[3]
    assert abs(int(after) - int(before)) <= 2
    m.ok("dd if=/dev/zero of=/again bs=64k count=20")
    m.poweroff()
    fsck(disk)


def test_no_inodes_left(boot, make_disk):
    disk = make_disk()
    small = make_disk(name="small.img", empty=True, where="/", size="1M", files={"x": "x"})
    m = boot(disks=[disk, small]).login()
    m.ok("mount -t ext2 /dev/vdb /mnt")
    output, _ = m.run("i=0; while echo $i > /mnt/f$i; do i=$((i+1)); done", timeout=300)
    assert "No space left on device" in output
    m.ok("rm /mnt/f*; echo again > /mnt/again; umount /mnt")
    m.poweroff()
    fsck(small)


def test_limits(shell):
    script = r"""long=$(printf '%05000d' 0)
cat /$long; ls /$(printf 'a/%.0s' $(seq 3000)); cat $(printf '%0300d' 0)
"""
    m = shell(files={"long.sh": script})
    output, _ = m.run("sh /tests/long.sh")
    assert output.count("File name too long") == 3
    m.ok("echo alive")


def test_a_user_fault_kills_only_the_program(shell):
    m = shell()
    for name, status in (("segv", 139), ("ill", 132), ("div", 136), ("exec_stack", 139),
                         ("write_text", 139), ("kernel_read", 139)):
        assert m.run(f"/tests/fault {name}")[1] == status, name
    m.ok("echo alive")
    # Many faults of many programs: ten lines in five seconds, and as many deaths.
    before, start = m.output().count("fault["), time.monotonic()
    m.ok("sleep 5; i=0; while [ $i -lt 100 ]; do /tests/fault segv; i=$((i + $? / 139)); done")
    lines = m.output().count("fault[") - before
    assert 10 <= lines <= 10 * (1 + (time.monotonic() - start) / 5)


def test_wild_pointers_in_every_system_call(shell):
    m = shell()
    assert "survived" in m.ok("/tests/wild", timeout=300)
    m.ok("ls /; echo alive")
    m.poweroff()
    fsck(m.disk)


def test_too_many_files_and_processes(shell):
    m = shell()
    assert "files ok" in m.ok("/tests/limits files", timeout=300)
    assert "processes ok" in m.ok("/tests/limits processes", timeout=600)
    m.ok("ls /")


def test_out_of_memory_kills_the_program_that_asked(shell):
    m = shell(mem="64M")
    assert m.run("/tests/limits memory", timeout=600)[1] != 0
    m.ok("ls /; cat /etc/passwd")
    m.ok("find / -xdev -type f | xargs md5sum > /dev/null", timeout=600)
    m.poweroff()
    fsck(m.disk)


def test_unknown_system_call(shell):
    m = shell()
    for _ in range(2):
        assert m.ok("/tests/limits unknown") == "ENOSYS\n"
    assert "unknown system call" not in m.output()
    said = m.ok("dmesg")
    assert said.count("unknown system call") == 2
    assert "unknown system call 252 ioprio_get" in said

"""What the tests of disks share: images, partitions, contents, and disks that are slow or fail."""

import json
import os
import random
import struct
import subprocess

MIB = 1 << 20
SECTOR = 512
BLOCK = 4096
SEED = int(os.environ.get("SEED") or "1")


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


def noise(size):
    """Bytes without a pattern, made of SEED."""
    print(f"seed {SEED}")
    return random.Random(SEED).randbytes(size)


def pattern(number, seed=0):
    """What tests/user/blkio.c writes to a block."""
    words = (number * 1024 + i + seed for i in range(BLOCK // 4))
    return struct.pack(f"<{BLOCK // 4}I", *words)


def partitions(m, disk):
    """Partition -> (first sector, sectors), as /sys tells it."""
    said = m.ok(f"cd /sys/block/{disk}; for p in {disk}*; do echo $p `cat $p/start $p/size`; done")
    return {line.split()[0]: tuple(map(int, line.split()[1:])) for line in said.splitlines()
            if len(line.split()) == 3 and line.split()[1] != "*"}


def faulty(path, *rules, name="bad"):
    """QEMU's arguments for a virtio disk that follows blkdebug's rules. QEMU must not join requests
    that it gets together: it would fail them together."""
    unmap = {"discard": "unmap"}
    node = {"driver": "raw", "node-name": name, **unmap, "file": {
        "driver": "blkdebug", **unmap,
        "image": {"driver": "file", "filename": str(path), **unmap},
        "inject-error": [dict({"event": "none", "errno": 5}, **rule) for rule in rules]}}
    return ["-blockdev", json.dumps(node), "-device",
            f"virtio-blk-pci,drive={name},disable-legacy=on,werror=report,rerror=report,request-merging=off"]


def slow(path, **limits):
    """QEMU's arguments for a disk with so many bytes a second."""
    rate = "".join(f",throttling.bps-{name}={value}" for name, value in limits.items())
    return ["-drive", f"file={path},if=none,id=t,format=raw{rate}",
            "-device", "virtio-blk-pci,drive=t"]


"""Asynchronous I/O on disks that are slow or bad, and what the transfers of `make bench` cost."""

import re

import pytest

from disks import faulty
from test_errors import BAD, BAD_SECTOR, SIZE, image, lines  # noqa: F401 (a fixture)

# So slow that a program can end while its transfers are under way.
SLOW = ",throttling.iops-total=40"


def slow_disk(path):
    return ["-drive", f"file={path},if=none,id=slow,format=raw{SLOW}", "-device",
            "virtio-blk-pci,drive=slow,disable-legacy=on"]


@pytest.fixture
def empty(tmp_path):
    path = tmp_path / "empty"
    path.write_bytes(bytes(SIZE))
    return str(path)


def test_an_error_is_told_by_its_own_event(shell, image):
    """Neighbours that went as one request: only who touched the bad sector is told so."""
    m = shell(args=faulty(image, {"iotype": "read", "sector": BAD_SECTOR},
                          {"iotype": "write", "sector": BAD_SECTOR + 8}))
    m.ok("dmesg -n 1")  # the kernel's own line about the error is not the program's
    for what, field, bad in (("read", 1, BAD), ("write", 5, BAD + 1)):
        stat = f"awk '{{print ${field}, ${field + 1}, ${field + 2}}}' /sys/block/vdb/stat"
        before = list(map(int, m.ok(stat).split()))
        told = lines(m.ok(f"/tests/aio {what} /dev/vdb {BAD - 20} 64"))
        assert told == ["started: 64", f"block {bad}: EIO", "finished: 64"]
        done = [now - then for now, then in zip(map(int, m.ok(stat).split()), before)]
        assert done[0] <= 4 and done[0] + done[1] == 64 and done[2] == 512, (what, done)


@pytest.mark.parametrize("how", ["ends", "is killed"])
def test_a_program_that_goes_waits_for_its_transfers(shell, empty, how):
    m = shell(args=slow_disk(empty))
    if how == "ends":
        assert lines(m.ok("/tests/aio leave /dev/vdb 0 60")) == ["started: 60"]
    else:
        m.ok("/tests/aio stay /dev/vdb 0 60 > /tmp/said & echo $! > /tmp/pid")
        m.ok("until grep -q started /tmp/said; do usleep 10000; done")
        m.ok("kill -9 $(cat /tmp/pid); wait; true")
    reads, in_flight = map(int, m.ok("awk '{print $1 + $2, $9}' /sys/block/vdb/stat").split())
    assert reads >= 60 and in_flight == 0


def test_what_transfers_cost(shell, empty):
    """Neighbours merge, and 32 in flight share notifications and interrupts."""
    with open(empty, "r+b") as file:
        file.truncate(64 << 20)
    m = shell(more_disks=[empty], append="bench.disk=vdb bench.ms=300")
    rows = {name: list(map(int, numbers.split())) for name, numbers in
            re.findall(r"^row (\S+)((?: -?\d+){6})\r?$", m.ok("bench"), re.M)}
    for row in ("buffered-read-64m", "write-back-64m"):
        bios, requests = rows[row][2:4]
        assert bios >= 64 * 256 and requests < 300, rows
    _, _, _, requests, notifications, interrupts = rows["random-4k-32"]
    assert requests > 0
    assert notifications < 0.2 * requests and interrupts < 0.3 * requests, rows

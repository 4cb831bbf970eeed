"""virtio disks of every kind that QEMU offers, lies, resizes, and a minute of fuzzing.

A sample: `make test-virtio` runs the whole matrix.
"""

import os
import re
import subprocess
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/virtio"))
import liar  # noqa: E402
import matrix  # noqa: E402
import resize  # noqa: E402


@pytest.mark.parametrize("row", matrix.sample_rows(), ids=matrix.describe)
def test_matrix(row):
    print(f"seed {matrix.SEED}")
    assert matrix.run_row(row) == ""


@pytest.mark.parametrize("lie", liar.LIES)
def test_lie(lie):
    assert liar.run_lie(lie) == ""


@pytest.mark.parametrize("way", resize.WAYS)
def test_resize(way):
    assert resize.run_resize(way, matrix.DISK_BYTES * 3 // 2) == ""


def test_more_queues_than_vectors(shell, tmp_path):
    """Who gets no message is driven by its line: 26 disks of 8 queues want 234 vectors."""
    image = tmp_path / "many.img"
    image.write_bytes(bytes(1 << 20))
    args = []
    for n in range(1, 26):
        args += ["-drive", f"file={image},if=none,id=m{n},format=raw,readonly=on,file.locking=off",
                 "-device", f"virtio-blk-pci,drive=m{n},num-queues=8,disable-legacy=on"]
    machine = shell(args=args, append="blk.timeout=5")
    assert machine.ok("ls /dev/vd? | wc -l").strip() == "26"
    assert machine.ok("for d in /dev/vd?; do dd if=$d of=/dev/null bs=64k count=1 2>/dev/null || "
                      "echo $d; done") == ""
    assert "without completion" not in machine.output()


def test_fuzz_for_a_minute():
    done = subprocess.run(["make", "-s", "-C", TOP, "fuzz-virtio", "FUZZ_TIME=60"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=900, check=False)
    print(*re.findall(r"^INFO: Seed: \d+", done.stdout, re.M))
    assert done.returncode == 0, done.stdout[-4000:]
    assert "number_of_executed_units" in done.stdout

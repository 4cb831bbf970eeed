#!/usr/bin/python3
"""The device matrix: every way in which QEMU offers a virtio disk, driven and read back.

A row is one combination.  The kernel runs its `virtio` tests on it (a pattern written and read,
a hundred rebinds under I/O), and then the image is compared from outside.

    matrix.py            all rows, one line each
    matrix.py --sample   a few rows in which each pair of choices occurs; SEED= gives others
"""

import argparse
import concurrent.futures
import itertools
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KERNEL = os.environ.get("RINGLET_ELF", os.path.join(TOP, "build/ringlet.elf"))
QEMU = os.environ.get("QEMU", "qemu-system-x86_64")
SECONDS = 120
SEED = int(os.environ.get("SEED") or "1")
PATTERN_BYTES = 4 << 20
DISK_BYTES = 16 << 20

CHOICES = {
    "transport": ["modern", "legacy", "transitional", "mmio", "mmio-legacy"],
    "machine": ["pc", "q35"],
    "irq": ["msix", "shared", "intx", "poll"],
    "indirect": [1, 0],
    "event_idx": [1, 0],
    "ring": [256, 4, 1024],
    "queues": [1, 4],
    "sector": [512, 4096],
    "cache": ["on", "off"],
    "strict": [0, 1],
}
NAMES = list(CHOICES)


def is_mmio(row):
    return row["transport"].startswith("mmio")


def possible(row):
    """Not every choice has a meaning for every transport: then only its first one counts."""
    if is_mmio(row):
        # One line for everything, one machine, no firmware boot order.
        return row["irq"] in ("intx", "poll") and row["machine"] == "pc" and not row["strict"]
    return True


def all_rows():
    for values in itertools.product(*CHOICES.values()):
        row = dict(zip(NAMES, values))
        if possible(row):
            yield row


def pairs(row):
    items = [(name, row[name]) for name in NAMES]
    return set(itertools.combinations(items, 2))


def sample_rows():
    """Greedy: rows until each possible pair of choices has occurred; SEED alone decides which."""
    rows = list(all_rows())
    missing = set().union(*(pairs(row) for row in rows))
    dice = random.Random(SEED)
    chosen = []
    while missing:
        candidates = dice.sample(rows, 150)
        best = max(candidates, key=lambda row: len(pairs(row) & missing))
        if pairs(best) & missing:
            chosen.append(best)
            missing -= pairs(best)
    return chosen


def describe(row):
    return "-".join(f"{row[name]}" if isinstance(row[name], str) and name != "cache"
                    else f"{name}{row[name]}" for name in NAMES)


def device(row, drive):
    options = [f"drive={drive}", f"num-queues={row['queues']}", f"queue-size={row['ring']}",
               f"logical_block_size={row['sector']}", f"physical_block_size={row['sector']}",
               f"write-cache={row['cache']}", f"indirect_desc={'on' if row['indirect'] else 'off'}",
               f"event_idx={'on' if row['event_idx'] else 'off'}", f"serial=disk-{drive}"]
    if is_mmio(row):
        return ",".join(["virtio-blk-device", *options])
    if row["transport"] == "modern":
        options.append("disable-legacy=on")
    elif row["transport"] == "legacy":
        options.append("disable-modern=on")
    else:
        options.append("disable-legacy=off,disable-modern=off")
    if row["irq"] == "shared":
        options.append("vectors=2")
    elif row["irq"] == "intx":
        options.append("vectors=0")
    return ",".join(["virtio-blk-pci", *options])


def command(row, disks, log):
    words = ["ktest=virtio", "panic=exit", "blk.timeout=20"]
    if row["irq"] == "poll":
        words.append("blk.poll=1")
    args = [QEMU, "-m", "128M", "-nodefaults", "-display", "none", "-no-reboot",
            "-serial", f"file:{log}", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
    if is_mmio(row):
        args += ["-machine", "microvm,acpi=off", "-global",
                 f"virtio-mmio.force-legacy={'true' if row['transport'] == 'mmio-legacy' else 'false'}"]
        # The places from the last one down, as QEMU hands them out.
        words += ["virtio_mmio.device=512@0xfeb00e00:12", "virtio_mmio.device=512@0xfeb00c00:11"]
    else:
        args += ["-machine", row["machine"]]
        if row["strict"]:
            args += ["-boot", "strict=on"]
    for index, disk in enumerate(disks):
        args += ["-drive", f"file={disk},if=none,id=d{index},format=raw,cache=writeback,"
                           "werror=report,rerror=report",
                 "-device", device(row, f"d{index}")]
    return args + ["-kernel", KERNEL, "-append", " ".join(words)]


def run_qemu(args, seconds=SECONDS, meanwhile=lambda: None):
    """Returns QEMU's exit status, or None when it had to be killed."""
    qemu = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        meanwhile()
        qemu.communicate(timeout=seconds)
        return qemu.returncode
    except subprocess.TimeoutExpired:
        return None
    finally:
        try:
            os.killpg(qemu.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        qemu.wait()


def pattern_bytes():
    words = PATTERN_BYTES // 8
    return struct.pack(f"<{words}Q", *((i + 1) * 0x9E3779B97F4A7C15 % 2**64 for i in range(words)))


PATTERN = pattern_bytes()


def run_row(row):
    """Returns what went wrong, or an empty string."""
    with tempfile.TemporaryDirectory(prefix="ringlet-virtio-") as folder:
        disks = [os.path.join(folder, name) for name in ("a.img", "b.img")]
        log = os.path.join(folder, "log")
        for disk in disks:
            with open(disk, "wb") as file:
                file.truncate(DISK_BYTES)
        status = run_qemu(command(row, disks, log))
        text = ""
        if os.path.exists(log):
            with open(log, encoding="utf-8", errors="replace") as file:
                text = file.read().replace("\r", "")
        tail = "\n".join(text.splitlines()[-25:])
        if status is None:
            return f"no end after {SECONDS} s\n{tail}"
        if status != 1 or "# 0 of " not in text or "no second disk" in text:
            return f"QEMU's exit status {status}\n{tail}"
        if "serial disk-d1" not in text:
            return f"no serial number\n{tail}"
        with open(disks[1], "rb") as file:
            image = file.read()
        if image[:PATTERN_BYTES] != PATTERN or any(image[PATTERN_BYTES:]):
            return f"the image differs from what was written\n{tail}"
    return ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("-j", type=int, default=os.cpu_count())
    args = parser.parse_args()
    rows = sample_rows() if args.sample else list(all_rows())
    if args.list:
        print("\n".join(describe(row) for row in rows))
        return 0
    if args.sample:
        print(f"seed {SEED}", flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        for row, wrong in zip(rows, pool.map(run_row, rows)):
            failed += bool(wrong)
            print(f"{'FAIL' if wrong else 'ok  '} {describe(row)}", flush=True)
            if wrong:
                print("    " + wrong.replace("\n", "\n    "), flush=True)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())

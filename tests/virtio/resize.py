#!/usr/bin/python3
"""QEMU's monitor resizes a disk while the kernel reads it: seen as a new size, by every transport
that tells of it (tests/kernel/test_virtio.c)."""

import os
import socket
import sys
import tempfile
import time

from matrix import DISK_BYTES, SECONDS, command, run_qemu

BASE = {"transport": "modern", "machine": "pc", "irq": "msix", "indirect": 1, "event_idx": 1,
        "ring": 256, "queues": 1, "sector": 512, "cache": "on", "strict": 0}
WAYS = {
    "msix": {},
    "intx": {"irq": "intx", "machine": "q35"},
    "shared": {"irq": "shared", "queues": 4},
    "legacy": {"transport": "legacy"},
    "legacy-intx": {"transport": "legacy", "irq": "intx"},
    "mmio": {"transport": "mmio", "irq": "intx"},
    "mmio-legacy": {"transport": "mmio-legacy", "irq": "poll"},
}


def run_resize(way, size):
    """Returns what went wrong, or an empty string."""
    row = {**BASE, **WAYS[way]}
    with tempfile.TemporaryDirectory(prefix="ringlet-resize-") as folder:
        disks = [os.path.join(folder, name) for name in ("a", "b")]
        log, monitor = os.path.join(folder, "log"), os.path.join(folder, "monitor")
        for disk in disks:
            with open(disk, "wb") as file:
                file.truncate(DISK_BYTES)

        def text():
            if not os.path.exists(log):
                return ""
            with open(log, encoding="utf-8", errors="replace") as file:
                return file.read().replace("\r", "")

        def resize():
            end = time.monotonic() + SECONDS
            while "# resize now" not in text():
                if time.monotonic() > end:
                    return
                time.sleep(0.05) # nothing to wait on but the file
            with socket.socket(socket.AF_UNIX) as conn:
                conn.connect(monitor)
                conn.sendall(f"block_resize d1 {size}B\n".encode())
                conn.recv(4096)
                while "ok" not in text().split("# resize now")[1]:
                    if time.monotonic() > end:
                        return
                    time.sleep(0.05)

        args = command(row, disks, log)
        args[-1] += f" resize={size // 512}"
        status = run_qemu(args + ["-monitor", f"unix:{monitor},server=on,wait=off"],
                          meanwhile=resize)
        said = text()
    if status != 1 or "a_resize_is_seen_under_io\n" not in said:
        return f"QEMU's exit status {status}\n" + "\n".join(said.splitlines()[-20:])
    return ""


def main():
    failed = 0
    for way in WAYS:
        wrong = run_resize(way, DISK_BYTES * 3 // 2)
        failed += bool(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} resize-{way}", flush=True)
        if wrong:
            print("    " + wrong.replace("\n", "\n    "), flush=True)
    print(f"{len(WAYS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Lies that QEMU passes on, told by our vhost-user backend; one line each."""

import os
import subprocess
import sys
import tempfile

from matrix import KERNEL, QEMU, run_qemu
from vhost_user_blk import LIES

HERE = os.path.dirname(os.path.abspath(__file__))

# lie: what is expected of the disk (tests/kernel/test_liar.c), a text that the kernel prints
EXPECT = {
    "none": ("none", ""),
    "used-ahead": ("broken", "runs ahead"),
    "used-back": ("broken", "runs ahead"),
    "id-range": ("broken", "used id 4294967280 is out of range"),
    "id-no-head": ("broken", "is no buffer in flight"),
    "twice": ("broken", "broken: "),
    "length": ("broken", "may be written"),
    "length-short": ("one", "only 0 of 513 bytes written"),
    "status-3": ("one", "unknown status 0x3"),
    "status-unwritten": ("one", "unwritten status 0xff"),
    "never": ("broken", "request without completion"),
    "capacity-0": ("empty", "capacity is 0"),
    "capacity-huge": ("unchanged", "sectors is not possible"),
    "capacity-shrinks": ("smaller", ""),
}
assert sorted(EXPECT) == sorted(LIES)


def run_lie(lie, append=""):
    """Returns what went wrong, or an empty string."""
    expect, text = EXPECT[lie]
    with tempfile.TemporaryDirectory(prefix="ringlet-liar-") as folder:
        path = {name: os.path.join(folder, name) for name in ("a", "b", "socket", "log")}
        for disk in ("a", "b"):
            with open(path[disk], "wb") as file:
                file.truncate(8 << 20)
        backend = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "vhost_user_blk.py"), path["socket"], path["b"],
             lie], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            backend.stdout.readline() # "listening"
            status = run_qemu([
                QEMU, "-m", "128M", "-nodefaults", "-display", "none", "-no-reboot",
                "-object", "memory-backend-memfd,id=m,size=128M,share=on",
                "-machine", "q35,memory-backend=m", "-serial", f"file:{path['log']}",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
                "-drive", f"file={path['a']},if=none,id=d0,format=raw",
                "-device", "virtio-blk-pci,drive=d0,disable-legacy=on",
                "-chardev", f"socket,id=c,path={path['socket']}",
                "-device", "vhost-user-blk-pci,chardev=c,num-queues=1,disable-legacy=on",
                "-kernel", KERNEL,
                "-append", f"ktest=liar liar={expect} panic=exit blk.timeout=3 {append}"])
        finally:
            backend.kill()
            said = backend.communicate()[0]
        log = ""
        if os.path.exists(path["log"]):
            with open(path["log"], encoding="utf-8", errors="replace") as file:
                log = file.read().replace("\r", "")
    tail = "\n".join(log.splitlines()[-30:]) + "\nbackend: " + said
    if status != 1 or "# 0 of 1 failed" not in log or "SKIP" in log:
        return f"QEMU's exit status {status}\n{tail}"
    if "armed" not in said:
        return f"the backend was not armed\n{tail}"
    if text not in log:
        return f"the kernel did not say: {text}\n{tail}"
    return ""


def main():
    lies = sys.argv[1:] or LIES
    failed = 0
    for lie in lies:
        wrong = run_lie(lie)
        failed += bool(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} {lie}", flush=True)
        if wrong:
            print("    " + wrong.replace("\n", "\n    "), flush=True)
    print(f"{len(lies) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

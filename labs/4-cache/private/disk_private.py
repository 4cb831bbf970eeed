"""The hidden guest cases: less memory than data, and a disk with one bad block."""

from labkit.guest import Disk

BLOCK = 4096


def case_boot_memory(t):
    # 40 MiB go through a machine whose memory is smaller than that and the kernel together.
    content = t.random.randbytes(BLOCK) * 256
    content = b"".join(t.random.randbytes(64) + content[64:] for _ in range(40))
    source, target = t.image("source.img", content), t.image("target.img", len(content))
    run = t.boot("cat /dev/vdb >/dev/vdc; sync", [source, target], qemu=["-m", "40"])
    t.check(t.read(target) == content, "with little memory, the copy of vdb is not what vdb holds")
    written = run.stats[2]["wr_bytes"]
    t.check(written < 1.5 * len(content), f"{written} bytes were written to copy {len(content)}")


def case_boot_error(t):
    """What each of three programs was told of its fsync is a byte of vdd."""
    bad = t.random.randrange(8, 200)
    content = t.random.randbytes(256 * BLOCK)
    well, failed = (t.random.randbytes(8).hex() for _ in range(2))
    source, target = t.image("source.img", content), t.image("target.img", len(content))
    told = t.image("told.img", 3 * BLOCK)
    rule = {"event": "none", "errno": 5, "iotype": "write", "sector": bad * BLOCK // 512}
    say = "".join(
        f"if {command}; then w={well}; else w={failed}; fi\n"
        f"echo -n $w | dd of=/dev/vdd bs=4k seek={number} conv=notrunc 2>/dev/null\n"
        for number, command in enumerate((
            "dd if=/dev/vdb of=/dev/vdc bs=64k conv=fsync 2>/dev/null",
            "dd if=/dev/null of=/dev/vdc count=0 conv=notrunc,fsync 2>/dev/null",
            "dd if=/dev/vdb of=/dev/vdc bs=64k conv=fsync 2>/dev/null")))
    # The open descriptor keeps the cache of vdc from one program to the next.
    t.boot(f"exec 9</dev/vdc\n{say}sync\n", [source, Disk(target, faults=[rule]), told])
    words = [t.read(told, n * BLOCK, 16).decode(errors="replace") for n in range(3)]
    t.check(words[0] == failed, "a write of the disk failed, and fsync did not say so")
    t.check(words[1] == well, "the error was told, and the fsync of another file says it again")
    t.check(words[2] == failed, "the disk failed a write once more, and fsync did not say so")
    # The kernel sends a request that failed again in pieces, so that one block alone is lost.
    content = content[:bad * BLOCK] + bytes(BLOCK) + content[(bad + 1) * BLOCK:]
    t.check(t.read(target) == content, "one block failed, and another of vdc is not that of vdb")

"""The hidden guest cases: the line in place of vectors, and a disk with a bad block."""

from labkit.guest import Disk

BLOCK = 4096


def case_boot_line(t):
    content = t.random.randbytes(2 << 20)
    source, target = t.image("source.img", content), t.image("target.img", len(content))
    t.boot("cat /dev/vdb >/dev/vdc; sync", [source, target],
           append="virtio.msix=0 blk.idle_poll_us=0")
    t.check(t.read(target) == content, "with virtio.msix=0, the copy of vdb is not what vdb holds")


def case_boot_error(t):
    """What a program was told of a bad block and of a good one is in the bytes of vdc."""
    bad = t.random.randrange(8, 60)
    good = bad + 64
    source = t.image("source.img", t.random.randbytes(256 * BLOCK))
    told = t.image("told.img", 2 * BLOCK)
    well, failed = (t.random.randbytes(8).hex() for _ in range(2))
    rule = {"event": "none", "errno": 5, "iotype": "read", "sector": bad * BLOCK // 512}
    say = "".join(
        f"if dd if=/dev/vdb of=/dev/null bs=4k skip={block} count=1 2>/dev/null; then w={well}; "
        f"else w={failed}; fi\n"
        f"echo -n $w | dd of=/dev/vdc bs=4k seek={number} conv=notrunc 2>/dev/null\n"
        for number, block in enumerate((bad, good)))
    t.boot(f"{say}sync\n", [Disk(source, faults=[rule]), told])
    words = [t.read(told, n * BLOCK, 16).decode(errors="replace") for n in range(2)]
    t.check(words[0] == failed, "the disk failed a read, and the program was not told")
    t.check(words[1] == well, "a good block was not read after a bad one")

"""The student's kernel boots from a disk and copies another."""


def case_boot_copy(t):
    content = t.random.randbytes(2 << 20)
    source, target = t.image("source.img", content), t.image("target.img", len(content))
    t.boot("cat /dev/vdb >/dev/vdc; sync", [source, target], append="blk.idle_poll_us=0")
    t.check(t.read(target) == content, "what was copied from vdb to vdc is not what vdb holds")

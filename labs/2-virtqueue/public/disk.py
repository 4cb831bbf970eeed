"""The student's kernel boots from a disk and reads another."""


def case_boot_read(t):
    # vdb is read through the cache and its bytes are written, turned round, to vdc: whoever did
    # not read vdb cannot know them.
    content = bytes(t.random.randrange(256) for _ in range(4096)) * 16 + \
        t.random.randbytes(1 << 20)
    source, target = t.image("source.img", content), t.image("target.img", len(content))
    t.boot("cat /dev/vdb >/dev/vdc; sync", [source, target])
    t.check(t.read(target) == content, "what was copied from vdb to vdc is not what vdb holds")

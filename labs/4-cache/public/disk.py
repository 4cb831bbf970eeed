"""The student's kernel boots from a disk and copies another, through its page cache."""


def case_boot_copy(t):
    # vdb is read twice and written, once each, to vdc and vdd.
    content = bytes(t.random.randrange(256) for _ in range(4096)) * 16 + t.random.randbytes(1 << 20)
    source = t.image("source.img", content)
    targets = [t.image(f"target{n}.img", len(content)) for n in range(2)]
    # The open descriptor keeps the cache of vdb between the two.
    run = t.boot("exec 9</dev/vdb; cat /dev/vdb >/dev/vdc; cat /dev/vdb >/dev/vdd; sync",
                 [source, *targets])
    for name, target in zip(("vdc", "vdd"), targets):
        t.check(t.read(target) == content, f"what was copied to {name} is not what vdb holds")
    read = run.stats[1]["rd_bytes"]
    t.check(read < 1.5 * len(content), f"{read} bytes were read of vdb's {len(content)}: the second "
                                       "copy should find them in the cache")

"""The student's kernel writes a disk, and QEMU counts its requests."""


def case_boot_merge(t):
    content = t.random.randbytes(2 << 20)
    source, target = t.image("source.img", content), t.image("target.img", len(content))
    run = t.boot("dd if=/dev/vdb of=/dev/vdc bs=4k 2>/dev/null; sync", [source, target])
    t.check(t.read(target) == content, "what dd copied from vdb to vdc is not what vdb holds")
    # QEMU may join requests itself: both numbers together are what the kernel sent.
    stats = run.stats[2]
    sent = stats["wr_operations"] + stats["wr_merged"]
    t.check(sent <= 64, f"2 MiB were written in order, in {sent} requests; 64 are enough")

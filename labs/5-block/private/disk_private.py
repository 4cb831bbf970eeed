"""The hidden guest case: fsync reaches the disk as a flush."""


def case_boot_flush(t):
    count = 3 + t.random.randrange(5)
    target = t.image("target.img", 1 << 20)
    script = "\n".join(f"dd if=/dev/zero of=/dev/vdb bs=4k count=1 seek={i} conv=fsync 2>/dev/null"
                       for i in range(count))
    run = t.boot(script, [target])
    flushes = run.stats[1]["flush_operations"]
    t.check(flushes >= count, f"{count} writes with fsync, and the disk was flushed {flushes} times")

"""The hidden guest cases: many in flight, and as few notifications as the ring allows."""


def case_boot_write(t):
    content = t.random.randbytes(6 << 20)
    source, target = t.image("source.img", content), t.image("target.img", len(content))
    run = t.boot("dd if=/dev/vdb of=/dev/vdc bs=64k 2>/dev/null; sync", [source, target])
    t.check(t.read(target) == content, "what dd copied from vdb to vdc is not what vdb holds")
    stats = run.stats[2]
    # QEMU counts what it merged apart.
    requests = sum(stats[f"{kind}_{what}"] for kind in ("rd", "wr", "flush")
                   for what in ("operations", "merged") if f"{kind}_{what}" in stats)
    t.check(run.notifications[2] <= requests + 8,
            f"vdc was notified {run.notifications[2]} times for {requests} requests")


def case_boot_modes(t):
    """The same with each feature off, by the kernel's command line."""
    content = t.random.randbytes(1 << 20)
    for number, line in enumerate(("virtio.indirect=0", "virtio.event_idx=0",
                                   "virtio.indirect=0 virtio.event_idx=0")):
        source = t.image(f"source{number}.img", content)
        target = t.image(f"target{number}.img", len(content))
        t.boot("cat /dev/vdb >/dev/vdc; sync", [source, target], append=line)
        t.check(t.read(target) == content, f"with {line}, the copy of vdb is not what vdb holds")

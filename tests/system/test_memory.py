"""Memory that runs out, and address spaces with many mappings."""

import re

import pytest


@pytest.mark.parametrize("how", ["read", "touch", "fork"])
def test_who_holds_most_memory_ends(shell, how):
    """A user fills the machine, also by the kernel's own faults; root's programs go on."""
    m = shell(mem="48M")
    m.type("/tests/hog hold 3 &")
    m.expect_text("held")
    m.send("\r")
    m.wait_prompt()
    free = int(m.ok("free").split("\n")[1].split()[3])
    m.type(f"/tests/hog {how} &")
    m.wait_prompt()
    m.expect(r"Out of memory: Killed process \d+ \(hog\) .*UID:65534", timeout=300)
    for _ in range(5):
        assert "passwd" in m.ok("ls /etc", timeout=300)
        assert "sub" in m.ok("(echo sub)", timeout=300)
    assert not re.search(r"Killed process.* UID:0", m.output())
    m.run("killall -9 hog; wait", timeout=300)
    assert int(m.ok("free").split("\n")[1].split()[3]) > 0.9 * free
    m.poweroff()


def test_many_mappings_cost_no_more_each(shell):
    """With -icount the guest's clock counts instructions: no noise of the machine is in it."""
    m = shell(args=["-icount", "shift=0,sleep=off"])
    costs = {}
    for line in m.ok("/tests/vmacost", timeout=600).split("\n"):
        found = re.match(r"(\w+) (\d+) (\d+)\s*$", line)
        if found:
            costs.setdefault(found[1], []).append(int(found[3]))
    assert set(costs) == {"mmap", "gap", "fault", "mprotect", "mremap", "munmap", "fork_exit"}
    for what, (few, many) in costs.items():
        assert many < 2.5 * few, (what, costs)
    m.poweroff()

"""gdb over QEMU's stub: from the first instruction on, and on the hops of the path."""

import os
import re
import subprocess

import pytest

from ringlet import TOP, SECONDS, fsck, sh

ELF = os.path.join(TOP, "build/ringlet.elf")


def gdb(machine, *commands, wait=True):
    arguments = ["gdb", "-q", "-nx", "-batch", "-ex", "set pagination off",
                 "-ex", "set debuginfod enabled off", "-ex", f"target remote {machine.gdb_path}"]
    for command in commands:
        arguments += ["-ex", command]
    process = subprocess.Popen([*arguments, ELF], cwd=TOP, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return process.communicate(timeout=SECONDS)[0] if wait else process


def test_from_the_first_instruction(boot, make_disk):
    m = boot(disks=[make_disk()], args=["-S"])
    said = gdb(m, "break kernel_main", "continue", "bt 1", "break submit_bio", "continue", "bt",
               "delete", "detach")
    assert re.search(r"#0 .*kernel_main", said), said
    assert re.search(r"#0 .*submit_bio", said) and "device_add_disk" in said, said
    m.login()
    m.poweroff()


def test_backtrace_from_the_block_layer_to_the_system_call(shell):
    m = shell(files={"unread": "never read before\n" * 1000, "c": "cat /tests/unread | wc -l\n"})
    # Reads only: the flusher may be writing meanwhile.
    debugger = gdb(m, "break submit_bio if (bio->bi_opf & 255) == 0", "echo ready\\n", "continue", "bt", "delete", "detach",
                   wait=False)
    # From here on gdb has the machine stopped until it says continue: what is typed waits.
    assert any("ready" in line for line in debugger.stdout), "gdb ended early"
    m.send("sh /tests/c\r")  # fits in the UART's FIFO
    said = debugger.communicate(timeout=SECONDS)[0]
    assert re.search(r"#0 .*submit_bio", said), said
    assert re.search(r"#\d+ .*(sys_read|do_syscall|syscall)", said), said
    m.expect_text("1000")
    m.wait_prompt()
    m.poweroff()
    fsck(m.disk)


# gdb's own Python: a breakpoint at every function named, gone when it was hit once.
FOLLOW = """
names = {names}
points = {{gdb.Breakpoint(name).number: name for name in [*names, "{last}"]}}
seen = set()

def stopped(event):
    for point in getattr(event, "breakpoints", []):
        seen.add(points[point.number])
        point.enabled = False

gdb.events.stop.connect(stopped)
print("ready", flush=True)
while not set(names) <= seen and "{last}" not in seen:
    gdb.execute("continue", to_string=True)
print("hit:", " ".join(sorted(seen)), flush=True)
gdb.execute("delete")
gdb.execute("detach")
"""


def functions_of_the_hops():
    """What the column "here" of the table of docs/design.md names as a function, by hop."""
    with open(os.path.join(TOP, "docs/design.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| (\d+ [a-z -]+?) \| (.*?) \| ", file.read(), re.M)
    return {hop: re.findall(r"`([a-z_]\w*)`", here) for hop, here in rows}


@pytest.mark.parametrize("block", [1024, 4096])
def test_every_hop_is_hit_by_a_cat_and_a_write(boot, make_disk, tmp_path, block):
    hops = functions_of_the_hops()
    names = {name for functions in hops.values() for name in functions}
    assert len(hops) == 14 and all(hops.values())
    functions = {line.split()[-1] for line in sh("nm", ELF).splitlines()}
    assert names <= functions, names - functions
    with open(os.path.join(TOP, "tools/gdbinit"), encoding="utf-8") as file:
        reminded = set(" ".join(re.findall(r"^  echo   (.*)\\n$", file.read(), re.M)).split())
    assert len(reminded) > 8 and reminded <= functions, reminded - functions

    # Neighbouring blocks of one file merge. 12 MiB of 64 are more than the flusher leaves dirty.
    script = """head -c 512 /dev/vda >/dev/null
cat /tests/unread >/dev/null
dd if=/dev/zero of=/tests/many bs=64k count=192 2>/dev/null
dd if=/tests/unread of=/tests/copy bs=64k conv=fsync 2>/dev/null
poweroff
"""
    disk = make_disk(files={"unread": "never read before\n" * 4000, "c": script}, block=block)
    m = boot(disks=[disk], mem="64M", append="blk.idle_poll_us=0", args=["-S"])
    # The flusher's thread begins during boot; all others are for the programs to reach.
    said = gdb(m, "break flusher_thread", "continue", "delete", "detach")
    assert re.search(r"Breakpoint 1, .*flusher_thread", said), said
    names.remove("flusher_thread")
    m.login()
    follow = tmp_path / "follow.py"
    follow.write_text(FOLLOW.format(names=sorted(names), last="power_off"))
    debugger = gdb(m, f"source {follow}", wait=False)
    assert any("ready" in line for line in debugger.stdout), "gdb ended early"
    m.send("sh /tests/c\r")  # fits in the UART's FIFO
    said = debugger.communicate(timeout=SECONDS)[0]
    found = re.search(r"^hit: (.*)$", said, re.M)
    assert found, said
    assert set(found.group(1).split()) >= names, f"never hit: {names - set(found.group(1).split())}"
    assert m.wait_exit() == 0
    fsck(disk)

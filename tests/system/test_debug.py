"""gdb over QEMU's stub: from the first instruction on, and on the hops of the path."""

import os
import re
import subprocess

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


def test_hops_are_functions():
    with open(os.path.join(TOP, "tools/gdbinit"), encoding="utf-8") as file:
        hops = re.findall(r"^  echo   (.*)\\n$", file.read(), re.M)
    names = " ".join(hops).split()
    functions = {line.split()[-1] for line in sh("nm", ELF).splitlines()}
    assert len(names) > 8 and set(names) <= functions

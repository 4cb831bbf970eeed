"""What only Ringlet can be asked: its log, its settings below /proc/sys, and what /proc tells of it."""

from ringlet import fsck


def log_marks(text):
    return text.count("segfault at")


def test_the_log_is_read_cleared_and_silenced(shell):
    m = shell()
    assert "Ringlet" in m.ok("dmesg")
    assert "<4>" in m.ok("dmesg -r | head -n 1")
    assert m.ok("cat /proc/sys/kernel/printk") == "7\t4\t1\t7\n"
    output, _ = m.run("/tests/fault segv")
    assert log_marks(output) == 1  # on the console
    assert log_marks(m.ok("dmesg -c")) == 1
    assert m.ok("dmesg") == ""
    m.ok("dmesg -n 1")
    assert m.ok("cat /proc/sys/kernel/printk").startswith("1\t4\t1\t7")
    output, _ = m.run("/tests/fault segv")
    assert log_marks(output) == 0
    assert log_marks(m.ok("dmesg")) == 1  # and only what came since
    # Messages of the default level 0 come through even so.
    m.ok("echo '1 0' > /proc/sys/kernel/printk")
    output, _ = m.run("/tests/fault segv")
    assert log_marks(output) == 1
    _, status = m.run("echo x > /proc/sys/kernel/printk")
    assert status != 0
    m.ok("echo 7 4 1 7 > /proc/sys/kernel/printk")
    m.poweroff()
    fsck(m.disk)


def test_the_log_is_guarded(shell):
    m = shell()
    m.ok("su nobody -s /bin/sh -c 'dmesg' | grep Ringlet")
    _, status = m.run("su nobody -s /bin/sh -c 'dmesg -c >/dev/null'")
    assert status != 0
    _, status = m.run("su nobody -s /bin/sh -c 'echo 1 > /proc/sys/kernel/printk'")
    assert status != 0
    assert "Ringlet" in m.ok("dmesg")


def number(m, command):
    return int(m.ok(command).split()[0])


def test_caches_are_dropped(shell):
    m = shell()
    m.ok("seq 1 300000 > /big; sync; cat /big > /dev/null; ls -lR / > /dev/null")
    cached = number(m, "grep ^Cached: /proc/meminfo | tr -dc '0-9'")
    requests = "tail -n 1 /proc/ringlet/disks | cut -d' ' -f3"
    before = number(m, requests)
    m.ok("cat /big > /dev/null")
    assert number(m, requests) - before < 5  # it is in memory
    m.ok("echo 3 > /proc/sys/vm/drop_caches")
    assert number(m, "grep ^Cached: /proc/meminfo | tr -dc '0-9'") < cached - 1000
    before = number(m, requests)
    m.ok("cat /big > /dev/null")
    assert number(m, requests) - before > 10  # it was read again
    for wrong in ("0", "5", "x", "''"):
        _, status = m.run(f"echo {wrong} > /proc/sys/vm/drop_caches")
        assert status != 0, wrong
    m.poweroff()
    fsck(m.disk)


def test_the_machine_has_a_name(shell):
    m = shell()
    m.ok("echo 'a longer name' > /proc/sys/kernel/hostname")
    assert m.ok("uname -n") == "a longer name\n"
    m.ok("hostname short")
    assert m.ok("cat /proc/sys/kernel/hostname") == "short\n"
    _, status = m.run("su nobody -s /bin/sh -c 'echo x > /proc/sys/kernel/hostname'")
    assert status != 0
    assert m.ok("hostname") == "short\n"


def test_numbers_of_processes_end_where_told(shell):
    m = shell(files={"many.sh": "for i in $(seq 300); do sh -c 'echo $$'; done\n"})
    for wrong in ("300", "4194305", "x", "''"):
        _, status = m.run(f"echo {wrong} > /proc/sys/kernel/pid_max")
        assert status != 0, wrong
    m.ok("echo 330 > /proc/sys/kernel/pid_max")
    pids = [int(line) for line in m.ok("sh /tests/many.sh").split()]
    assert len(pids) == 300 and max(pids) < 330
    assert pids[-1] >= 300  # those below are for the first round only
    m.ok("echo 32768 > /proc/sys/kernel/pid_max")
    assert max(int(line) for line in m.ok("sh /tests/many.sh").split()) > 330
    m.poweroff()
    fsck(m.disk)


def test_kernel_threads_are_shown_and_left_alone(shell):
    m = shell()
    shown = m.ok("ps -o pid,ppid,stat,args")
    kernel = {line.split()[3]: line.split()[:3] for line in shown.splitlines() if "[" in line}
    assert {"[ksoftirqd]", "[kworker]", "[flusher]"} <= set(kernel)
    assert all(ppid == "0" for _, ppid, _ in kernel.values())
    assert "[boot]" not in kernel  # it has ended
    pid = kernel["[flusher]"][0]
    m.ok(f"kill -9 {pid}; kill -STOP {pid}; kill -0 {pid}")
    output, status = m.run(f"su nobody -s /bin/sh -c 'kill -0 {pid}'")
    assert status != 0 and "not permitted" in output
    m.ok(f"test -z \"$(cat /proc/{pid}/cmdline)\" && ls /proc/{pid}/fd && grep PPid /proc/{pid}/status")
    _, status = m.run(f"readlink /proc/{pid}/exe")
    assert status != 0
    m.ok("echo x > /f; sync")  # the flusher is alive
    assert "[flusher]" in m.ok("ps")
    m.poweroff()
    fsck(m.disk)


def test_set_id_bits_mean_nothing_without_new_privileges(shell):
    m = shell()
    m.ok("cp /tests/nnp /tmp/nnp; chmod 4755 /tmp/nnp")
    assert m.ok("su nobody -s /bin/sh -c '/tmp/nnp run /tmp/nnp show'") == "0\n"
    assert m.ok("su nobody -s /bin/sh -c '/tmp/nnp give /tmp/nnp show'") == "65534\n"


def test_interrupts_have_names(shell):
    m = shell()
    m.ok("cat /bin/busybox > /dev/null; sync")
    rows = {line.split()[-1]: line.split() for line in m.ok("cat /proc/interrupts").splitlines()}
    assert int(rows["ttyS0"][1]) > 0 and "IO-APIC" in rows["ttyS0"]
    assert int(rows["virtio0-req.0"][1]) > 0 and "PCI-MSI" in rows["virtio0-req.0"]
    assert "virtio0-config" in rows
    errors = [line.split() for line in m.ok("cat /proc/interrupts").splitlines() if "ERR" in line]
    assert errors == [["ERR:", "0"]]


def test_lines_have_names_too(boot, make_disk):
    m = boot(disks=[make_disk()], machine="q35", append="virtio.msix=0").login()
    m.ok("cat /bin/busybox > /dev/null; sync")
    lines = [line.split() for line in m.ok("cat /proc/interrupts").splitlines()]
    assert any(line[-1] == "virtio0" and "IO-APIC" in line for line in lines)
    assert ["ERR:", "0"] in lines
    assert "GenuineIntel" in m.ok("cat /proc/cpuinfo") or "AuthenticAMD" in m.ok("cat /proc/cpuinfo")

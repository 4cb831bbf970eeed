"""One build boots on each machine, by each loader, in each size."""

import re

import pytest

from ringlet import TOP, fsck, sh


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("loader", ["kernel", "iso"])
@pytest.mark.parametrize("mem", ["64M", "8G"])
def test_boots(shell, machine, loader, mem):
    m = shell(machine=machine, boot=loader, mem=mem)
    total = int(re.search(r"Mem:\s+(\d+)", m.ok("free -k")).group(1))
    wanted = (64 if mem == "64M" else 8192) * 1024
    assert wanted * 0.75 < total <= wanted
    m.poweroff()
    fsck(m.disk)


@pytest.mark.parametrize("cpu", ["qemu64", "max"])
def test_processors(shell, cpu):
    m = shell(cpu=cpu)
    assert "root=/dev/vda" in m.ok("cat /proc/cmdline")
    m.poweroff()


def test_several_processors_do_no_harm(shell):
    m = shell(smp=2)
    m.ok("ls /")
    m.poweroff()


def test_strict_boot_order_leaves_the_disk_untouched_by_firmware(shell):
    m = shell(args=["-boot", "strict=on"])
    m.ok("ls /")
    m.poweroff()


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("vectors", [2, 0])
def test_firmware_that_assigns_nothing(shell, machine, vectors):
    """qboot leaves the addresses of BARs to the kernel; interrupts by message, and by line."""
    m = shell(machine=machine, args=["-bios", "qboot.rom"], device_options=f",vectors={vectors}")
    m.ok("md5sum /bin/busybox")
    m.poweroff()
    fsck(m.disk)


@pytest.mark.parametrize("machine,bridges,place", [
    ("q35", ["pcie-root-port,id=last,chassis=1"], "disable-legacy=on"),
    ("pc", ["pci-bridge,id=first,chassis_nr=1", "pci-bridge,id=last,bus=first,chassis_nr=2,addr=3"],
     "addr=5,disable-modern=on"),
])
def test_firmware_that_opens_no_bridge(boot, make_disk, machine, bridges, place):
    disk = make_disk()
    args = ["-bios", "qboot.rom", "-drive", f"file={disk},if=none,id=d,format=raw"]
    for bridge in bridges:
        args += ["-device", bridge]
    args += ["-device", f"virtio-blk-pci,drive=d,bus=last,{place}"]
    m = boot(machine=machine, args=args).login()
    m.ok("md5sum /bin/busybox")
    m.poweroff()
    fsck(disk)


@pytest.mark.parametrize("iommu", [False, True])
def test_disk_behind_an_iommu_that_is_off(shell, iommu):
    m = shell(machine="q35", device_options=",iommu_platform=on",
              args=["-device", "intel-iommu"] if iommu else [])
    features = int(re.search(r"vda: .*features (0x[0-9a-f]+)", m.output()).group(1), 16)
    assert features >> 33 & 1
    m.ok("ls /")
    m.poweroff()
    fsck(m.disk)


def test_reboot_starts_again(shell):
    m = shell()
    m.type("reboot")
    m.expect_text("restarting")
    m.login()
    m.poweroff()


def test_says_how_long_boot_took(shell):
    m = shell()
    took = re.search(r"shell after (\d+) ms", m.output())
    assert took, m.tail(200)
    print("boot took", took.group(1), "ms")


def test_init_on_the_command_line(boot, make_disk):
    disk = make_disk(files={"init.sh": "#!/bin/sh\necho my own init, pid $$\nexec sh\n"})
    m = boot(disks=[disk], append="init=/tests/init.sh")
    m.expect_text("my own init, pid 1")
    m.wait_prompt()
    m.poweroff("poweroff -f")  # without an init that would do more


def test_read_only_root(boot, make_disk):
    m = boot(disks=[make_disk()], append="ro").login()
    output, status = m.run("echo x > /new")
    assert status != 0 and "Read-only file system" in output


def test_dead_init_is_a_panic_with_a_status(boot, make_disk):
    disk = make_disk(files={"init.sh": "#!/bin/sh\nexit 3\n"})
    m = boot(disks=[disk], append="init=/tests/init.sh panic=exit")
    m.expect(r"(?i)panic.*init")
    assert m.wait_exit() not in (0, None)


def test_help_fits_a_terminal():
    lines = sh("make", "-s", "help", cwd=TOP).splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80


def test_second_make_run_starts_within_a_second(tmp_path):
    sh("make", "-C", TOP, "all")
    sh("timeout", "2", "make", "-C", TOP, "run", f"QEMU={tmp_path}/qemu",
       env=_with_fake_qemu(tmp_path))


def _with_fake_qemu(tmp_path):
    import os
    qemu = tmp_path / "qemu"
    qemu.write_text("#!/bin/sh\nexit 0\n")
    qemu.chmod(0o755)
    return {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}

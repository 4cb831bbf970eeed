"""Times of files: told at once as the disk keeps them, by 128 bytes of inode or by 256."""

import pytest

from ringlet import fsck

FAR = {"past": -5000000000, "early": -2000000000, "new": 2500000000, "far": 99999999999}
LAST = {128: 2**31 - 1, 256: 2**31 - 1 + (3 << 32)}
FIRST = -2**31


@pytest.mark.parametrize("inode", [128, 256])
def test_stat_shows_what_the_disk_keeps(boot, make_disk, inode):
    disk = make_disk()
    second = make_disk(name="second.img", empty=True, inode=inode)
    machine = boot(disks=[disk, second]).login()
    machine.ok("mkdir /m && mount -t ext2 /dev/vdb /m && cd /m && mkdir d && ln -s d l && echo x > now")
    for name, seconds in FAR.items():
        machine.ok(f"touch -d @{seconds} {name}")
    ask = "stat -c '%n %X %Y %Z %x %y %z' * | sort"
    before, _ = machine.run(ask)
    for name, seconds in FAR.items():
        kept = max(min(seconds, LAST[inode]), FIRST)
        assert f"{name} {kept} {kept} " in before.replace("\r", ""), before
    machine.ok("cd / && umount /m && mount -o noatime -t ext2 /dev/vdb /m && cd /m")
    after, _ = machine.run(ask)
    assert before == after
    machine.poweroff()
    fsck(second)

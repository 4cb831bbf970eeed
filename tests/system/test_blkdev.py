"""Block nodes, by tests/user/blkdev.c, which Linux passes too."""

import pytest

from disks import MIB, partition
from test_user_programs import names_in, parse

TESTS = names_in("blkdev.c")


@pytest.fixture(scope="module")
def said():
    """What the program said; it runs once."""
    return {}


@pytest.mark.parametrize("name", TESTS)
def test_block_node(shell, tmp_path, said, name):
    if not said:
        disk = partition(tmp_path / "disk", "label: dos\nstart=2048, size=16384, type=83\n",
                         16 * MIB)
        m = shell(more_disks=[disk])
        text, _ = m.run("DISK=/dev/vdb PART=/dev/vdb1 /tests/blkdev", timeout=300)
        said.update({"text": text, **parse(text)})
    assert said.get(name), said["text"]

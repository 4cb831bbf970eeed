"""What the tests of labs share: the kit, and one base tree for all of them."""

import os
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools"))
sys.dont_write_bytecode = True

from labkit import Trouble, base, sandbox, spec  # noqa: E402

ALL = os.environ.get("LABS") == "all"  # the whole; else a sample
JOBS = 1 if os.environ.get("PYTEST_XDIST_WORKER") else 2


def pytest_collection_modifyitems(items):
    """Where no sandbox can be made, nothing is graded, and no test can say more than that."""
    try:
        where = sandbox.scratch()
        done = sandbox.run(["true"], where)
        sandbox.remove(where)
        why = "" if done.status == 0 else done.out.strip()
    except (Trouble, OSError) as trouble:
        why = str(trouble)
    for item in items:
        if why:
            item.add_marker(pytest.mark.skip(reason=f"no sandbox on this machine: {why}"))
        elif not ALL and item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="make test-labs: it takes long"))


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: only make test-labs runs it")


@pytest.fixture(scope="session")
def virtqueue():
    return spec.find("virtqueue")


@pytest.fixture(scope="session")
def tree(virtqueue):
    """The pristine tree, built once for all."""
    return base.get(virtqueue)

"""What the tests of labs share: the kit, and one base tree for all of them."""

import os
import subprocess
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools"))
sys.dont_write_bytecode = True

from labkit import base, spec  # noqa: E402

ALL = os.environ.get("LABS") == "all"  # the whole; else a sample
JOBS = 1 if os.environ.get("PYTEST_XDIST_WORKER") else 2


def pytest_collection_modifyitems(items):
    """Skip what takes long, and all of it where the kernel allows no namespaces. bubblewrap itself is
    asked, and not the kit: a fault of the kit's must fail."""
    user = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    probe = subprocess.run(["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"], cwd="/",
                           capture_output=True, text=True, check=False, **user)
    for item in items:
        if probe.returncode:
            item.add_marker(pytest.mark.skip(
                reason=f"no namespaces on this machine: {probe.stderr.strip()}"))
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

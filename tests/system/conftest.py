"""Fixtures of the system tests."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ringlet  # noqa: E402


@pytest.fixture
def boot(tmp_path):
    """Boot machines, and end them after the test: boot(disks=[...], mem=..., ...). One that is still
    at its prompt then is powered off, and its disks are judged."""
    machines = []

    def start(**options):
        machine = ringlet.Machine(str(tmp_path), **options)
        machines.append(machine)
        return machine

    yield start
    try:
        for machine in machines:
            machine.finish()
    finally:
        for machine in machines:
            machine.kill()


@pytest.fixture
def make_disk(tmp_path):
    """Make a disk image of the test's own: make_disk(name="d.img", files={...}, block=...)."""

    def make(name="disk.img", **options):
        return ringlet.make_disk(tmp_path / name, **options)

    return make


@pytest.fixture
def shell(boot, make_disk):
    """Boot to a prompt on a disk that carries `files` below /tests."""

    def start(files=None, block=1024, **options):
        disk = make_disk(files=files, block=block)
        machine = boot(disks=[disk, *options.pop("more_disks", [])], **options).login()
        machine.disk = disk
        return machine

    return start

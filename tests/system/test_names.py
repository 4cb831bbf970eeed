"""A sample of the random operations on names; `make test-names` plays a thousand sequences."""

import os
import sys

import pytest

from ringlet import TOP

sys.path.insert(0, os.path.join(TOP, "tests/names"))
import names  # noqa: E402


@pytest.mark.parametrize("seed", range(1, 13))
def test_sequence(seed):
    names.play(seed)


def test_sequences_leak_nothing():
    names.play_all(list(range(201, 213)))

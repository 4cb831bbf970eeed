"""A sample of the random operations on names; `make test-names` plays a thousand sequences."""

import os
import sys

import pytest

from ringlet import TOP

sys.path.insert(0, os.path.join(TOP, "tests/names"))
import names  # noqa: E402


SEED = int(os.environ.get("SEED") or "1")  # of the first sequence


@pytest.mark.parametrize("seed", range(SEED, SEED + 12))
def test_sequence(seed):
    names.play(seed)


def test_sequences_leak_nothing():
    first = SEED + 200
    print(f"seeds {first} to {first + 11}")
    names.play_all(list(range(first, first + 12)))

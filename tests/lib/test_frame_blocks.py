"""Blocks of carriers and of time origins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech.lib import frame_blocks
from mda_ionmech.lib.frame_blocks import carrier_blocks, frames_at_once, origin_blocks


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 60), st.integers(0, 59), st.integers(1, 30), st.integers(0, 5))
def test_blocks_hold_every_origin_once(n, window, most, first):
    blocks = list(origin_blocks(n, window, most, first))
    assert [t for a, b in blocks for t in range(a, b)] == list(range(first, n - window))
    assert all(0 < b - a <= most for a, b in blocks)


@pytest.mark.parametrize("n", [1, 7, 40])
def test_blocks_hold_every_carrier_once(n, monkeypatch):
    monkeypatch.setattr(frame_blocks, "BLOCK_BYTES", 24 * 9 * 3)
    blocks = list(carrier_blocks(np.empty((n, 3, 9))))
    assert [c for a, b in blocks for c in range(a, b)] == list(range(n))
    assert all(b - a <= 3 for a, b in blocks)


def test_a_block_has_some_frames_however_many_carriers():
    assert frames_at_once(10**9) == frame_blocks.FEWEST
    assert frames_at_once(5) == frame_blocks.BLOCK_NUMBERS // 5

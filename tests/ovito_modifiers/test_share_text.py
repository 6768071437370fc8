"""Shares in the legend of OVITO have the text of the report."""

import numpy as np

from mda_ionmech.lib.number_text import part, percent
from ovito_modifiers.share_text import share_text


def test_shares_are_rounded_as_in_the_report():
    rng = np.random.default_rng(1)
    values = rng.normal(size=300) * 10.0 ** rng.integers(-3, 1, size=300)
    spread = np.abs(rng.normal(size=300)) * 10.0 ** rng.integers(-6, 0, size=300)
    values = np.where(np.abs(values) < 1e-4, 0.3, values)  # smaller ones have powers of ten there
    for value, half in zip(values, spread, strict=True):
        one = value, value - half, value + 1.5 * half
        assert share_text(*one) == f"{percent(*one)[0]}%"
    for value in values:
        assert share_text(value, np.nan, np.nan) == f"{part(value)}%"
    assert share_text(np.nan, np.nan, np.nan) == "-"
    assert share_text(1e-17, -1e-18, 1e-16) == "0%"

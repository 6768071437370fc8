"""Hops between sites: single-ion, concerted, and back-and-forth ones."""

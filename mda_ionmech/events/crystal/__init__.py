"""Hops between sites: single-ion hops, concerted hops and exchanges."""

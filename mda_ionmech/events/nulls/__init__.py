"""Null models of concerted hopping: circularly shifted hop trains and an exclusion gas."""

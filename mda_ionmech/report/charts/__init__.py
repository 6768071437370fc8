"""Vega-Lite specifications of the figures of the report, and the rows that they draw."""

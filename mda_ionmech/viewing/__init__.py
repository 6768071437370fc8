"""Visualisation of events with OVITO: scenes of any Universe, images, a window, and a dump.

Everything but the dump needs the extra ``ovito`` (the window ``viewer``), and is imported when it
is used.
"""

"""Pictures of the events: scenes for OVITO made from any Universe, images, a window, a dump.

Everything but `export` needs the extra ``ovito`` (the window ``viewer``), and is imported when it
is asked for.
"""

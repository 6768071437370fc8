"""Sphinx configuration: builds without a network, MathJax included."""

import shutil
import sys
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generated

from mda_ionmech import __version__

project = "mda_ionmech"
author = "The mda_ionmech developers"
copyright = f"{date.today().year}, {author}. LGPL-3.0-or-later"
version = release = __version__

# the notebooks in examples/ are the tutorials; they are executed in the build
TUTORIALS = Path(__file__).parent / "tutorials"
for notebook in sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb")):
    copied = TUTORIALS / notebook.name
    if not copied.exists() or copied.read_bytes() != notebook.read_bytes():
        shutil.copyfile(notebook, copied)

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # brings MathJax itself, so that no page loads it from elsewhere
    "numpydoc",
]
exclude_patterns = ["_build", "Thumbs.db", "inventories"]
nb_execution_mode = "cache"  # not again where neither the notebook nor the build folder changed
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True
myst_enable_extensions = ["amsmath", "dollarmath", "deflist"]
myst_heading_anchors = 3
default_role = "py:obj"
smartquotes = False  # a quote in a table of keys is to be typed as it stands
add_module_names = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_validation_checks = {"GL01", "GL06", "GL07", "PR02", "SS01", "YD01"}
# constructors are described by their class; properties say what they are in one line
numpydoc_validation_exclude = {r"\.__init__$"}

# inventories lie beside this file (from Debian's documentation packages), so that links to other
# projects are made without a network
intersphinx_mapping = {
    "python": ("https://docs.python.org/3", "inventories/python.inv"),
    "MDAnalysis": ("https://docs.mdanalysis.org/stable", "inventories/mdanalysis.inv"),
    "xarray": ("https://docs.xarray.dev/en/stable", "inventories/xarray.inv"),
}

numpydoc_xref_param_type = True
numpydoc_xref_aliases = {
    "AtomGroup": "MDAnalysis.core.groups.AtomGroup",
    "Universe": "MDAnalysis.core.universe.Universe",
    "array_like": "numpy.ndarray",  # no inventory of numpy here, whose glossary explains it
}
numpydoc_xref_ignore = {
    "of",
    "optional",
    "default",
    "sequence",
    "mapping",
    "path-like",
    "or",
    "to",
}

html_theme = "furo"
html_title = f"mda_ionmech {__version__}"
html_copy_source = False
html_show_sourcelink = False


def setup(app: object) -> None:
    """Write tables that belong to the code into the pages that show them."""
    app.connect("source-read", generated.fill_in)

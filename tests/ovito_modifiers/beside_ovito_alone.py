"""Run where OVITO and the wheel are installed and nothing else of ours: finds the modifiers and
the layer by their entry points, and uses them on a states file.

    python beside_ovito_alone.py STATES.npz
"""

import importlib.util
import sys
from importlib.metadata import entry_points

import numpy as np
from ovito.data import DataCollection
from ovito.pipeline import Pipeline, StaticSource

from ovito_modifiers import read_states

absent = ("MDAnalysis", "numba", "xarray", "scipy", "pandas", "pydantic")
present = [name for name in absent if importlib.util.find_spec(name)]
assert not present, f"this environment is to hold OVITO alone, but has {present}"

path = sys.argv[1]
states = read_states(path)
found = {
    entry.name: entry.load()
    for group in ("OVITO.Modifier", "OVITO.ViewportOverlay")
    for entry in entry_points(group=group)
    if entry.dist.name == "mda-ionmech"  # OVITO brings extensions of its own
}
assert set(found) == {
    "Color ions by event",
    "Color ions by macrostate",
    "Event frames",
    "Event legend",
    "Hop arrows",
    "Ion density",
    "Shell bonds",
}, found
data = DataCollection()
data.attributes["SourceFrame"] = 0
particles = data.create_particles(count=states.n_atoms)
particles.create_property("Position", data=np.random.default_rng(0).random((states.n_atoms, 3)))
pipeline = Pipeline(source=StaticSource(data=data))
for name in ("Color ions by event", "Color ions by macrostate", "Hop arrows"):
    pipeline.modifiers.append(found[name](events_file=path))
out = pipeline.compute()
counts = np.bincount(states.event[0], minlength=len(states.event_names))
for name, count in zip(states.event_names, counts, strict=True):
    assert out.attributes[f"IonEvents.{name}"] == count, name
assert np.count_nonzero(out.particles["Ion Macrostate"]) == len(states.atom_index)
if states.shell is not None:
    pipeline.modifiers.append(found["Shell bonds"](events_file=path))
    assert pipeline.compute().attributes["ShellBonds.Count"] > 0
found["Event legend"](events_file=path)
print(f"{len(found)} extensions work beside OVITO alone")

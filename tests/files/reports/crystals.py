"""Reports on drift, sites and jumps in crystals."""

from __future__ import annotations

import warnings
from pathlib import Path

import MDAnalysis as mda
import numpy as np

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.events import CrystalEvents
from mda_ionmech.microstates import SiteAssignment

from ..systems import DT
from .builders import (
    coefficient,
    ions,
    of_ions,
    reopened,
    run_of,
    wrapped,
    written,
)
from .registry import report, right


def crystal(host=0.05, host_step=0.0, drift=0.0, n_frames=200) -> tuple[np.ndarray, np.ndarray]:
    """Paths of 8 lithium and 27 host atoms in a cube of 18 A, and their masses."""
    rng = np.random.default_rng(13)
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) * 6.0
    walk = np.cumsum(rng.normal(scale=host_step, size=(n_frames, 27, 3)), axis=0)
    still = grid + rng.normal(scale=host, size=(n_frames, 27, 3)) + walk
    mobile = grid[:8] + 3 + np.cumsum(rng.normal(scale=0.3, size=(n_frames, 8, 3)), axis=0)
    paths = np.concatenate([mobile, still], axis=1)
    paths[..., 0] += drift * np.arange(n_frames)[:, None]
    return np.round(paths, 2), np.r_[[6.94] * 8, [91.22] * 27]


def crystal_file(tmp: Path, **options) -> mda.Universe:
    paths, masses = crystal(**options)
    names = ["Li"] * 8 + ["Zr"] * 27
    u = ions(wrapped(paths, 18.0), [18.0] * 3 + [90.0] * 3, names=names, masses=masses)
    return reopened(u, written(u, tmp / "run.xtc"))


def said_of(u, texts: str, **options) -> tuple[OnsagerDecomposition, str]:
    """A run, and the warning that holds these words."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = of_ions(u, names=("Li",), charges=(1,), **options)
    loud = [str(w.message) for w in caught]
    (found,) = [t for t in run.results.warnings if texts in t and t in loud]
    return run, found


@report(
    "pymatgen 2337",
    "Must the drift of the framework be subtracted, and which ions are the framework?",
    "With frame='framework' a drifting crystal gives the result of one at rest, with a warning "
    "about the drift; with frame='laboratory' the warning says that it counts as transport.",
)
def drifting_crystal(tmp):
    (tmp / "still").mkdir()
    u = crystal_file(tmp, drift=0.05)
    run, said = said_of(u, "drifts as a whole", frame="framework", dt=DT)
    still = crystal_file(tmp / "still")
    rest = of_ions(still, names=("Li",), charges=(1,), frame="framework", dt=DT)
    gap = abs(coefficient(run, "Li") / coefficient(rest, "Li") - 1)
    _, laboratory = said_of(u, "counts that as transport", frame="laboratory", dt=DT)
    return f"{right(gap, 1e-4)}; warned: {said}; in the laboratory frame: {laboratory}"


@report(
    "abacus-develop 144",
    "In a lithium argyrodite every species, sulfur, phosphorus and chlorine as well, travels over "
    "large distances.",
    "A warning that the framework diffuses.",
)
def everything_moves(tmp):
    u = crystal_file(tmp, host_step=0.2)
    _, said = said_of(u, "framework diffuses", frame="framework")
    return f"warned: {said}"


SITES = np.array([[0.25, 0.5, 0.5], [0.55, 0.5, 0.5], [0.5, 0.0, 0.0]])
#: Places of the host of `two_sites`, fractions of a cube of 12 A.
HOST = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.5, 0.0], [0.5, 0.0, 0.5]])


def two_sites(tmp: Path, along: np.ndarray) -> mda.Universe:
    """One ion on the way between two sites 3.6 A apart, (frames,) from 0 to 1, in an XTC."""
    rng = np.random.default_rng(17)
    way = SITES[0] + along[:, None] * (SITES[1] - SITES[0])
    ion = way * 12 + rng.normal(scale=0.05, size=(len(along), 3))
    host = HOST * 12 + rng.normal(scale=0.03, size=(len(along), 4, 3))
    u = ions(
        wrapped(np.concatenate([ion[:, None], host], axis=1), 12.0), [12.0] * 3 + [90.0] * 3,
        names=["Li"] + ["Zr"] * 4, masses=[6.94] + [91.22] * 4,
    )  # fmt: skip
    return reopened(u, written(u, tmp / "run.xtc"))


def on_sites(u, labels=("a", "a", "b"), sites=SITES, **options) -> OnsagerDecomposition:
    detector = SiteAssignment.from_structure(
        sites, labels, framework=u.select_atoms("name Zr"), framework_fractional=HOST, **options
    )
    one = IonSpecies(
        u.select_atoms("name Li"), charge=1, name="Li", microstates=detector,
        events=CrystalEvents(),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run_of([one], windows=[DT])


@report(
    "GEMDAT 226",
    "An ion that vibrates at the boundary between two sites is counted as jumping at each "
    "crossing.",
    "With core sets it does not jump before it enters the core of the other site.",
)
def trembling(tmp):
    along = 0.5 + 0.06 * (-1.0) ** np.arange(80)
    along[:20], along[60:] = 0.0, 1.0
    u = two_sites(tmp, along)
    hops = [len(on_sites(u, assignment=way).hops(DT)) for way in ("core", "nearest")]
    assert hops[0] == 1
    assert hops[1] > 30
    return f"right, 1 hop with core sets (nearest site alone: {hops[1]})"


@report(
    "GEMDAT 228",
    "Visits of a site that last shorter than a residence time asked for are not to count as jumps.",
    "With `persistence` they do not; a stay that lasts counts.",
)
def short_visits(tmp):
    along = np.zeros(80)
    along[20:22] = 1.0
    along[50:] = 1.0
    u = two_sites(tmp, along)
    hops = [len(on_sites(u, persistence=p).hops(DT)) for p in (None, 2.0)]
    assert hops == [3, 1]
    return "right, 1 hop with persistence=2 ps (3 without)"


@report(
    "GEMDAT 352",
    "Sites of one type are never visited, and the analysis ended in an error.",
    "Their occupation is 0 and nothing fails.",
)
def empty_type(tmp):
    along = np.zeros(60)
    along[30:] = 1.0
    run = on_sites(two_sites(tmp, along))
    rates = run.channel_rates()
    assert "b" not in set(rates.index.get_level_values(0)) or rates.loc["b"]["count"].sum() == 0
    assert len(run.hops(DT)) == 1
    return "right, 1 hop between the occupied sites"


@report(
    "GEMDAT 339",
    "The CIF of the sites holds other atoms and partial occupancies, and occupations came out "
    "wrong.",
    "Every position of the mobile element is a site, whatever its occupancy, and the carriers are "
    "shared out among them.",
)
def partial_occupancy(tmp):
    rows = [("Li1", "Li", s, 0.37) for s in SITES] + [("Zr1", "Zr", h, 1.0) for h in HOST]
    head = "data_x\n" + "".join(f"_cell_length_{v} 12.0\n" for v in "abc")
    head += "".join(f"_cell_angle_{v} 90\n" for v in ("alpha", "beta", "gamma"))
    head += "_symmetry_space_group_name_H-M 'P 1'\n_symmetry_Int_Tables_number 1\n"
    head += "loop_\n_symmetry_equiv_pos_as_xyz\n'x, y, z'\nloop_\n_atom_site_label\n"
    head += "_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"
    head += "_atom_site_fract_z\n_atom_site_occupancy\n"
    lines = [
        f"{label}{k} {symbol} {x:.4f} {y:.4f} {z:.4f} {occupancy}"
        for k, (label, symbol, (x, y, z), occupancy) in enumerate(rows)
    ]
    (tmp / "sites.cif").write_text(head + "\n".join(lines) + "\n")
    along = np.zeros(60)
    along[45:] = 1.0
    u = two_sites(tmp, along)
    sites = SiteAssignment.from_cif(
        tmp / "sites.cif", species="Li", framework=u.select_atoms("name Zr")
    )
    assert len(sites.labels) == 3
    one = IonSpecies(
        u.select_atoms("name Li"), charge=1, name="Li", microstates=sites, events=CrystalEvents()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = run_of([one], windows=[DT])
    state = run.microstates["Li"].state[:, 0]
    share = np.sort([np.mean(state == s) for s in np.unique(state)])
    assert np.allclose(share, [0.25, 0.75])
    return "right, three sites, occupied for 0.75, 0.25 and 0 of the time"


@report(
    "site-analysis 44",
    "How long ions stay on a site, where excursions shorter than some frames are left out.",
    "With `persistence` a stay goes on over short excursions.",
)
def residence(tmp):
    along = np.zeros(90)
    along[30:31] = 1.0
    along[60:] = 1.0
    u = two_sites(tmp, along)
    changes = []
    for persistence in (None, 1.0):
        run = on_sites(u, persistence=persistence)
        changes.append(run.microstates["Li"].runs.changes.tolist())
    assert changes == [[30, 31, 60], [60]]
    return "right, stays of 60 and 30 frames (of 30, 1, 29 and 30 without)"


@report(
    "site-analysis 25",
    "In a cell of one unit the corners of a coordination polyhedron are half a cell or more apart, "
    "and the polyhedron was put together from wrong images.",
    "Refused: corners half a cell away are ambiguous; right in a larger cell.",
)
def one_unit_cell(tmp):
    with_cells(tmp / "two.xtc", 2)
    try:
        with_cells(tmp / "one.xtc", 1)
    except InputError as error:
        return f"refused: {error}; right in two cells in each direction"
    raise AssertionError("corners were told from their images")


def with_cells(path: Path, n: int) -> None:
    """An ion in the octahedron of a perovskite's anions, in n cells in each direction."""
    rng = np.random.default_rng(19)
    a, n_frames = 4.0, 200
    cells = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    # anions on the faces of a cube: an octahedron round its middle, corners a whole cell apart
    faces = np.array([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]])
    host = (cells + faces).reshape(-1, 3) * a
    host = host + rng.normal(scale=0.02, size=(n_frames, len(host), 3))
    ion = 0.5 * a + rng.normal(scale=0.25, size=(n_frames, 1, 3))
    u = ions(
        wrapped(np.concatenate([ion, host], axis=1), n * a), [n * a] * 3 + [90.0] * 3,
        names=["Li"] + ["O"] * host.shape[1], masses=[6.94] + [16.0] * host.shape[1],
    )  # fmt: skip
    u = reopened(u, written(u, path))
    sites = SiteAssignment.from_structure(
        [[0.5, 0.5, 0.5], [0.0, 0.0, 0.0]], ["o", "c"], framework=u.select_atoms("name O"),
        framework_fractional=faces, supercell=(n, n, n), assignment="polyhedron",
        coordination={"o": 6, "c": 0},
    )  # fmt: skip
    one = IonSpecies(
        u.select_atoms("name Li"), charge=1, name="Li", microstates=sites, events=CrystalEvents()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = run_of([one], windows=[DT])
    (site,) = np.unique(run.microstates["Li"].state)
    assert run.species[0].microstates.labels[site] == "o"
    assert run.results.settings["species"][0]["microstates"]["in_no_polyhedron"] == 0

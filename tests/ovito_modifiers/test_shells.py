"""Bonds of the shells are those of the states file, also where particles are in another order."""

import numpy as np
import pytest
from ovito.modifiers import CoordinationPolyhedraModifier

from ovito_modifiers import ColorByEvent, HopArrows, IonDensity, ShellBonds
from ovito_modifiers.event_legend import contact_rows, element_rows

from . import builders
from .builders import LENGTH, N_FRAMES, load, write_dump, write_states

pytestmark = pytest.mark.filterwarnings("error")

#: Shells: none, atoms 9 and 10, atoms 10 and 11.
START, MEMBERS = np.array([0, 0, 2, 4]), np.array([9, 10, 10, 11])


@pytest.fixture
def with_shells(tmp_path):
    """Carrier 0 changes from shell 1 to 2 in frame 4, carrier 3 from 2 to 1 in frame 8."""
    shell = np.full((N_FRAMES, 5), 1, dtype=np.int32)
    shell[4:, 0] = 2
    shell[:8, 3] = 2
    shell[:, 4] = -1
    return write_states(
        tmp_path / "shells.states.npz",
        shell=shell,
        shell_start=START,
        shell_atom_index=MEMBERS,
        shell_atom_id=MEMBERS + 1,
    )


def bonds_of(data):
    """Identifiers at both ends of every bond, and its colour."""
    ids = np.asarray(data.particles.identifiers)
    pairs = ids[np.asarray(data.particles.bonds.topology)] - 1
    colors = np.asarray(data.particles.bonds.colors, dtype=float).round(2)
    return {tuple(map(int, p)): tuple(map(float, c)) for p, c in zip(pairs, colors, strict=True)}


def test_members_that_stay_leave_and_arrive(with_shells, tmp_path):
    pipeline = load(write_dump(tmp_path / "s.dump"))
    bonds = ShellBonds(events_file=with_shells, events="single_ion_hop", farthest=20)
    pipeline.modifiers.append(bonds)
    stay, leave, arrive = (
        tuple(round(c, 2) for c in color)
        for color in (bonds.kept_color, bonds.leaves_color, bonds.arrives_color)
    )
    # windows are two frames long: carrier 0 hops in those that begin at frames 2 and 3
    data = pipeline.compute(3)
    assert bonds_of(data) == {(0, 9): leave, (0, 10): stay, (0, 11): arrive}
    counts = [data.attributes[f"ShellBonds.{n}"] for n in ("Count", "Leave", "Arrive")]
    assert counts == [3, 1, 1]
    assert bonds_of(pipeline.compute(7)) == {(3, 9): arrive, (3, 10): stay, (3, 11): leave}
    assert pipeline.compute(0).particles.bonds.count == 0
    bonds.farthest = 0.0
    assert bonds_of(pipeline.compute(3)) == {(0, 9): leave, (0, 10): stay}
    bonds.changes = False
    assert bonds_of(pipeline.compute(3)) == {(0, 9): stay, (0, 10): stay}
    assert [name for name, _ in contact_rows(pipeline.compute(3))] == [
        "in the shell", "leaves", "arrives",
    ]  # fmt: skip


def test_bonds_that_are_there_stay_and_cross_the_cell_by_the_shortest_way(with_shells, tmp_path):
    pipeline = load(write_dump(tmp_path / "s.dump"))

    def connect(frame, data):
        ids = list(data.particles.identifiers)
        data.particles_.create_bonds(count=1).create_property(
            "Topology", data=[[ids.index(7), ids.index(8)]]
        )

    pipeline.modifiers.append(connect)
    pipeline.modifiers.append(ColorByEvent(events_file=with_shells))
    pipeline.modifiers.append(
        ShellBonds(events_file=with_shells, events="single_ion_hop", farthest=20)
    )
    data = pipeline.compute(3)
    found = bonds_of(data)
    assert set(found) == {(6, 7), (0, 9), (0, 10), (0, 11)}
    pairs = np.asarray(data.particles.bonds.topology)[1:]
    place = np.asarray(data.particles.positions)
    image = np.asarray(data.particles.bonds["Periodic Image"])[1:]
    apart = place[pairs[:, 1]] - place[pairs[:, 0]] + LENGTH * image
    assert np.abs(apart).max() <= LENGTH / 2


def test_by_distance_bonds_are_those_of_all_pairs(states_file, tmp_path):
    pipeline = load(write_dump(tmp_path / "s.dump"))
    bonds = ShellBonds(events_file=states_file, distance=9.0, types="2")
    pipeline.modifiers.append(naming)
    bonds.types = "far"
    pipeline.modifiers.append(bonds)
    found = set(bonds_of(pipeline.compute(3)))
    apart = builders.positions()[3][:, None] - builders.positions()[3][None]
    apart -= LENGTH * np.rint(apart / LENGTH)
    length = np.linalg.norm(apart, axis=-1)
    ions = [0, 1, 2, 3]
    wanted = {(i, k) for i in ions for k in range(6, 12) if length[i, k] < 9.0}
    assert wanted
    assert found == wanted
    # OVITO's own modifiers know them as bonds
    pipeline.modifiers.insert(0, ColorByEvent(events_file=states_file, select=True))
    pipeline.modifiers.append(CoordinationPolyhedraModifier())
    assert "coord-polyhedra" in pipeline.compute(3).surfaces


def naming(frame, data):
    for one, name in zip(data.particles_.particle_types_.types, ("near", "far"), strict=True):
        data.particles_.particle_types_.make_mutable(one).name = name


def test_what_is_missing_is_said(states_file, with_shells, tmp_path):
    pipeline = load(write_dump(tmp_path / "s.dump"))
    bonds = ShellBonds(events_file=states_file)
    pipeline.modifiers.append(bonds)
    with pytest.raises(ValueError, match="holds no shells: these ions are on sites"):
        pipeline.compute(0)
    bonds.distance = 3.0
    with pytest.raises(ValueError, match=r"Types \(types\) is ''; give some of"):
        pipeline.compute(0)
    bonds.types = "Xx"
    with pytest.raises(ValueError, match=r"names 'Xx', which the particles do not have"):
        pipeline.compute(0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shell_start": np.array([0, 2])}, "does not divide the 4 members"),
        ({"shell": np.full((N_FRAMES, 5), 7, dtype=np.int32)}, "shell holds 7"),
        ({"shell_atom_index": MEMBERS + 5}, "shell_atom_index holds"),
    ],
)
def test_damaged_shells_are_refused(changes, message, tmp_path):
    from ovito_modifiers import read_states

    arrays = {
        "shell": np.zeros((N_FRAMES, 5), dtype=np.int32),
        "shell_start": START,
        "shell_atom_index": MEMBERS,
        "shell_atom_id": MEMBERS + 1,
    }
    path = write_states(tmp_path / "bad.states.npz", **(arrays | changes))
    with pytest.raises(ValueError, match=message):
        read_states(path)


def test_arrows_begin_at_the_surface(states_file, tmp_path):
    pipeline = load(write_dump(tmp_path / "s.dump"))
    pipeline.modifiers.append(ColorByEvent(events_file=states_file, shown_size=0.5))
    arrows = HopArrows(events_file=states_file, events="single_ion_hop")
    pipeline.modifiers.append(arrows)
    centre = np.asarray(pipeline.compute(2).vectors["hop-arrows"]["Position"])
    arrows.from_surface = True
    data = pipeline.compute(2)
    ids = np.asarray(data.particles.identifiers)
    radius = np.asarray(data.particles["Radius"])[ids == 1]
    moved = np.asarray(data.vectors["hop-arrows"]["Position"]) - centre
    np.testing.assert_allclose(moved, [[radius[0], 0, 0]], atol=1e-5)


def test_pale_particles_keep_a_part_of_their_colour(states_file, tmp_path):
    pipeline = load(write_dump(tmp_path / "s.dump"))
    plain = np.asarray(pipeline.compute(2).particles.particle_types.types[1].color)
    pipeline.modifiers.append(ColorByEvent(events_file=states_file, bulk="pale", bulk_size=0.5))
    data = pipeline.compute(2)
    ids = np.asarray(data.particles.identifiers)
    np.testing.assert_allclose(
        np.asarray(data.particles.colors)[ids == 12][0], 0.5 * plain + 0.5, atol=1e-6
    )
    rows = dict(element_rows(data))
    assert rows["other ions"] == pytest.approx((0.62, 0.62, 0.62), abs=1e-6)
    np.testing.assert_allclose(rows["2"], 0.5 * plain + 0.5, atol=1e-6)


def test_the_density_counts_every_ion_once_a_frame(states_file, tmp_path):
    pipeline = load(write_dump(tmp_path / "s.dump"))
    density = IonDensity(events_file=states_file, every=1, spacing=2.5, events="single_ion_hop")
    pipeline.modifiers.append(density)
    data = pipeline.compute(0)
    grid = data.grids["ion-density"]
    assert tuple(grid.shape) == (8, 8, 8)
    wanted = np.zeros((8, 8, 8))
    for frame, ion in ((2, 0), (3, 0), (7, 3)):
        place = (builders.positions()[frame, ion].round(4) / 2.5).astype(int)
        wanted[tuple(place)] += 1 / 8  # of eight frames; in the last two no window begins
    found = np.asarray(grid["Density"]).reshape(8, 8, 8, order="F") * 2.5**3
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert data.attributes["IonDensity.Frames"] == 8
    density.events = "multi_ion_hop"
    assert pipeline.compute(5).attributes["IonDensity.Ions"] == pytest.approx(4 / 8)
    density.spacing = 0.05
    with pytest.raises(ValueError, match="makes 64000000 voxels, more than 20000000; enlarge it"):
        pipeline.compute(0)

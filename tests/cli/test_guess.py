"""What `ionmech init` takes systems for: molecules, charges, donors, framework, sites."""

import re
import tomllib

import numpy as np
import pytest

from mda_ionmech import InputError, OnsagerDecomposition, datasets
from mda_ionmech.cli.config import Config, build_species
from mda_ionmech.cli.guess_config import guess_config
from mda_ionmech.cli.guess_mobility import displacements
from mda_ionmech.cli.guess_molecules import survey
from mda_ionmech.lib.covalent_bonds import guess_bonds

from ..builders import make_universe

LENGTH = 28.0
BOX = (LENGTH, LENGTH, LENGTH, 90.0, 90.0, 90.0)
MASS = {"Li": 6.94, "C": 12.011, "O": 15.999, "F": 18.998, "P": 30.974, "H": 1.008, "N": 14.007,
        "S": 32.06, "Cl": 35.45, "Na": 22.99, "Ca": 40.08}  # fmt: skip

#: Molecules with their atoms in A: a dimethyl carbonate, of which the first oxygen points along x,
#: an acetonitrile, whose nitrogen does, and hexafluorophosphate.
CARBONATE = (
    ["O", "C", "O", "C", "O", "C"] + ["H"] * 6,
    np.array(
        [[0, 0, 0], [-1.2, 0, 0], [-1.9, 1.1, 0], [-3.3, 1.1, 0], [-1.9, -1.1, 0], [-3.3, -1.1, 0],
         [-3.7, 2.1, 0], [-3.7, 0.6, 0.9], [-3.7, 0.6, -0.9],
         [-3.7, -2.1, 0], [-3.7, -0.6, 0.9], [-3.7, -0.6, -0.9]]
    ),
)  # fmt: skip
NITRILE = (
    ["N", "C", "C", "H", "H", "H"],
    np.array([[0, 0, 0], [-1.16, 0, 0], [-2.6, 0, 0], [-3.0, 1.0, 0], [-3.0, -0.5, 0.9],
              [-3.0, -0.5, -0.9]]),
)  # fmt: skip
PF6 = (
    ["P"] + ["F"] * 6,
    np.array([[0, 0, 0], *(1.6 * np.vstack([np.eye(3), -np.eye(3)]))]),
)


def solution(n_frames=12, charges=None, bonds=True, residues=True, **resnames):
    """Eight lithium ions, each with a carbonate and a nitrile in contact; anions far away."""
    rng = np.random.default_rng(5)
    elements, places, residue, names, links = [], [], [], [], []

    def add(kind, where, name):
        first = len(elements)
        elements.extend(kind[0])
        places.append(kind[1] + where)
        residue.extend([len(names)] * len(kind[0]))
        names.append(resnames.get(name, name) if residues else "UNL")
        links.extend((guess_bonds(np.array(kind[0]), kind[1], None) + first).tolist())

    for corner in np.ndindex(2, 2, 2):
        place = np.array(corner) * LENGTH / 2 + 1
        add((["Li"], np.zeros((1, 3))), place, "LI")
        add(CARBONATE, place - np.array([1.95, 0, 0]), "DMC")
        add((NITRILE[0], -NITRILE[1]), place + np.array([2.1, 0, 0]), "ACN")
        add(PF6, place + np.array([3, 6, 6]), "PF6")
    still = np.concatenate(places)
    moves = still + rng.normal(0, 0.05, (n_frames, len(still), 3))
    u = make_universe(
        np.mod(moves, LENGTH), BOX, names=elements, elements=elements,
        masses=[MASS[e] for e in elements], residue=residue if residues else [0] * len(elements),
        resnames=names if residues else ["UNL"], bonds=links if bonds else None,
    )  # fmt: skip
    if charges is not None:
        each = {"Li": charges, "P": -charges}
        u.add_TopologyAttr("charges", [each.get(e, 0.0) for e in elements])
    return u


def guessed(universe, **options):
    options = {"temperature": 300.0} | options
    guess = guess_config(universe, "a.pdb", ["a.xtc"], {}, **options)
    return guess, Config.model_validate(tomllib.loads(guess.text))


@pytest.mark.parametrize("bonds", [True, False])
def test_each_solvent_of_a_mixture_is_a_ligand_type(bonds):
    u = solution(bonds=bonds)
    guess, config = guessed(u)
    assert guess.found.system == "liquid"
    lithium, anion = build_species(config, u)
    assert (lithium.n_carriers, anion.n_carriers) == (8, 8)
    ligands = lithium.microstates.ligands
    assert list(ligands) == ["DMC", "ACN", "anion"]
    assert [set(g.elements) for g in ligands.values()] == [{"O"}, {"N"}, {"F"}]
    assert ligands["DMC"].n_atoms == 8, "the carbonyl oxygen alone touches the ions"
    assert lithium.events.resolve == "ligand"
    text = " ".join(guess.text.replace("\n#  ", "").split())
    # isolated complexes: no second shell, hence no minimum of g(r)
    for name, contacts in (("DMC", "1.00"), ("ACN", "1.00"), ("anion", "0.00")):
        assert re.search(
            rf"# {name}: g\(r\) has no clear minimum .*? \({contacts} atoms there", text
        )
    assert config.species[0].microstates.cutoff["DMC"] == 2.6
    assert not guess.missing


@pytest.mark.parametrize(
    ("name", "ligand", "cutoff", "number"),
    [("liquid", "solvent", 2.8, 4.15), ("polymer",) * 2 + (3.2, 5.97)],
)
def test_the_cutoff_is_the_near_end_of_a_flat_minimum(name, ligand, cutoff, number):
    guess, config = guessed(datasets.load(name))
    text = " ".join(guess.text.replace("\n#  ", "").split())
    told = re.search(
        rf"# {ligand}: first peak of g\(r\) at (\S+) Å, flat minimum after it from (\S+) to "
        r"(\S+) Å, (\S+) atoms within (\S+) Å and within 10% of that for cutoffs from (\S+) "
        r"to (\S+) Å",
        text,
    )
    peak, near, far, n, within, shorter, longer = map(float, told.groups())
    # 4.15 nitrogens within 2.8 A, the peak at 2.14 A; of the polymer 2.05 A (page of the data)
    assert peak == pytest.approx(2.1, abs=0.05)
    assert (near, within) == (cutoff, cutoff)
    assert far > 4
    assert n == pytest.approx(number, abs=0.1)
    assert shorter < cutoff < 3.9 < longer
    # that of the rare anions is no flat one
    assert config.species[0].microstates.cutoff == {ligand: cutoff, "anion": "rdf"}
    assert "# anion: first peak of g(r) at 2.1" in text
    radii = {one.distribution.kind: (one.cutoff, one.outer) for one in guess.shells}
    assert radii[ligand] == pytest.approx((cutoff, cutoff + 0.6))
    assert 2.9 < radii["anion"][0] < 3.4


def test_a_single_solvent_keeps_its_plain_name():
    u = solution(ACN="DMC")
    _, config = guessed(u)
    # of one residue name, but other atoms: still two kinds
    names = list(build_species(config, u)[0].microstates.ligands)
    assert len(names) == 3
    assert names[-1] == "anion"


@pytest.mark.parametrize("residues", [True, False])
def test_molecules_without_bonds_and_residues(residues):
    """As an XYZ file has them: bonds are guessed, and the file says so."""
    u = solution(bonds=False, residues=residues)
    guess, config = guessed(u)
    assert ('bonds = "guess"' in guess.text) is not residues
    assert guess.found.bonds_guessed is not residues
    roles = {k.role: k.n_molecules for k in guess.found.kinds}
    assert roles == {"cation": 8, "anion": 8, "solvent": 8}
    assert config.species[1].compound == ("residues" if residues else "fragments")


def test_bonds_without_a_cell_are_asked_for_with_all_else():
    u = solution(bonds=False, residues=False)
    u.trajectory.add_transformations(without_cell)
    with pytest.raises(InputError) as caught:
        guess_config(u, "a.xyz", ["a.xyz"], {}, temperature=None)
    for text in ("nor a cell", "--temperature 300", "--dimensions '25 25 25 90 90 90'"):
        assert text in str(caught.value)


def test_charges_of_the_topology_are_compared():
    assert survey(solution(charges=0.8)).scale == pytest.approx(0.8)
    assert survey(solution(charges=1.0)).scale is None
    guess, _ = guessed(solution(charges=0.8))
    assert any("0.80 times the formal charges" in note for note in guess.notes)
    assert "+0.80 e in the topology" in guess.text


def test_charges_that_do_not_sum_to_zero_are_said():
    u = solution()
    rest = u.select_atoms("not (resname PF6 and resid 4)")
    elements = list(rest.elements)
    cut = make_universe(
        u.trajectory.timeseries(rest, order="fac"), BOX, names=elements, elements=elements,
        masses=rest.masses, residue=np.unique(rest.resindices, return_inverse=True)[1],
        resnames=list(rest.residues.resnames),
    )  # fmt: skip
    guess, _ = guessed(cut)
    assert any("8 x Li+ +1, 7 x PF6- -1 sum to +1 e, not zero" in n for n in guess.notes)
    assert list(guess.missing) == ["charges (e)"]


def test_what_the_files_do_not_hold_is_asked_for_by_name():
    u = solution()
    guess = guess_config(u, "a.pdb", ["a.xtc"], {}, temperature=None)
    assert list(guess.missing) == ["temperature (K)"]
    assert "# temperature = 300.0         # K, not in the files: GIVE IT" in guess.text
    bare = make_universe(
        u.trajectory.timeseries(order="fac"), (0, 0, 0, 0, 0, 0), names=u.atoms.names,
        elements=u.atoms.elements, masses=u.atoms.masses, residue=u.atoms.resindices,
        resnames=u.residues.resnames,
    )  # fmt: skip
    bare.trajectory.add_transformations(without_cell)
    guess = guess_config(bare, "a.pdb", ["a.xtc"], {}, temperature=None)
    assert list(guess.missing) == ["temperature (K)", "cell (A, degrees)"]
    assert "donors by chemistry: without a cell g(r) is not known" in guess.text


def without_cell(ts):
    ts.dimensions = None
    return ts


@pytest.mark.parametrize("drift", [0.0, 8.0, 40.0])
def test_a_crystal_that_drifts_beyond_its_cell_is_one(drift):
    u = crystal(["Li"] * 20 + ["P"] * 12 + ["S"] * 32, {"Li": 0.3}, drift=drift)
    moved = {k.element: k.displacement.end for k in survey(u).kinds}
    assert moved["Li"] == pytest.approx(0.3 * np.sqrt(3 * 52), rel=0.2)
    for symbol in "PS":  # the mean of two positions that vibrate by 0.1 A
        assert moved[symbol] == pytest.approx(0.1 * np.sqrt(6), rel=0.15)


def test_who_moves_is_not_told_without_the_cell():
    u = crystal(["Li"] * 20 + ["P"] * 12 + ["S"] * 32, {"Li": 0.3})
    u.trajectory.add_transformations(without_cell)
    with pytest.raises(InputError, match=r"hold no cell: which ions move.*--dimensions"):
        guess_config(u, "a.pdb", ["a.dcd"], {}, temperature=None)


def test_a_spacing_that_is_given_sets_the_persistence():
    """As times in a file do: a fiftieth of the run, where that is shorter than the default."""
    u = solution(200)
    assert u.trajectory.dt == 1
    found = [guessed(u, dt=dt)[1].species[0].microstates.persistence for dt in (None, 1.0, 0.5)]
    assert found == [4, 4, 2]


def crystal(symbols, step, n_frames=60, drift=3.0):
    """Atoms that vibrate by 0.1 A; those with a step above 0 also walk by it in each frame."""
    rng = np.random.default_rng(7)
    n = len(symbols)
    grid = np.array(list(np.ndindex(4, 4, 4)))[:n] * 4.0
    walk = np.cumsum(rng.normal(0, 1, (n_frames, n, 3)), axis=0)
    moving = np.array([step.get(s, 0.0) for s in symbols])[None, :, None]
    places = grid + moving * walk + rng.normal(0, 0.1, (n_frames, n, 3))
    places += np.linspace(0, drift, n_frames)[:, None, None]  # the whole crystal drifts
    return make_universe(
        np.mod(places, 16.0), (16.0,) * 3 + (90.0,) * 3, names=symbols, elements=symbols,
        masses=[MASS[s] for s in symbols], residue=[0] * n, resnames=["MOL"],
    )  # fmt: skip


def test_the_framework_of_a_crystal_is_what_stays_in_its_place():
    u = crystal(["Li"] * 20 + ["P"] * 12 + ["S"] * 32, {"Li": 0.3})
    found = survey(u)
    assert found.system == "crystal or glass"
    assert [(k.name, k.role) for k in found.kinds] == [
        ("Li+", "cation"), ("P", "framework"), ("S", "framework"),
    ]  # fmt: skip
    moved = {k.element: k.displacement for k in found.kinds}
    # 0.3 A per frame and direction over about 52 frames
    assert moved["Li"].end == pytest.approx(0.3 * np.sqrt(3 * 52), rel=0.2)
    assert moved["S"].end == pytest.approx(0.1 * np.sqrt(6), rel=0.15)
    guess, config = guessed(u)
    assert config.analysis.framework == "type P or type S" or "name P" in config.analysis.framework
    (lithium,) = config.species
    assert lithium.microstates.rule == "SiteAssignment"
    assert lithium.microstates.density is True
    assert lithium.events.rule == "CrystalEvents"
    assert "moves by" in guess.text


def test_anions_that_diffuse_are_the_carriers_where_no_cation_does():
    found = survey(crystal(["Ca"] * 20 + ["F"] * 40, {"F": 0.3}))
    assert [(k.name, k.role, k.charge) for k in found.kinds] == [
        ("F-", "anion", -1.0), ("Ca", "framework", 0.0),
    ]  # fmt: skip


def test_a_molten_salt_has_no_framework():
    u = crystal(["Na"] * 32 + ["Cl"] * 32, {"Na": 0.4, "Cl": 0.4})
    guess, config = guessed(u)
    assert guess.found.system == "molten salt"
    assert [(s.name, s.charge) for s in config.species] == [("Na+", 1), ("Cl-", -1)]
    assert list(config.species[0].microstates.ligands) == ["anion"]
    assert config.analysis.frame == "barycentric"
    assert_rules_of_a_salt(config.species[0])


def assert_rules_of_a_salt(species):
    events, states = species.events, species.macrostates
    assert (events.rule, events.resolve) == ("SolvationEvents", "counterion")
    assert (states.rule, states.count, states.most) == ("ShellComposition", "molecules", 8)


@pytest.mark.slow
def test_both_ions_of_a_molten_salt_have_shells_and_events():
    """Sodium and chloride on the places of rock salt; ions of one sign change places."""
    rng = np.random.default_rng(2)
    corners = np.array(list(np.ndindex(4, 4, 4)))
    corners = corners[np.argsort(corners.sum(axis=1) % 2, kind="stable")]
    away = (corners[:, None] - corners + 2) % 4 - 2
    close = (away**2).sum(axis=-1) == 2
    held = [np.arange(64)]
    for _ in range(39):
        at, free = held[-1].copy(), np.ones(64, dtype=bool)
        for i in rng.choice(64, 12, replace=False):
            j = rng.choice(np.flatnonzero(close[at[i], at]))
            if free[i] and free[j]:  # no ion moves twice
                at[[i, j]], free[[i, j]] = at[[j, i]], False
        held.append(at)
    place = 2.9 * corners[np.array(held)] + rng.normal(0, 0.12, (40, 64, 3))
    elements = ["Na"] * 32 + ["Cl"] * 32
    u = make_universe(
        np.mod(place, 11.6), (11.6,) * 3 + (90.0,) * 3, names=elements, elements=elements,
        masses=[MASS[e] for e in elements],
    )  # fmt: skip
    guess, config = guessed(u)
    assert guess.found.system == "molten salt"
    sodium, chloride = build_species(config, u)
    assert set(sodium.microstates.ligands["anion"].elements) == {"Cl"}
    assert set(chloride.microstates.ligands["cation"].elements) == {"Na"}
    for species in config.species:
        assert_rules_of_a_salt(species)
    assert "from centre of mass" not in guess.text
    run = OnsagerDecomposition(
        [sodium, chloride], temperature=300, windows=[1.0], resolutions=None
    ).run()
    for name, role in (("Na+", "anion"), ("Cl-", "cation")):
        table = run.results.summary(1.0, species=name)
        assert list(table.index) == [
            "vehicular", "renewal", f"{role}_association", f"{role}_dissociation", f"{role}_swap",
        ]  # fmt: skip
        assert table["count"].sum() == 32 * 39
    population = run.results.transitions["population"].sel(species="Cl-")
    assert (
        4 < sum(k * float(population.sel(macrostate_start=f"molecules_{k}")) for k in range(9)) < 7
    )  # six neighbours in rock salt


def ionic_liquid(spacing, noise=0.25, n_frames=20):
    """Tetramethylammonium and chloride on the places of rock salt."""
    cation = [[0, 0, 0]] + [list(0.86 * np.array(d)) for d in
                            ([1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1])]  # fmt: skip
    elements, places, residue, bonds = [], [], [], []
    for k, corner in enumerate(np.ndindex(4, 4, 4)):
        place = np.array(corner) * spacing
        first = len(elements)
        if sum(corner) % 2:
            elements += ["Cl"]
            places.append(place[None])
        else:
            elements += ["N", "C", "C", "C", "C"] + ["H"] * 12
            arms = np.array(cation) + place
            directions = np.eye(3)
            hydrogens = np.concatenate([arms[n] + 0.9 * directions for n in range(1, 5)])
            places.append(np.concatenate([arms, hydrogens]))
            bonds += [(first, first + n) for n in range(1, 5)]
            bonds += [(first + 1 + n // 3, first + 5 + n) for n in range(12)]
        residue += [k] * (len(elements) - first)
    rng = np.random.default_rng(4)
    still = np.concatenate(places)
    # molecules move as a whole
    shift = rng.normal(0, noise, (n_frames, 64, 3))[:, residue]
    box = (4 * spacing,) * 3 + (90.0,) * 3
    names = ["TMA" if sum(c) % 2 == 0 else "CL" for c in np.ndindex(4, 4, 4)]
    return make_universe(
        np.mod(still + shift, 4 * spacing), box, names=elements, elements=elements,
        masses=[MASS[e] for e in elements], residue=residue, resnames=names, bonds=bonds,
    )  # fmt: skip


def test_ionic_liquids_have_shells_around_centres_of_mass():
    u = ionic_liquid(4.5)
    guess, config = guessed(u)
    assert [(k.name, k.charge) for k in guess.found.kinds] == [("TMA+", 1), ("Cl-", -1)]
    cation, anion = build_species(config, u)
    assert (cation.n_carriers, anion.n_carriers) == (32, 32)
    assert cation.compound == "residues"
    assert set(cation.microstates.ligands["anion"].elements) == {"Cl"}
    text = " ".join(guess.text.replace("\n#  ", "").split())
    peak = re.search(r"anion: first peak of g\(r\) at (\S+) Å, .*? Å, (\S+) atoms within", text)
    # a minimum in which no atom is: its place makes no difference
    assert [s.microstates.cutoff for s in config.species] == ["rdf", "rdf"]
    assert float(peak[1]) == pytest.approx(4.5, abs=0.3)
    assert float(peak[2]) == pytest.approx(6, abs=0.3), "six neighbours in rock salt"
    assert set(anion.microstates.ligands["cation"].elements) == {"N"}
    for species in config.species:
        assert_rules_of_a_salt(species)
    # a minimum beyond what "rdf" searches is written as a number
    _, config = guessed(ionic_liquid(6.6))
    assert all(8 < s.microstates.cutoff < 11 for s in config.species)
    # so large a lattice shows no contact
    guess, config = guessed(ionic_liquid(7.9))
    assert [s.microstates for s in config.species] == [None, None]
    for name in ("the centre of mass of TMA+", "Cl-"):
        assert f"# no [species.microstates]: g(r) of {name} and the" in guess.text
    assert any(note.startswith("No shell is written") for note in guess.notes)


def test_a_crystal_that_is_not_neutral_is_spoken_of():
    guess, _ = guessed(crystal(["Na"] * 31 + ["Cl"] * 32, {}, n_frames=4))
    assert any("Na31 Cl32 do not sum to zero" in note for note in guess.notes)


def test_few_frames_tell_no_displacement():
    u = crystal(["Na"] * 32 + ["Cl"] * 32, {}, n_frames=4)
    assert displacements(u, [np.arange(32), np.arange(32, 64)]) is None
    assert survey(u).system == "crystal or glass"
    guess, _ = guessed(u)
    assert any("fewer than 6 frames, too few to tell who moves" in n for n in guess.notes)


def test_carriers_that_do_not_move_are_spoken_of():
    guess, _ = guessed(crystal(["Li"] * 20 + ["P"] * 12 + ["S"] * 32, {}))
    assert any(re.match(r"Li\+ hardly moves: 0\.[23] Å", n) for n in guess.notes)
    guess, _ = guessed(crystal(["Li"] * 20 + ["Cl"] * 12 + ["S"] * 32, {"Li": 0.3, "Cl": 0.3}))
    assert any(n.startswith("Cl moves too, and is left out of the framework") for n in guess.notes)
    assert "Cl" not in guess.text.split("framework = ")[1].splitlines()[0]


def test_sites_from_a_cif(tmp_path):
    u = datasets.load("crystal")
    cif = datasets.path("crystal") / "llzo.cif"
    guess, config = guessed(u, cif=str(cif), cif_path=cif)
    assert "The crystal is neutral with Li +1, La +3, Zr +4, O -2." in guess.notes
    sites = config.species[0].microstates
    assert (sites.cif, sites.species, sites.supercell) == (cif, "Li", (1, 1, 1))
    assert config.species[0].macrostates.rule == "SiteType"
    # an element that is not in the structure does not align it
    lines = cif.read_text().splitlines()
    short = tmp_path / "without_zr.cif"
    short.write_text("\n".join(x for x in lines if not x.startswith("Zr")) + "\n")
    guess, config = guessed(u, cif=str(short), cif_path=short)
    assert "# Zr is not in the CIF, and does not align it" in guess.text
    sites = build_species(config, u)[0].microstates
    assert set(sites.framework.types) == {"2", "4"}
    other = tmp_path / "sodium.cif"
    other.write_text(cif.read_text().replace("Li", "Na"))
    with pytest.raises(InputError, match=r"sodium.cif holds La, Na, O, Zr, and no Li"):
        guess_config(u, "a.data", ["a.xtc"], {}, cif=str(other), cif_path=other)
    with pytest.raises(InputError, match="looks like a liquid, which has no sites"):
        guess_config(solution(), "a.pdb", ["a.xtc"], {}, cif=str(cif), cif_path=cif)
    with pytest.raises(InputError, match="does not fit into that of the trajectory"):
        guess_config(
            crystal(["Li"] * 20 + ["S"] * 40, {"Li": 0.3}), "a.pdb", ["a.xtc"], {}, cif=str(cif),
            cif_path=cif,
        )  # fmt: skip


def test_chains_of_other_lengths_are_one_polymer():
    chains = [45, 60, 52]
    elements, residue, bonds, first = ["Li"] * 6, list(range(6)), [], 6
    for k, n in enumerate(chains):
        elements += (["C", "C", "O"] * n)[:n]
        residue += [6 + k] * n
        bonds += [(first + m, first + m + 1) for m in range(n - 1)]
        first += n
    rng = np.random.default_rng(2)
    u = make_universe(
        rng.uniform(0, LENGTH, (8, len(elements), 3)), BOX, names=elements, elements=elements,
        masses=[MASS[e] for e in elements], residue=residue, resnames=["LI"] * 6 + ["PEO"] * 3,
        bonds=bonds,
    )  # fmt: skip
    u.add_TopologyAttr("charges", [1.0] * 6 + [0.0] * (len(elements) - 6))
    guess, config = guessed(u)
    assert guess.found.system == "polymer"
    assert [(k.role, k.n_molecules) for k in guess.found.kinds] == [("cation", 6), ("polymer", 3)]
    assert config.species[0].events.rule == "PolymerEvents"
    ligands = build_species(config, u)[0].microstates.ligands["polymer"]
    assert set(ligands.elements) == {"O"}


def test_chains_of_other_charges_are_kinds_of_their_own():
    lengths, charges = [45, 60, 66, 63], [-2.0, -2.0, -3.0, 0.0]
    elements, residue, bonds, first = ["Li"] * 7, list(range(7)), [], 7
    of_atom = [1.0] * 7
    for k, (n, charge) in enumerate(zip(lengths, charges, strict=True)):
        elements += (["C", "C", "O"] * n)[:n]
        residue += [7 + k] * n
        bonds += [(first + m, first + m + 1) for m in range(n - 1)]
        of_atom += [charge / n] * n
        first += n
    x = np.random.default_rng(2).uniform(0, LENGTH, (8, len(elements), 3))
    u = make_universe(
        x, BOX, names=elements, elements=elements, masses=[MASS[e] for e in elements],
        residue=residue, resnames=["LI"] * 7 + ["CHN"] * 4, bonds=bonds,
    )  # fmt: skip
    u.add_TopologyAttr("charges", of_atom)
    guess, config = guessed(u)
    found = {(k.role, k.charge, k.n_molecules) for k in guess.found.kinds}
    assert found == {("cation", 1, 7), ("anion", -2, 2), ("anion", -3, 1), ("polymer", 0, 1)}
    assert guess.found.net_charge == 0
    carriers = [(one.charge, one.n_carriers) for one in build_species(config, u)]
    assert carriers == [(1, 7), (-2, 2), (-3, 1)]


def test_bonds_are_those_of_non_metals():
    elements = np.array(["Li", "O", "H", "H", "P", "S", "Cl"])
    places = np.array(
        [[0, 0, 0], [1.9, 0, 0], [2.5, 0.8, 0], [2.5, -0.8, 0], [8, 8, 8], [9.9, 8, 8], [5, 5, 5.0]]
    )
    assert guess_bonds(elements, places, None).tolist() == [[1, 2], [1, 3], [4, 5]]
    assert guess_bonds(np.array(["Li", "Li"]), np.zeros((2, 3)), None).shape == (0, 2)
    broken = np.mod(places + np.array([9.0, 0, 0]), 11.0)
    box = np.array([11, 11, 11, 90, 90, 90], dtype=np.float32)
    assert guess_bonds(elements, broken, box).tolist() == [[1, 2], [1, 3], [4, 5]]

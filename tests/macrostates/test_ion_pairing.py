"""Clusters against networkx-free plain search on constructed contacts."""

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.macrostates import IonPairing
from mda_ionmech.macrostates.ion_pairing import counts_of
from mda_ionmech.microstates import CutoffShell

from ..builders import make_universe
from ..test_docs import rows as rows_of_page

#: First heading of the table of the page on events.
HEAD = "surroundings of a lithium"


def pairing_universe(n_frames=4, n=6, seed=0, length=14.0):
    rng = np.random.default_rng(seed)
    positions = rng.uniform(0, length, (n_frames, 2 * n, 3))
    return make_universe(
        positions, (length,) * 3 + (90,) * 3, names=["C"] * n + ["A"] * n, masses=[7.0, 35.0] * n
    )


def run_pairing(universe, cutoff=4.0, by="cluster"):
    cations, anions = universe.select_atoms("name C"), universe.select_atoms("name A")
    species = [
        IonSpecies(
            cations,
            charge=1,
            name="+",
            microstates=CutoffShell(cutoff, anion=anions),
            macrostates=IonPairing(by=by),
        ),
        IonSpecies(anions, charge=-1, name="-", macrostates=IonPairing(by=by)),
    ]
    # positions are drawn anew each frame: no path is meant, only shells
    return OnsagerDecomposition(
        species, temperature=300, windows=[1.0], frame="laboratory", unwrap=False
    ).run()


def clusters(contact):
    """Components of a bipartite graph by repeated widening, one frame: labels per ion."""
    n, m = contact.shape
    graph = np.zeros((n + m, n + m), dtype=bool)
    graph[:n, n:] = contact
    graph = graph | graph.T | np.eye(n + m, dtype=bool)
    for _ in range(n + m):
        graph = (graph.astype(int) @ graph.astype(int)) > 0
    return graph[:, :n].sum(axis=1), graph[:, n:].sum(axis=1)


@pytest.mark.parametrize(("seed", "bytes_at_once"), [*((k, 2**26) for k in range(5)), (5, 1100)])
def test_clusters_of_random_ions(seed, bytes_at_once, monkeypatch):
    # 12 ions take 384 bytes in a frame: blocks of two frames at last
    monkeypatch.setattr("mda_ionmech.macrostates.ion_pairing.BLOCK_BYTES", bytes_at_once)
    universe = pairing_universe(seed=seed)
    run = run_pairing(universe)
    seen = set()
    for t, ts in enumerate(universe.trajectory):
        difference = ts.positions[:6, None] - ts.positions[None, 6:]
        difference -= 14.0 * np.rint(difference / 14.0)
        plus, minus = clusters(np.linalg.norm(difference, axis=-1) <= 4.0)
        for name, rows in (("+", slice(0, 6)), ("-", slice(6, 12))):
            macro = run.macrostates[name]
            np.testing.assert_array_equal(macro.composition[t, :, 0], plus[rows])
            np.testing.assert_array_equal(macro.composition[t, :, 1], minus[rows])
            for k in range(6):
                p, m = plus[rows][k], minus[rows][k]
                want = "SSIP" if p + m == 1 else "CIP" if p == m == 1 else "AGG"
                assert macro.names[macro.state[t, k]] == want
                seen.add(want)
    assert "AGG" in seen


@pytest.mark.parametrize("bytes_at_once", [2**26, 1100])
def test_first_shells_of_random_ions(bytes_at_once, monkeypatch):
    monkeypatch.setattr("mda_ionmech.macrostates.ion_pairing.BLOCK_BYTES", bytes_at_once)
    universe = pairing_universe(n_frames=8, seed=2)
    run, clustered = (run_pairing(universe, by=by) for by in ("shell", "cluster"))
    differ = False
    for t, ts in enumerate(universe.trajectory):
        difference = ts.positions[:6, None] - ts.positions[None, 6:]
        difference -= 14.0 * np.rint(difference / 14.0)
        contact = np.linalg.norm(difference, axis=-1) <= 4.0
        for name, number in (("+", contact.sum(axis=1)), ("-", contact.sum(axis=0))):
            macro, other = run.macrostates[name], clustered.macrostates[name]
            assert macro.names == ("SSIP_shell", "CIP_shell", "AGG_shell")
            np.testing.assert_array_equal(macro.state[t], np.minimum(number, 2))
            own, counter = (0, 1) if name == "+" else (1, 0)
            np.testing.assert_array_equal(macro.composition[t, :, own], 1)
            np.testing.assert_array_equal(macro.composition[t, :, counter], number)
            # no counter-ion is one thing; a pair within a cluster is not
            np.testing.assert_array_equal(macro.state[t] == 0, other.state[t] == 0)
            assert np.all(macro.state[t] <= other.state[t])
            differ = differ or bool(np.any(macro.state[t] != other.state[t]))
    assert differ
    with pytest.raises(InputError, match=r"by='shells'\): must be 'cluster', .* or 'shell'"):
        IonPairing(by="shells")


def test_the_table_of_the_page_on_events():
    """A free cation, a pair, a bridged pair, and a cation with two anions, along one line."""
    cations = [2.0, 10.0, 20.0, 26.0, 38.0]
    anions = [13.0, 23.0, 35.5, 40.5, 44.0]  # one for the pair, a bridge, two, and one free
    x = np.random.default_rng(0).normal(scale=0.02, size=(4, 10, 3))
    x[..., 0] += cations + anions
    u = make_universe(
        x, (50.0,) * 3 + (90,) * 3, names=["C"] * 5 + ["A"] * 5, masses=[7.0, 35.0] * 5
    )  # fmt: skip
    by = {kind: run_pairing(u, 3.2, kind).macrostates for kind in ("cluster", "shell")}

    def labels(kind, name):
        return [by[kind][name].names[k] for k in by[kind][name].state[0]]

    shown = [
        [cell.strip("`") for cell in row[1:]] for row in rows_of_page("concepts/events.md", HEAD)
    ]
    for kind, column in (("cluster", 0), ("shell", 1)):
        free, pair, bridged, two = (row[column] for row in shown)
        assert labels(kind, "+") == [free, pair, bridged, bridged, two]
    # an anion bound to one cation that holds a second anion
    assert labels("cluster", "-")[2:] == ["AGG", "AGG", "SSIP"]
    assert labels("shell", "-")[2:] == ["CIP_shell", "CIP_shell", "SSIP_shell"]


def test_anions_no_cation_touches_are_free():
    run = run_pairing(pairing_universe(), cutoff=1.6)
    for macro in run.macrostates.values():
        assert np.all(macro.state == 0)
    population = run.results.transitions["population"]
    np.testing.assert_array_equal(population.sel(macrostate_start="SSIP"), 1.0)


@pytest.mark.slow
def test_transitions_sum_to_the_whole(liquid_run):
    data, moves = liquid_run.results.decomposition, liquid_run.results.transitions
    for name in ("Li+", "TFSI-"):
        parts = moves["transition_onsager"].sel(species=name)
        whole = data["onsager"].sel(species=name, species_2=name)
        own = data["onsager_self"].sel(species=name)
        gap = parts.sum(["macrostate_start", "macrostate_end"]) - whole
        assert float(np.abs(gap / own).max()) < 1e-12
        chance = moves["transition_probability"].sel(species=name).sum("macrostate_end")
        np.testing.assert_allclose(chance, 1.0)
        counts = moves["transition_count"].sel(species=name)
        total = counts.sum(["macrostate_start", "macrostate_end"])
        np.testing.assert_allclose(total, 16 * data["origins"])


def test_contacts_that_last_over_several_blocks_of_frames_are_in_each(monkeypatch):
    """Ions that tremble about their places, and one pair that parts for frames 3 to 5."""
    place = np.array([[1.0, 1, 1], [6, 6, 6], [2, 1, 1], [7, 6, 6]])
    positions = place + np.random.default_rng(0).normal(scale=0.01, size=(9, 4, 3))
    positions[3:6, 3, 0] = 12.0
    universe = make_universe(positions, (14.0,) * 3 + (90,) * 3, names=["C", "C", "A", "A"])
    expected = np.ones((9, 2), dtype=int)
    expected[3:6, 1] = 0
    for at_once in (1, 2, 4, 100):
        # 8 bytes for each of 4 rows and 48 for each of 2 cations
        monkeypatch.setattr("mda_ionmech.macrostates.ion_pairing.BLOCK_BYTES", at_once * 128)
        run = run_pairing(universe, cutoff=2.0)
        for name in "+-":
            macro = run.macrostates[name]
            np.testing.assert_array_equal(macro.state, expected)
            np.testing.assert_array_equal(macro.label_runs().dense().T, expected)
            np.testing.assert_array_equal(macro.composition.sum(axis=2), expected + 1)


def test_cations_that_see_no_anions_leave_those_that_do_their_clusters():
    universe = pairing_universe()
    cations, anions = universe.select_atoms("name C"), universe.select_atoms("name A")
    others = IonSpecies(cations[3:], charge=1, name="o", microstates=CutoffShell(3.0, x=anions))
    seeing = IonSpecies(
        cations[:3], charge=1, name="+", microstates=CutoffShell(4.0, anion=anions),
        macrostates=IonPairing(),
    )  # fmt: skip
    found = [
        OnsagerDecomposition(
            species, temperature=300, windows=[1.0], frame="laboratory", unwrap=False
        ).run().macrostates["+"]
        for species in ([others, seeing], [seeing])
    ]  # fmt: skip
    np.testing.assert_array_equal(found[0].composition, found[1].composition)
    assert IonPairing("x").describe() == {
        "rule": "IonPairing", "names": ["SSIP", "CIP", "AGG"], "anion": "x",
        "by": "cluster",
    }  # fmt: skip


def test_a_missing_anion_type_is_refused():
    universe = pairing_universe()
    cations, anions = universe.select_atoms("name C"), universe.select_atoms("name A")
    lone = IonSpecies(cations, charge=1, name="+", macrostates=IonPairing())
    with pytest.raises(InputError, match="no species has a detector with a ligand type 'anion'"):
        OnsagerDecomposition([lone], temperature=300, frame="laboratory")
    seeing = IonSpecies(cations, charge=1, name="+", microstates=CutoffShell(3.0, anion=anions[:3]))
    other = IonSpecies(anions[3:], charge=-1, name="-", macrostates=IonPairing())
    with pytest.raises(InputError, match="none of its atoms is a ligand of type 'anion'"):
        OnsagerDecomposition([seeing, other], temperature=300, frame="laboratory")


def test_counts_of_all_ions_fit_their_integers():
    for n in (1, 2**15 - 1, 2**15, 2**16 - 1, 2**16):
        assert np.array(n).astype(counts_of(n)) == n
    assert counts_of(2**15 - 1) is np.int16


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"memory": "1MB"}])
def test_a_cluster_of_more_ions_than_a_short_integer_holds(options):
    """One chain of 33 000 cations and as many anions, folded into rows; and one pair apart."""
    n, side = 33_000, 260
    k = np.arange(2 * n)
    x, y = k % side, k // side
    place = np.stack([2.0 * np.where(y % 2, side - 1 - x, x), 4.0 * y, 0.0 * x], axis=-1) + 1
    place[-2:, 2] += 6
    noise = np.random.default_rng(0).normal(scale=0.01, size=(3, 2 * n, 3))
    universe = make_universe(
        place + noise, (2.0 * side + 10, 4.0 * y.max() + 14, 14, 90, 90, 90),
        names=np.where(k % 2 == 0, "C", "A"), masses=np.ones(2 * n),
    )  # fmt: skip
    cations, anions = universe.select_atoms("name C"), universe.select_atoms("name A")
    species = [
        IonSpecies(
            cations, charge=1, name="+", microstates=CutoffShell(4.2, anion=anions),
            macrostates=IonPairing(),
        ),
        IonSpecies(anions, charge=-1, name="-", macrostates=IonPairing()),
    ]  # fmt: skip
    run = OnsagerDecomposition(
        species, temperature=300, windows=[1.0], resolutions=None, frame="laboratory", **options
    ).run()
    for name in ("+", "-"):
        macro = run.macrostates[name]
        expected = np.broadcast_to([n - 1, n - 1], (3, n, 2)).copy()
        expected[:, -1] = 1, 1
        np.testing.assert_array_equal(macro.composition, expected)
        np.testing.assert_array_equal(macro.state[:, :-1], 2)
        np.testing.assert_array_equal(macro.state[:, -1], 1)

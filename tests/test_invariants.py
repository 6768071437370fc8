"""What must hold of every run: order, origin, orientation, direction of time, ways of splitting."""

import pickle

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from MDAnalysis.analysis.backends import BackendBase
from scipy.spatial.transform import Rotation

from mda_ionmech import IonSpecies, OnsagerDecomposition, onsager
from mda_ionmech.events import EventRule, SolvationEvents
from mda_ionmech.macrostates import ShellComposition
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.onsager.carrier_labels import CarrierLabels
from mda_ionmech.onsager.window_sums import window_sums

from .builders import brownian, make_universe, wrap
from .onsager.test_window_sums import collective, random_system, system_of

LENGTH, N_IONS, N_SOLVENT, N_ANIONS, N_FRAMES = 14.0, 4, 8, 4, 60
WINDOWS = [1.0, 3.0, 8.0]
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=8, deadline=None)


def walk(seed):
    """Unwrapped paths of ions, solvent and anions on a grid of 2^-10 A, exact in float32."""
    rng = np.random.default_rng(seed)
    n = N_IONS + N_SOLVENT + N_ANIONS
    paths = brownian(rng, N_FRAMES, n, 0.08, 1.0) + rng.uniform(0, LENGTH, (n, 3))
    return np.round(paths * 1024) / 1024


def decomposed(paths, *, order=None, rule=None, **run):
    """The run of ions with plain cutoffs among solvent and anions."""
    universe = make_universe(
        wrap(paths, LENGTH), (LENGTH,) * 3 + (90.0,) * 3,
        names=["I"] * N_IONS + ["S"] * N_SOLVENT + ["A"] * N_ANIONS,
        masses=[7.0] * N_IONS + [18.0] * N_SOLVENT + [35.0] * N_ANIONS,
    )  # fmt: skip
    ions = universe.select_atoms("name I")
    ions = IonSpecies(
        ions if order is None else ions[order], charge=1, name="ion",
        microstates=CutoffShell(
            3.0, solvent=universe.select_atoms("name S"), anion=universe.select_atoms("name A")
        ),
        events=SolvationEvents() if rule is None else rule, macrostates=ShellComposition(),
    )  # fmt: skip
    anions = IonSpecies(universe.select_atoms("name A"), charge=-1, name="anion")
    return OnsagerDecomposition(
        [ions, anions], temperature=300.0, windows=WINDOWS, resolutions=None
    ).run(**run)


def assert_same(one, two, names, rtol=1e-9):
    data = [r.results.decomposition for r in (one, two)]
    for name in names:
        scale = float(np.abs(data[0]["onsager_self"]).max())
        units_of_onsager = data[0][name].attrs["units"] == "1/(J m s)"
        atol = 1e-10 * scale if units_of_onsager else 1e-10
        np.testing.assert_allclose(data[0][name], data[1][name], rtol=rtol, atol=atol)


PARTS = ("onsager", "onsager_tensor", "event_onsager", "event_self", "event_count")


@few
@given(seed=seeds, data=st.data())
def test_order_of_carriers_and_origin_do_not_matter(seed, data):
    paths = walk(seed)
    order = data.draw(st.permutations(range(N_IONS)))
    shift = np.array(data.draw(st.tuples(*[st.integers(-20_000, 20_000)] * 3))) / 1024
    first = decomposed(paths)
    assert_same(first, decomposed(paths, order=list(order)), PARTS)
    # the cell is 14 A long, so 2^-10 A stays exact in single precision
    assert_same(first, decomposed(paths + shift), PARTS, rtol=1e-6)


@few
@given(seed=seeds, data=st.data())
def test_tensors_turn_with_the_axes(seed, data):
    """A cube laid on another of its faces: the same run with axes exchanged and turned round."""
    paths = walk(seed)
    axes = list(data.draw(st.permutations(range(3))))
    sign = np.array(data.draw(st.tuples(*[st.sampled_from([-1, 1])] * 3)))
    turned = decomposed(sign * paths[..., axes])
    first = decomposed(paths).results.decomposition
    turn = np.zeros((3, 3))
    turn[np.arange(3), axes] = sign
    for name in ("onsager_tensor", "event_onsager_tensor"):
        before, after = first[name].values, turned.results.decomposition[name].values
        expected = np.einsum("xi,...ij,yj->...xy", turn, before, turn)
        scale = np.abs(first["onsager_self"].values).max()
        np.testing.assert_allclose(after, expected, rtol=1e-6, atol=1e-6 * scale)
    np.testing.assert_array_equal(turned.results.decomposition["event_count"], first["event_count"])


@settings(max_examples=25, deadline=None)
@given(seed=seeds, window=st.integers(1, 20))
def test_tensors_turn_by_any_rotation(seed, window):
    rng = np.random.default_rng(seed)
    species, _, _ = random_system(rng)
    turn = Rotation.random(random_state=int(rng.integers(2**31))).as_matrix()

    def evaluated(listed):
        sums = window_sums(listed, window, 5, collective(listed))
        whole = sums.resampled(np.ones((1, len(sums.origins))))
        return {k: v[0] for k, v in onsager.evaluate(whole, system_of(listed), 1.0).items()}

    turned = [
        CarrierLabels(**(vars(s) | {"position": np.einsum("xy,cyt->cxt", turn, s.position)}))
        for s in species
    ]
    first, second = evaluated(species), evaluated(turned)
    scale = np.abs(first["onsager_self"]).max()
    for name in ("onsager_tensor", "event_onsager_tensor"):
        expected = np.einsum("xi,...ij,yj->...xy", turn, first[name], turn)
        np.testing.assert_allclose(second[name], expected, atol=1e-11 * scale)
    for name in ("onsager", "event_onsager", "event_matrix", "event_self", "transition_onsager"):
        np.testing.assert_allclose(second[name], first[name], atol=1e-11 * scale)


@few
@given(seed=seeds)
def test_time_reversal_turns_every_transition_round(seed):
    paths = walk(seed)
    forward, backward = decomposed(paths), decomposed(paths[::-1])
    one, two = (r.results.transitions for r in (forward, backward))
    kinds = sorted(set(one["macrostate_start"].values) & set(two["macrostate_start"].values))
    for name in ("transition_onsager", "transition_count"):
        ours, theirs = (
            t[name].sel(macrostate_start=kinds, macrostate_end=kinds, species="ion")
            for t in (one, two)
        )
        scale = np.abs(ours.values).max()
        swapped = theirs.rename(
            macrostate_start="macrostate_end", macrostate_end="macrostate_start"
        ).transpose(*ours.dims)
        np.testing.assert_allclose(ours, swapped, atol=1e-6 * scale)
    # what comes one way goes the other; the whole and the symmetric labels stay
    assert_same(forward, backward, ("onsager", "onsager_tensor", "onsager_self"), rtol=1e-6)
    before, after = (r.results.decomposition for r in (forward, backward))
    np.testing.assert_array_equal(before["event_count"], after["event_count"])
    flags = [r.events(3.0) for r in (forward, backward)]
    association, dissociation = (
        1 << flags[0].flag_names.index(name) for name in ("association", "dissociation")
    )
    ours = flags[0].flags & association > 0
    np.testing.assert_array_equal(ours, (flags[1].flags & dissociation > 0)[::-1])


class Changed(EventRule):
    """`SolvationEvents` with all kinds of exchange under one name."""

    names = ("vehicular", "changed")

    def label(self, before, after):
        same = before.molecule_set() == after.molecule_set()
        return "vehicular" if same else "changed"


@few
@given(seed=seeds)
def test_merged_labels_add_their_contributions(seed):
    paths = walk(seed)
    fine, coarse = (
        decomposed(paths, rule=rule).results.decomposition.sel(species="ion")
        for rule in (SolvationEvents(), Changed())
    )
    scale = np.abs(fine["onsager_self"].values).max()
    for name in ("event_onsager", "event_onsager_tensor", "event_self", "event_count"):
        merged = fine[name].drop_sel(event=["vehicular", "all"]).sum("event")
        found = coarse[name].sel(event="changed")
        np.testing.assert_allclose(found, merged, rtol=1e-9, atol=1e-10 * scale)
        kept = coarse[name].sel(event="vehicular")
        np.testing.assert_allclose(kept, fine[name].sel(event="vehicular"), rtol=1e-9)


class Copies(BackendBase):
    """Every part on a copy of the analysis that has travelled, as to a worker."""

    def __init__(self, n_workers=1):
        super().__init__(n_workers=n_workers)

    def apply(self, func, computations):
        return [
            pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(func))(c))) for c in computations
        ]


@few
@given(seed=seeds, n_parts=st.integers(1, 25))
def test_splitting_the_frames_changes_no_bit(seed, n_parts):
    paths = walk(seed)
    whole = decomposed(paths)
    parts = decomposed(
        paths, backend=Copies(n_workers=n_parts), n_parts=n_parts, unsupported_backend=True
    )
    np.testing.assert_array_equal(whole.paths.position, parts.paths.position)
    np.testing.assert_array_equal(whole.microstates["ion"].state, parts.microstates["ion"].state)
    for name, values in whole.results.decomposition.data_vars.items():
        np.testing.assert_array_equal(values, parts.results.decomposition[name], err_msg=name)


def test_labels_of_the_random_walks_are_all_met():
    """So that the tests above speak of more than one label."""
    counts = sum(decomposed(walk(seed)).results.decomposition["event_count"] for seed in range(3))
    assert (counts.sel(species="ion").drop_sel(event="all").sum("window") > 0).all()

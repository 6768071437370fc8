"""From sums to coefficients: every quantity against its definition, and what additivity is."""

import numpy as np
import pytest
from scipy import constants

from mda_ionmech import onsager
from mda_ionmech.onsager.coefficients import System
from mda_ionmech.onsager.window_sums import WindowSums

TIME, TEMPERATURE, VOLUME, ORIGINS = 2.5, 330.0, 8000.0, 40.0
CHARGE, CARRIERS = np.array([2.0, -1.0, 1.0]), np.array([5, 7, 3])
# rows of three species in a union of three labels; the second has one label, the third no rule
ROWS = np.array([(0, 0), (0, 1), (0, 2), (1, 2), (2, 1)])
MOVES = np.array([(k, m, n) for k in (0, 1) for m in range(2) for n in range(2)])


def system(*, joint=(True, False, False), n_macrostates=2):
    return System(
        charge=CHARGE,
        n_carriers=CARRIERS,
        row_species=ROWS[:, 0],
        row_label=ROWS[:, 1],
        n_events=3,
        transition_species=MOVES[:, 0],
        transition_start=MOVES[:, 1],
        transition_end=MOVES[:, 2],
        n_macrostates=n_macrostates,
        joint_species=np.array(joint),
        ruled_species=np.array([True, True, False]),
        temperature=TEMPERATURE,
        volume=VOLUME,
        n_dimensions=2,
    )


def random_sums(seed=0):
    """Sums that no trajectory need have: a formula must hold for any numbers."""
    rng = np.random.default_rng(seed)
    r, s = len(ROWS), 3
    shapes = {
        "gram": (r, r), "marginal": (r, s, 3, 3), "total": (s, s, 3, 3), "squared": (r,),
        "number": (r,), "total_squared": (s,), "transition": (8,), "transition_number": (8,),
        "clusters": (r,), "incluster": (r,), "hopping": (s,), "clustered": (s,), "largest": (s,),
        "repeated": (s,), "changed": (s,),
    }  # fmt: skip
    return WindowSums(
        np.array(ORIGINS), **{k: rng.uniform(1.0, 9.0, shape) for k, shape in shapes.items()}
    )


def test_every_quantity_follows_its_definition():
    sums = random_sums()
    found = onsager.evaluate(sums, system(), TIME)
    # SI units throughout: 2 n kB T V dt, with two dimensions; a tensor component has one
    below = 2 * constants.k * TEMPERATURE * VOLUME * 1e-30 * TIME * 1e-12
    square = 1e-20 / ORIGINS
    trace = np.einsum("abxx->ab", sums.total) * square / (2 * below)
    np.testing.assert_allclose(found["onsager"], trace)
    tensor = sums.total * square / below
    for a in range(3):
        for b in range(3):
            one = (tensor[a, b] + tensor[a, b].T) / 2 if a == b else tensor[a, b]
            np.testing.assert_allclose(found["onsager_tensor"][a, b], one)
    own = sums.total_squared * square / (2 * below)
    np.testing.assert_allclose(found["onsager_self"], own)
    e2 = constants.e**2
    current = e2 * np.array(
        [[CHARGE[a] * CHARGE[b] * trace[a, b] for b in range(3)] for a in range(3)]
    )
    np.testing.assert_allclose(found["conductivity"], current.sum())
    nernst_einstein = sum(e2 * CHARGE[a] ** 2 * own[a] for a in range(3))
    np.testing.assert_allclose(found["nernst_einstein"], nernst_einstein)
    np.testing.assert_allclose(found["haven_ratio"], nernst_einstein / current.sum())
    np.testing.assert_allclose(found["transference_number"], current.sum(axis=1) / current.sum())
    # A^2/ps in cm^2/s: 1e-16 / 1e-12
    diffusivity = sums.total_squared / ORIGINS / CARRIERS / (2 * 2 * TIME) * 1e-16 / 1e-12
    np.testing.assert_allclose(found["diffusivity_self"], diffusivity)


def by_label(values):
    """Rows (rows, ...) as (species, label, ...), 0 where a species lacks a label."""
    out = np.zeros((3, 3, *np.shape(values)[1:]))
    for (a, e), value in zip(ROWS, values, strict=True):
        out[a, e] = value
    return out


def test_every_quantity_of_events_follows_its_definition():
    sums = random_sums(1)
    found = onsager.evaluate(sums, system(), TIME)
    below = 2 * constants.k * TEMPERATURE * VOLUME * 1e-30 * TIME * 1e-12
    square = 1e-20 / ORIGINS
    trace = by_label(np.einsum("rbxx->rb", sums.marginal))
    lacking = by_label(np.ones(5)) == 0
    event = trace.transpose(0, 2, 1) * square / (2 * below)
    np.testing.assert_allclose(found["event_onsager"], event)
    tensor = by_label(sums.marginal).transpose(0, 2, 1, 3, 4) * square / below
    np.testing.assert_allclose(found["event_onsager_tensor"], tensor)
    matrix = np.zeros((3, 3, 3, 3))
    for r, (a, e) in enumerate(ROWS):
        for q, (b, f) in enumerate(ROWS):
            matrix[a, b, e, f] = sums.gram[r, q] * square / (2 * below)
    np.testing.assert_allclose(found["event_matrix"], matrix)
    current = constants.e**2 * np.einsum("a,abe,b->ae", CHARGE, event, CHARGE)
    np.testing.assert_allclose(found["event_conductivity"], current)
    own = by_label(sums.squared) * square / (2 * below)
    np.testing.assert_allclose(found["event_self"], own)
    mine = np.stack([event[a, a] for a in range(3)])
    np.testing.assert_allclose(found["event_distinct"], mine - own)
    number = by_label(sums.number)
    np.testing.assert_allclose(found["event_count"], number)
    # carriers with the label, per origin, carrier and nanosecond
    frequency = number / ORIGINS / CARRIERS[:, None] / (TIME * 1e-3)
    np.testing.assert_allclose(found["event_frequency"], np.where(lacking, np.nan, frequency))
    in_own = np.stack([trace[a, :, a] for a in range(3)])
    effect = in_own / np.where(lacking, np.nan, number)
    np.testing.assert_allclose(found["effectiveness"], effect)
    whole = np.einsum("aaxx->a", sums.total) * square / (2 * below)
    np.testing.assert_allclose(found["share"], np.where(lacking, np.nan, mine / whole[:, None]))
    clusters = by_label(sums.clusters)
    np.testing.assert_allclose(found["cluster_count"], clusters)
    incluster = by_label(sums.incluster) * square / (2 * below)
    np.testing.assert_allclose(found["event_incluster"], incluster)
    together = in_own / np.where(lacking, np.nan, clusters)
    np.testing.assert_allclose(found["effectiveness_cooperative"], together)
    np.testing.assert_allclose(found["multi_fraction"], sums.clustered / sums.hopping)
    np.testing.assert_allclose(found["largest_cluster_fraction"], sums.largest / sums.hopping)
    repeated = sums.repeated / ORIGINS / CARRIERS
    repeated[2] = np.nan
    np.testing.assert_allclose(found["multi_hop_fraction"], repeated)


def test_every_quantity_of_transitions_follows_its_definition():
    sums = random_sums(2)
    found = onsager.evaluate(sums, system(), TIME)
    below = 2 * 2 * constants.k * TEMPERATURE * VOLUME * 1e-30 * TIME * 1e-12
    carried, number = np.zeros((3, 2, 2)), np.zeros((3, 2, 2))
    carried[:2] = sums.transition.reshape(2, 2, 2) * 1e-20 / ORIGINS / below
    number[:2] = sums.transition_number.reshape(2, 2, 2)
    np.testing.assert_allclose(found["transition_onsager"], carried)
    np.testing.assert_allclose(found["transition_count"], number)
    of_start = number[:2].sum(axis=2, keepdims=True)
    np.testing.assert_allclose(found["transition_probability"][:2], number[:2] / of_start)
    assert np.isnan(found["transition_probability"][2]).all()


def test_what_no_species_has_is_not_there():
    found = onsager.evaluate(random_sums(), system(joint=(False,) * 3, n_macrostates=0), TIME)
    assert not {"multi_fraction", "cluster_count", "transition_onsager"} & set(found)
    assert {"multi_hop_fraction", "share"} <= set(found)


def test_resampled_sums_give_what_each_sample_gives_alone():
    one, other = random_sums(3), random_sums(4)
    names = one.__dataclass_fields__
    both = WindowSums(**{k: np.stack([getattr(one, k), getattr(other, k)]) for k in names})
    found = onsager.evaluate(both, system(), TIME)
    for k, sums in enumerate((one, other)):
        for name, value in onsager.evaluate(sums, system(), TIME).items():
            np.testing.assert_allclose(found[name][k], value, err_msg=name)


def test_a_ratio_without_a_denominator_is_undefined():
    sums = random_sums()
    none = WindowSums(**(vars(sums) | {"hopping": 0 * sums.hopping, "number": 0 * sums.number}))
    found = onsager.evaluate(none, system(), TIME)
    for name in ("multi_fraction", "largest_cluster_fraction", "effectiveness"):
        assert np.isnan(found[name]).all(), name


def additive():
    """Values of two species and two labels that add up; self parts 4 and 9."""
    event = np.array([[[1.0, 1.5], [0.5, 0.25]], [[0.5, 0.25], [2.0, 3.0]]])
    whole = event.sum(axis=-1)
    matrix = np.zeros((2, 2, 2, 2))
    matrix[..., 0, 0] = whole
    return {
        "onsager": whole,
        "onsager_self": np.array([4.0, 9.0]),
        "event_onsager": event,
        "event_matrix": matrix,
        "event_conductivity": np.array([[1.0, 2.0], [3.0, 4.0]]),
        "conductivity": np.array(10.0),
        "nernst_einstein": np.array(50.0),
    }


def test_the_residual_is_the_gap_over_the_self_parts():
    assert np.all(onsager.residual(additive()) == 0)
    # a gap of 3 between species 0 and 1: over sqrt(4 x 9)
    for name, place in (("event_onsager", (0, 1, 1)), ("event_matrix", (0, 1, 1, 0))):
        for gap in (3.0, -3.0):
            values = additive()
            values[name][place] += gap
            np.testing.assert_allclose(onsager.residual(values), [[0, 0.5], [0, 0]])
    values = additive()
    values["event_onsager"][0, 0, 0] += 1.0
    np.testing.assert_allclose(onsager.residual(values), [[0.25, 0], [0, 0]])
    # a gap of the conductivity of 5 in 50 is in all of them
    values["event_conductivity"] = values["event_conductivity"] + [[5.0, 0.0], [0.0, 0.0]]
    np.testing.assert_allclose(onsager.residual(values), [[0.25, 0.1], [0.1, 0.1]])
    still = {k: 0 * v for k, v in additive().items()}
    assert np.all(onsager.residual(still) == 0)
    # what is no number is never taken for round-off
    for name, value in additive().items():
        values = additive()
        values[name] = value * np.array([np.nan, *[1.0] * (value.size - 1)]).reshape(value.shape)
        assert np.isnan(onsager.residual(values)).any(), name


def test_the_residual_of_paths_is_the_gap_over_the_self_parts():
    two = System(
        charge=np.array([1.0, -2.0]), n_carriers=np.array([1, 1]), row_species=np.array([0, 0, 1]),
        row_label=np.array([0, 1, 0]), n_events=2, transition_species=np.empty(0),
        transition_start=np.empty(0), transition_end=np.empty(0), n_macrostates=0,
        joint_species=np.zeros(2, bool), ruled_species=np.ones(2, bool), temperature=300.0,
        volume=1000.0, n_dimensions=3,
    )  # fmt: skip

    def sums(gap=0.0, next_gap=0.0, next_origins=2.0):
        # sub-blocks (2,) of 3 and 1 origins
        marginal = np.array([[[1.0, 2.0], [3.0, 4.0], [6.0, 5.0]]] * 2)
        total = np.array([[[4.0, 6.0], [6.0, 5.0]]] * 2)
        off = np.array([0.0, gap])[:, None, None] * np.array([[0.0, 1.0], [0.0, 0.0]])
        later = np.array([0.0, next_gap])[:, None, None] * np.array([[0.0, 1.0], [0.0, 0.0]])
        return onsager.PathSums(
            np.array([3.0, 1.0]), marginal, total + off,
            np.array([next_origins, 0.0]), marginal, total + later,
        )  # fmt: skip

    squared = np.array([4.0, 9.0])
    assert onsager.path_residual(sums(), two, squared) == 0
    # a gap of 24 in 4 origins over sqrt(4 x 9); in the conductivity 2 x 6 over 4 + 4 x 9
    assert onsager.path_residual(sums(gap=24.0), two, squared) == pytest.approx(1.0)
    assert onsager.path_residual(sums(gap=-24.0), two, squared) == pytest.approx(1.0)
    # the next horizon has 2 origins
    assert onsager.path_residual(sums(next_gap=24.0), two, squared) == pytest.approx(2.0)
    assert onsager.path_residual(sums(next_gap=24.0, next_origins=0.0), two, squared) == 0
    # species 1 stands still: only the conductivity tells, 2 x 6 over 4
    still = np.array([4.0, 0.0])
    assert onsager.path_residual(sums(gap=24.0), two, still) == pytest.approx(3.0)
    assert onsager.path_residual(sums(gap=24.0), two, 0 * squared) == 0
    for gaps in ((np.nan, 0.0), (0.0, np.nan)):
        assert np.isnan(onsager.path_residual(sums(*gaps), two, squared))
    assert np.isnan(onsager.path_residual(sums(), two, squared * [1, np.nan]))


def test_every_quantity_of_paths_follows_its_definition():
    rng = np.random.default_rng(5)
    shapes = {"marginal": (5, 3), "total": (3, 3), "next_marginal": (5, 3), "next_total": (3, 3)}
    sums = {k: rng.uniform(1.0, 9.0, shape) for k, shape in shapes.items()}
    horizon, resolution = 4.5, 1.5

    def found(next_origins):
        counts = {"origins": np.array(6.0), "next_origins": np.array(next_origins)}
        return onsager.evaluate_paths(
            onsager.PathSums(**sums, **counts), system(), horizon, resolution
        )

    below = 2 * 2 * constants.k * TEMPERATURE * VOLUME * 1e-30
    values = found(1.0)
    per_horizon, per_step = 1e-20 / (below * horizon * 1e-12), 1e-20 / (below * resolution * 1e-12)
    path = by_label(sums["marginal"]).transpose(0, 2, 1) / 6
    gained = by_label(sums["next_marginal"]).transpose(0, 2, 1) / 1 - path
    np.testing.assert_allclose(values["path_onsager"], path * per_horizon)
    np.testing.assert_allclose(values["path_slope"], gained * per_step)
    total = sums["total"] / 6
    np.testing.assert_allclose(values["_path"], total * per_horizon)
    np.testing.assert_allclose(values["_slope"], (sums["next_total"] - total) * per_step)
    for view, name in (("path_onsager", "path_conductivity"), ("path_slope", "slope_conductivity")):
        current = constants.e**2 * np.einsum("a,abe,b->ae", CHARGE, values[view], CHARGE)
        np.testing.assert_allclose(values[name], current)
    # where the next horizon does not fit, the slope is undefined and the path is as before
    short = found(0.0)
    np.testing.assert_array_equal(short["path_onsager"], values["path_onsager"])
    assert np.isnan(short["_slope"]).all()
    assert np.isnan(short["path_slope"][0]).all()

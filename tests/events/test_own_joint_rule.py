"""A joint event rule of the user's own: a subclass that splits a class of `CrystalEvents`."""

import numpy as np
import pytest

from mda_ionmech import IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.events import CrystalEvents
from mda_ionmech.microstates import SiteAssignment

pytest.importorskip("gemmi")
LINKS = {"linking": "proximity", "distance": 3.0}


class PairHops(CrystalEvents):
    """Hops of exactly two ions apart from longer chains."""

    names = (*CrystalEvents.names, "pair_hop")

    def label_blocks(self, history, window):
        for block in super().label_blocks(history, window):
            for label, cluster in zip(block.label.T, block.cluster.T, strict=True):
                size = np.bincount(cluster[cluster >= 0], minlength=len(cluster))
                label[(label == 2) & (size[cluster] == 2)] = 4
            yield block


def garnet(rule):
    u = datasets.load("crystal")
    sites = SiteAssignment.from_cif(
        datasets.path("crystal") / "llzo.cif", species="Li", framework=u.select_atoms("type 3")
    )
    ions = IonSpecies(
        u.select_atoms("type 1"), charge=1, name="Li+", microstates=sites, events=rule
    )
    return OnsagerDecomposition(
        ions, temperature=800, windows=[1.0, 4.0], resolutions=[1.0], horizons=[2.0]
    ).run(stop=1000)


@pytest.fixture(scope="module")
def runs():
    return garnet(CrystalEvents(**LINKS)), garnet(PairHops(**LINKS))


@pytest.mark.slow
def test_the_parts_of_a_class_add_up_to_it(runs):
    plain, split = (run.results.decomposition for run in runs)
    for name in (
        "event_onsager",
        "event_frequency",
        "event_self",
        "event_conductivity",
        "path_onsager",
    ):
        whole = plain[name].sel(event="multi_ion_hop")
        parts = split[name].sel(event=["multi_ion_hop", "pair_hop"]).sum("event")
        np.testing.assert_allclose(parts, whole, rtol=1e-9)
        assert np.all(split[name].sel(event="pair_hop") != 0)
        rest = ["no_hop", "single_ion_hop", "exchange"]
        np.testing.assert_array_equal(split[name].sel(event=rest), plain[name].sel(event=rest))


@pytest.mark.slow
def test_pairs_are_clusters_of_two(runs):
    plain, split = runs
    for window in (1.0, 4.0):
        labels = split.events(window)
        before = plain.events(window)
        pair = labels.label == labels.names.index("pair_hop")
        assert np.all(before.label[pair] == before.names.index("multi_ion_hop"))
        assert np.all(pair.sum(axis=1) % 2 == 0)
        assert pair.any()


def test_rules_of_different_classes_are_not_labelled_together():
    assert CrystalEvents().links_like(CrystalEvents())
    assert PairHops().links_like(PairHops())
    assert not CrystalEvents().links_like(PairHops())
    assert not PairHops().links_like(CrystalEvents())

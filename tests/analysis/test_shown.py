"""What analyses, results and species say of themselves in an interactive session."""

import copy

import numpy as np

from mda_ionmech import OnsagerDecomposition, datasets
from tests.builders import decompose, hops, liquid_species, make_universe


def test_an_analysis_says_what_it_is_before_and_after_its_run():
    universe = datasets.liquid()
    analysis = OnsagerDecomposition(liquid_species(universe), temperature=330)
    assert repr(analysis) == "<OnsagerDecomposition of 16 Li+, 16 TFSI-; not run yet: .run()>"
    html = analysis._repr_html_()
    assert "SolvationEvents" in html
    assert "Not run yet" in html
    analysis.run(stop=60)
    assert "Li+, TFSI-; 60 frames, 59 ps" in repr(analysis)
    assert analysis.results.summary()._repr_html_() in analysis._repr_html_()
    assert repr(copy.deepcopy(analysis)) == repr(analysis)


def test_a_result_leads_with_its_conductivity_or_coefficient():
    paths, _ = hops(np.random.default_rng(7), 600, 6, 0.2, 1.0, 1.0)
    universe = make_universe(paths, [50.0] * 3 + [90.0] * 3)
    charged = decompose(universe, windows=[2.0], resolutions="log")
    value = float(charged.diffusive_conductivity)
    assert f"conductivity {value:.3g}"[:16] in repr(charged)
    assert repr(charged).count("S/m") == 1
    windows = decompose(universe, windows=[2.0, 4.0])
    assert "2 windows from 2 to 4 ps, no diffusive view" in repr(windows)

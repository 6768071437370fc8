"""The result file, its schema, its tables and the states file."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import mda_ionmech
from mda_ionmech import InputError, OnsagerDecomposition, datasets, load
from mda_ionmech.results.schema import check_schema, load_schema
from ovito_modifiers import read_states
from ovito_modifiers.archive import checksum_of

from ..conftest import liquid_species


def test_schema_is_the_promised_one():
    promised = Path(__file__).parents[3] / "shared" / "design" / "results-schema.json"
    if not promised.is_file():
        pytest.skip(f"the design's own copy of the schema is not at {promised}")
    mine, theirs = load_schema(), json.loads(promised.read_text())
    assert mine["schema"] == theirs["schema"]
    assert mine["intervals"] == theirs["intervals"]
    for path, group in theirs["groups"].items():  # later versions add, and never rename
        for part, entries in group.items():
            found = mine["groups"][path][part]
            if isinstance(entries, dict):
                assert {name: found.get(name) for name in entries} == entries
            else:
                assert found == entries


def test_every_variable_follows_the_schema(liquid_run):
    tree = liquid_run.results.tree
    check_schema(tree)
    decomposition = liquid_run.results.decomposition
    promised = load_schema()["groups"]["/decomposition"]["variables"]
    later = {
        "multi_fraction",
        "multi_fraction_circular",
        "multi_fraction_exclusion",
        "event_incluster",
        "effectiveness_cooperative",
        "cluster_count",
        "largest_cluster_fraction",
    }
    assert {n for n in decomposition if not n.endswith(("_low", "_high"))} == set(promised) - later
    for name in decomposition.data_vars:
        if name.endswith(("_low", "_high")) or name in ("residual", "origins", "blocks"):
            continue
        for end in ("_low", "_high"):
            other = decomposition[name + end]
            assert other.dims == decomposition[name].dims
            assert other.attrs["level"] == 0.68
    assert decomposition["window"].dtype == np.float64
    assert decomposition["window"].attrs["units"] == "ps"


def test_a_wrong_variable_is_caught(liquid_run):
    def spoiled(change):
        data = liquid_run.results.decomposition.copy(deep=True)
        change(data)
        tree = xr.DataTree(children={"decomposition": xr.DataTree(data)})
        tree.attrs = liquid_run.results.tree.attrs
        return tree

    with pytest.raises(ValueError, match="onsager has units 'm', not"):
        check_schema(spoiled(lambda d: d["onsager"].attrs.update(units="m")))
    with pytest.raises(ValueError, match="/decomposition/extra is not in the schema"):
        check_schema(spoiled(lambda d: d.update({"extra": ((), 1.0)})))


@pytest.mark.slow
def test_plain_xarray_opens_the_file(liquid_run, tmp_path):
    path = liquid_run.save(tmp_path / "liquid.nc")
    with xr.open_datatree(path, engine="netcdf4") as tree:
        assert tree.attrs["schema"] == "ionmech-results/1"
        states = tree["states"]
        assert "_FillValue" not in states["microstate"].attrs | states["microstate"].encoding
        assert states["microstate"].dtype == np.int32
        meanings = states["event"].attrs["flag_meanings"].split()
        assert meanings[:5] == list(liquid_run.species[0].events.names)
        last = states["event"].values[-1]
        assert np.all(last == -1), "no full window starts at the last frame"
        shells = tree["shells"]
        assert int(shells["start"][-1]) == shells.sizes["member"]
        # the first lithium's first shell: atoms of the ligands within 2.8 and 2.9 A
        first = int(states["microstate"][0, 0])
        members = slice(int(shells["start"][first]), int(shells["start"][first + 1]))
        atoms = shells["atom_id"].values[members] - 1
        universe = datasets.liquid()
        near = universe.select_atoms(
            "(resname ACN and name N1 and around 2.8 index 0) or "
            "(resname TFS and name O* and around 2.9 index 0)"
        )
        assert sorted(atoms) == sorted(near.ix)


def test_states_of_two_species_share_one_numbering(liquid_run):
    states = liquid_run.results.states
    species = states["carrier_species"].values
    assert np.all(states["microstate"].values[:, species == 1] == -1)
    assert np.all(states["event"].values[:-1, species == 1] == 5)
    assert np.all(states["macrostate"].values >= 0)


def test_states_file_holds_what_ovito_needs(liquid_run, tmp_path):
    path = liquid_run.save_states(tmp_path / "liquid.states.npz", window=4.0)
    states = read_states(path)
    assert states.window_ps == 4.0
    assert states.event.shape == states.macrostate.shape == (3001, 32)
    assert states.event.dtype == states.macrostate.dtype == np.int16
    assert states.cluster.dtype == np.int32
    assert np.all(states.cluster == -1)
    assert states.displacement.dtype == np.float32
    assert states.n_atoms == 928
    assert len(states.atom_id) == 16 + 16 * 15
    np.testing.assert_array_equal(states.atom_id, states.atom_index + 1)
    np.testing.assert_array_equal(np.bincount(states.carrier_of_atom), [1] * 16 + [15] * 16)
    labels = liquid_run.events(4.0)
    np.testing.assert_array_equal(states.event[:-4, :16], labels.label)
    assert states.event_names[:5] == labels.names
    assert len(states.event_colors) == len(states.event_names)
    assert states.event_colors[0].startswith("#")
    r = liquid_run.paths.position
    np.testing.assert_allclose(
        states.displacement[100], r[:, :, 104] - r[:, :, 100], rtol=1e-6, atol=1e-6
    )
    np.testing.assert_array_equal(states.frame, np.arange(3001))
    np.testing.assert_array_equal(states.time_ps, np.arange(3001.0))
    assert states.step[1] == states.step[0] + 250


def test_states_file_holds_the_shares_of_a_scanned_window(liquid_run, tmp_path):
    states = read_states(liquid_run.save_states(tmp_path / "scanned.states.npz", window=4.0))
    assert states.species_names == ("Li+", "TFSI-")
    np.testing.assert_array_equal(states.species_of_carrier, [0] * 16 + [1] * 16)
    summary = liquid_run.results.summary(window=4.0)
    for column in ("share", "share_low", "share_high"):
        found = getattr(states, f"event_{column}")
        assert found.shape == (2, len(states.event_names))
        np.testing.assert_array_equal(
            found[0, :5], summary[column].loc[list(states.event_names[:5])]
        )
        assert np.isnan(found[0, 5])
    assert states.event_names[5] == "all"
    assert states.event_share[1, 5] == pytest.approx(1.0)
    assert np.isnan(states.event_share[1, :5]).all()
    assert states.share_view == "window"
    # by default the reading, whose shares are those of the diffusive view
    reading = read_states(liquid_run.save_states(tmp_path / "r.states.npz"))
    summary = liquid_run.results.summary()
    assert (reading.share_view, reading.window_ps) == ("diffusive", summary.attrs["resolution_ps"])
    names = list(reading.event_names[:5])
    np.testing.assert_array_equal(reading.event_share[0, :5], summary["share"].loc[names])
    other = read_states(liquid_run.save_states(tmp_path / "other.states.npz", window=5.0))
    assert other.event_share is None
    assert other.species_names == ("Li+", "TFSI-")


def test_states_files_of_the_first_version_are_read(liquid_run, tmp_path):
    path = liquid_run.save_states(tmp_path / "new.states.npz", window=4.0)
    with np.load(path) as archive:
        arrays = {k: archive[k] for k in archive.files}
    later = {"species_names", "species_of_carrier", "checksum"}
    first = {k: v for k, v in arrays.items() if k not in later and "share" not in k}
    np.savez_compressed(tmp_path / "old.states.npz", **first)
    states = read_states(tmp_path / "old.states.npz")
    assert states.species_names is None
    assert states.event_share is None
    # what a later version adds is known by the checksum
    more = arrays | {"later_addition": np.zeros(3)}
    np.savez_compressed(tmp_path / "later.states.npz", **(more | {"checksum": checksum_of(more)}))
    assert read_states(tmp_path / "later.states.npz").event.shape == states.event.shape
    np.savez_compressed(tmp_path / "unknown.states.npz", **first, later_addition=np.zeros(3))
    with pytest.raises(ValueError, match="holds later_addition, which no states file has"):
        read_states(tmp_path / "unknown.states.npz")


def test_ovito_modifiers_import_numpy_alone():
    code = (
        "import sys, ovito_modifiers; "
        "bad = {'MDAnalysis', 'numba', 'scipy', 'xarray', 'mda_ionmech'} & set(sys.modules); "
        "sys.exit(f'{bad}' if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_wrong_states_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no states file at"):
        read_states(tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", schema=np.array("other/3"))
    with pytest.raises(ValueError, match="has schema 'other/3', this version reads"):
        read_states(tmp_path / "other.npz")


def test_summary_is_a_table_that_sums(liquid_run):
    results = liquid_run.results
    with pytest.warns(UserWarning, match="window=5 ps is not in the scan: 4 ps, the nearest"):
        table = results.summary(window=5)
    assert table.attrs["window_ps"] == 4.0
    assert table.attrs["species"] == "Li+"
    assert list(table.index) == list(liquid_run.species[0].events.names)
    assert table["share"].sum() == pytest.approx(1.0)
    np.testing.assert_allclose(table["self"] + table["distinct"], table["share"])
    whole = results.decomposition["onsager"].sel(species="Li+", species_2="Li+", window=4.0)
    assert table["onsager"].sum() == pytest.approx(float(whole))
    assert results.summary(view="window").attrs["window_ps"] == 1.0, "that in which labels are read"
    assert results.longest_window == 64.0
    assert results.summary().equals(results.summary(view="diffusive"))
    assert list(results.summary(4.0, species="TFSI-").index) == ["all"]
    with pytest.raises(InputError, match="window=9999 ps is outside the scan of 1 to 256 ps"):
        results.summary(9999)
    with pytest.raises(InputError, match="species='Na' is not in this result"):
        results.summary(species="Na")


def test_transport_table_reads_off_the_dataset(liquid_run):
    table = liquid_run.results.transport(16.0)
    data = liquid_run.results.decomposition.sel(window=16.0)
    assert table.loc["conductivity", "value"] == float(data["conductivity"])
    assert table.loc["conductivity", "low"] < table.loc["conductivity", "value"]
    assert table.loc["transference number Li+", "value"] + table.loc[
        "transference number TFSI-", "value"
    ] == pytest.approx(1.0)


def test_notebook_display(liquid_run):
    html = liquid_run.results._repr_html_()
    assert "solvent_exchange" in html
    assert "Haven ratio" in html
    assert "conductivity" in repr(liquid_run.results)
    # with plain cutoffs contacts flicker, and labels are not to be read
    assert "The events of Li+ have no reading" in html
    assert "more than one change of microstate, 10% or more" in html


def test_settings_are_enough_to_run_it_again(liquid_run):
    settings = liquid_run.results.settings
    universe = datasets.liquid()
    for entry, species in zip(settings["species"], liquid_run.species, strict=True):
        again = universe.select_atoms(entry["selection"])
        np.testing.assert_array_equal(np.sort(again.ix), np.sort(species.atoms.ix))
    ligands = settings["species"][0]["microstates"]["ligands"]
    shell = liquid_run.species[0].microstates
    for kind, selection in ligands.items():
        again = universe.select_atoms(selection)
        np.testing.assert_array_equal(np.sort(again.ix), np.sort(shell.ligands[kind].ix))
    assert settings["temperature_K"] == 330.0
    assert settings["trajectory"] == "liquid.part1.xtc, liquid.part2.xtc"
    assert settings["versions"]["mda-ionmech"] == mda_ionmech.__version__


def test_an_unwritable_place_is_refused_and_leaves_nothing(liquid_run, tmp_path):
    with pytest.raises(InputError, match=r"cannot write .*none.* does not exist"):
        liquid_run.save(tmp_path / "none" / "liquid.nc")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_file(tmp_path):
    from mda_ionmech.lib.files import write_atomically

    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(name):
        Path(name).write_text("half")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_loading_what_is_no_result(tmp_path):
    with pytest.raises(FileNotFoundError, match="no result file at"):
        load(tmp_path / "none.nc")
    (tmp_path / "ionmech-output").mkdir()
    (tmp_path / "ionmech-output" / "none.nc").write_text("")
    with pytest.raises(FileNotFoundError, match=r"; ionmech run wrote .*ionmech-output/none\.nc"):
        load(tmp_path / "none.nc")
    (tmp_path / "text.nc").write_text("hello")
    with pytest.raises(InputError, match="is not a NetCDF4 result file"):
        load(tmp_path / "text.nc")
    xr.Dataset(attrs={"schema": "else/2"}).to_netcdf(tmp_path / "else.nc")
    with pytest.raises(InputError, match="has schema 'else/2', this version reads"):
        load(tmp_path / "else.nc")


@pytest.mark.slow
def test_plain_result_differs_only_in_labels():
    universe = datasets.liquid()
    shell = {"hysteresis": 0.6, "persistence": 5.0}
    run = OnsagerDecomposition(
        liquid_species(universe, **shell), temperature=330, windows=[1.0, 8.0]
    ).run(stop=200)
    direct = OnsagerDecomposition(
        liquid_species(universe), temperature=330, windows=[1.0, 8.0]
    ).run(stop=200)
    plain = run.plain()
    assert plain.decomposition.equals(direct.results.decomposition)
    filtered = run.results.decomposition
    assert filtered["onsager"].equals(plain.decomposition["onsager"])
    changed = [
        r.settings["species"][0]["microstates"]["changed_per_frame"] for r in (run.results, plain)
    ]
    assert changed[0] < 0.6 * changed[1]
    # the run itself still stands for its own filters
    assert run.microstates["Li+"].report["changed_per_frame"] == changed[0]


@pytest.mark.slow
def test_shares_against_persistence_need_no_second_reading():
    universe = datasets.liquid()
    run = OnsagerDecomposition(liquid_species(universe), temperature=330, windows=[1.0, 8.0])
    run.run(stop=200)
    before = run.microstates["Li+"].report["changed_per_frame"]
    changed = []
    for wait in (0.0, 2.0, 5.0):
        again = run.relabelled(wait)
        direct = OnsagerDecomposition(
            liquid_species(universe, persistence=wait), temperature=330, windows=[1.0, 8.0]
        ).run(stop=200)
        assert again.decomposition.equals(direct.results.decomposition)
        shell = again.settings["species"][0]["microstates"]
        assert shell["persistence_ps"] == wait
        changed.append(shell["changed_per_frame"])
    assert changed[0] == before > changed[1] > changed[2]
    assert run.microstates["Li+"].report["changed_per_frame"] == before
    with pytest.raises(InputError, match="persistence must be a time in ps, 0 or more, got -1"):
        run.relabelled(-1)


def test_flags_stand_beside_the_labels(liquid_run):
    labels = liquid_run.events(1.0)
    assert labels.label.shape == labels.flags.shape == (3000, 16)
    bit = {name: 1 << k for k, name in enumerate(labels.flag_names)}
    vehicular = labels.label == labels.names.index("vehicular")
    change = bit["association"] | bit["dissociation"] | bit["swap"]
    np.testing.assert_array_equal(vehicular, (labels.flags & change) == 0)
    with pytest.raises(InputError, match="species='TFSI-' has no event rule"):
        liquid_run.events(1.0, species="TFSI-")
    with pytest.raises(InputError, match="window=5000 ps is longer than the 3000 ps"):
        liquid_run.events(5000.0)


@pytest.mark.slow
def test_intervals_are_percentiles_of_the_samples(liquid_run, tmp_path):
    path = liquid_run.save(tmp_path / "liquid.nc")
    results = load(path)
    data = results.decomposition
    for name in ("share", "onsager", "effectiveness", "path_slope", "slope_conductivity"):
        samples = results.samples(name)
        assert samples.shape == (400, *data[name].shape)
        low, high = np.quantile(samples, [0.16, 0.84], axis=0)
        # the first length has many blocks
        at = {d: 0 for d in ("window", "resolution", "horizon") if d in data[name].dims}
        axes = tuple(data[name].dims.index(d) for d in at)
        first = np.take(low, 0, axis=axes[0]) if len(axes) == 1 else low[..., 0, 0]
        last = np.take(high, 0, axis=axes[0]) if len(axes) == 1 else high[..., 0, 0]
        np.testing.assert_allclose(first, data[f"{name}_low"].isel(at), rtol=1e-12)
        np.testing.assert_allclose(last, data[f"{name}_high"].isel(at), rtol=1e-12)
    with pytest.raises(InputError, match="'multi_fraction_circular' is no variable with samples"):
        results.samples("multi_fraction_circular")


def test_samples_of_one_window_belong_together(liquid_run):
    parts = liquid_run.results.samples("event_onsager").sum(axis=3)
    whole = liquid_run.results.samples("onsager")
    few = liquid_run.results.decomposition["blocks"].values < 10
    assert few.any()
    # jackknife samples of sums are sums of samples, too
    np.testing.assert_allclose(parts, whole, rtol=1e-9)


def test_views_as_tables(liquid_run):
    results = liquid_run.results
    data = results.decomposition.sel(species="Li+", species_2="Li+")
    for view, variable in (("path", "path_onsager"), ("slope", "path_slope")):
        table = results.summary(view=view, resolution=2.0, horizon=16.0)
        assert table.attrs["resolution_ps"] == 2.0
        assert table.attrs["horizon_ps"] == 16.0
        expected = data[variable].sel(resolution=2.0, horizon=16.0, event=list(table.index))
        np.testing.assert_array_equal(table["onsager"], expected)
        assert table["share"].sum() == pytest.approx(1.0, abs=1e-12)
        assert table["onsager"].sum() == pytest.approx(table.attrs["total"][0], rel=1e-12)
        assert np.all(table["share_low"] <= table["share_high"])
    with pytest.raises(InputError, match="window has no meaning with view='slope'"):
        results.summary(8.0, view="slope")
    with pytest.raises(InputError, match=r"horizon=4 ps is no whole multiple of resolution=8 ps"):
        results.summary(view="path", resolution=8.0, horizon=4.0)
    with pytest.raises(InputError, match=r"horizon=900 ps is outside the scan; the horizons are"):
        results.summary(view="path", resolution=8.0, horizon=900.0)
    with pytest.raises(
        InputError, match="view must be 'window', 'path', 'slope' or 'diffusive', got 'x'"
    ):
        results.summary(view="x")
    with pytest.raises(InputError, match="resolution and horizon belong to view='path'"):
        results.summary(horizon=2.0)


def test_transference_numbers_of_events_sum_to_one(liquid_run):
    table = liquid_run.results.transference(16.0)
    assert table["transference"].sum() == pytest.approx(1.0, abs=1e-12)
    at = liquid_run.results.at_window(16.0)
    per_species = table["transference"].groupby("species").sum()
    for name in ("Li+", "TFSI-"):
        expected = float(at["transference_number"].sel(species=name))
        assert per_species[name] == pytest.approx(expected, rel=1e-12)
    assert np.all(table["low"] <= table["high"])


def test_a_place_to_read_is_recommended_with_reasons(liquid_run):
    advice = liquid_run.results.recommend()
    # a plain cutoff flickers in every other ps: no label is elementary
    assert advice.resolution is None
    assert "contacts flicker" in str(advice)
    assert advice.horizon is not None
    tfsi = liquid_run.results.recommend(species="TFSI-")
    assert tfsi.resolution == 1.0
    assert "it has one label" in tfsi.text.lower()
    assert tfsi.low < tfsi.slope < tfsi.high
    with pytest.raises(InputError, match=r"give resolution=\.\.\. and horizon="):
        liquid_run.results.summary(view="slope")


def test_variables_are_attributes_and_items(liquid_run):
    results = liquid_run.results
    for name, group in (("share", "decomposition"), ("transition_count", "transitions")):
        expected = results.tree[group].to_dataset()[name]
        assert results[name].identical(expected)
        assert getattr(results, name).identical(expected)
        assert name in results
        assert name in dir(results)
    assert copy.deepcopy(results).share.identical(results.share)
    assert "nothing" not in results
    assert not hasattr(results, "nothing")
    with pytest.raises(KeyError, match=r"'nothing' is not in this result; it holds onsager, "):
        results["nothing"]
    with pytest.raises(AttributeError, match=r"no attribute 'nothing'; variables are onsager, "):
        _ = results.nothing
    with pytest.raises(TypeError, match="not iterable"):
        list(results)

"""Modules that are mutated, each with the few quick tests beside it."""

from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "mda_ionmech"

_CRYSTAL = tuple(
    f"tests/events/crystal/test_{name}"
    for name in (
        "crystal_events.py", "hop_parts.py", "linked_hops.py", "periodic_images.py",
        "site_history.py", "two_species.py",
        "lag.py::test_links_are_those_of_all_pairs_of_changes",
    )
)  # fmt: skip
_SUMS = ("tests/onsager/test_window_sums.py", "tests/onsager/test_path_sums.py")
_PATHS = ("tests/onsager/test_path_sums.py", "tests/onsager/test_coefficients.py")
_LINKED = ("tests/events/crystal/test_linked_hops.py", "tests/events/crystal/test_two_species.py")
_RULES = (
    "base", "solvation", "solvation_by_counterion", "solvation_by_ligand", "polymer",
    "own_joint_rule",
)  # fmt: skip
_STEPS = ("tests/trajectory/test_unwrap.py", "tests/trajectory/test_cell_changes.py")
_TIMES = tuple(
    f"tests/trajectory/test_{name}.py"
    for name in ("even_spacing", "frame_times", "time_sources", "repeated_frames", "file_stamps")
)

#: Tests by pattern of modules; the first that fits a module is taken.
_PATTERNS: dict[str, tuple[str, ...]] = {
    "onsager/block_bootstrap.py": ("tests/onsager/test_block_bootstrap.py",),
    "onsager/block_sums.py": ("tests/onsager/test_block_sums.py",),
    "onsager/coefficients.py": (*_PATHS, "tests/analysis/test_additivity.py"),
    "onsager/diffusive_limit.py": ("tests/onsager/test_diffusive_limit.py",),
    "onsager/lag_choice.py": ("tests/onsager/test_memory_models.py",),
    "onsager/lag_*.py": ("tests/onsager/test_diffusive_limit.py",),
    "onsager/memory_models.py": ("tests/onsager/test_memory_models.py",),
    "onsager/labelled_run.py": ("tests/onsager/test_labelled_run.py",),
    "onsager/momentum.py": ("tests/onsager/test_momentum.py",),
    "onsager/path_sums.py": _PATHS,
    "onsager/*.py": (*_SUMS, *_LINKED),
    "events/crystal/hop_strings.py": ("tests/observables/test_hop_strings.py",),
    "events/crystal/*.py": _CRYSTAL,
    "events/nulls/gas_reasons.py": ("tests/analysis/test_missing_nulls.py",),
    "events/nulls/*.py": (
        "tests/events/test_nulls.py",
        *_CRYSTAL,
        "tests/physics/test_rate_control.py",
    ),
    "events/*.py": tuple(f"tests/events/test_{name}.py" for name in _RULES),
    "macrostates/site_type.py": ("tests/macrostates", "tests/physics/test_hopping.py"),
    "macrostates/*.py": ("tests/macrostates",),
    "microstates/shell_*.py": ("tests/microstates/test_shell_filters.py",),
    "microstates/sites/core_sets.py": ("tests/microstates/sites/test_site_assignment.py",),
    "trajectory/ase_reader.py": (
        "tests/trajectory/test_ase_reader.py",
        "tests/trajectory/test_same_atoms.py",
    ),
    "trajectory/carriers.py": (
        "tests/trajectory/test_carriers.py",
        "tests/trajectory/test_masses.py",
    ),
    "trajectory/charge_balance.py": (
        "tests/trajectory/test_charge_balance.py",
        "tests/analysis/test_charges.py",
    ),
    "trajectory/completeness.py": (
        "tests/trajectory/test_completeness.py",
        "tests/files/test_damaged.py",
    ),
    "trajectory/frames_of_reference.py": ("tests/trajectory/test_frames_of_reference.py",),
    "trajectory/given_cells.py": ("tests/trajectory/test_open_files.py",),
    "trajectory/lammps_columns.py": ("tests/trajectory/test_open_files.py",),
    "trajectory/masses.py": ("tests/trajectory/test_masses.py",),
    "trajectory/reader_position.py": ("tests/trajectory/test_reader_position.py",),
    "trajectory/run_store.py": ("tests/trajectory/test_run_store.py",),
    "trajectory/same_atoms.py": ("tests/trajectory/test_open_files.py",),
    "trajectory/snapshot.py": ("tests/trajectory/test_snapshot.py", *_STEPS),
    "trajectory/unwrapped_input.py": ("tests/trajectory/test_unwrapped_input.py",),
    "trajectory/cells.py": ("tests/trajectory/test_cells.py",),
    "trajectory/step_lengths.py": ("tests/trajectory/test_step_lengths.py",),
    "trajectory/file_stamps.py": ("tests/trajectory/test_file_stamps.py",),
    "trajectory/replaced_times.py": ("tests/trajectory/test_file_stamps.py",),
    "trajectory/*times.py": _TIMES,
    "trajectory/*spacing.py": _TIMES,
    "trajectory/*sources.py": _TIMES,
    "trajectory/repeated_frames.py": _TIMES,
    "trajectory/*.py": _STEPS,
}


def _with_own(module: str, tests: tuple[str, ...]) -> tuple[str, ...]:
    """The tests, after the file named after the module unless it is among them."""
    folder, _, name = module.rpartition("/")
    own = Path("tests", folder, f"test_{name}")
    there = (PACKAGE.parent / own).exists()
    if not there or {own.as_posix(), *(p.as_posix() for p in own.parents)} & {*tests}:
        return tests
    return (own.as_posix(), *tests)


#: Tests by module, both as paths: of the package and of the project.
TESTS: dict[str, tuple[str, ...]] = {}
for _pattern, _tests in _PATTERNS.items():
    for _path in sorted(PACKAGE.glob(_pattern)):
        _name = _path.relative_to(PACKAGE).as_posix()
        if _path.name != "__init__.py" and _name not in TESTS:
            TESTS[_name] = _with_own(_name, _tests)

"""Modules that are mutated, each with the few quick tests beside it."""

_CRYSTAL = ("tests/events/crystal",)
_MACROSTATES = ("tests/macrostates",)
_TIMES = ("tests/trajectory/test_frame_times.py", "tests/files/test_times.py")

#: Tests by module, both as paths: of the package and of the project.
TESTS: dict[str, tuple[str, ...]] = {
    "onsager/block_bootstrap.py": ("tests/onsager/test_block_bootstrap.py",),
    "onsager/block_sums.py": ("tests/onsager/test_block_sums.py",),
    "onsager/coefficients.py": (
        "tests/onsager/test_coefficients.py",
        "tests/onsager/test_path_sums.py",
    ),
    "onsager/labelled_run.py": ("tests/onsager/test_labelled_run.py",),
    "onsager/momentum.py": ("tests/onsager/test_momentum.py",),
    "onsager/path_sums.py": (
        "tests/onsager/test_path_sums.py",
        "tests/onsager/test_coefficients.py",
    ),
    "onsager/window_sums.py": (
        "tests/onsager/test_window_sums.py",
        "tests/onsager/test_path_sums.py",
        *_CRYSTAL,
    ),
    "events/base.py": (
        "tests/events/test_solvation.py",
        "tests/events/test_polymer.py",
        "tests/events/test_own_joint_rule.py",
    ),
    "events/solvation.py": ("tests/events/test_solvation.py",),
    "events/polymer.py": ("tests/events/test_polymer.py",),
    "events/crystal/crystal_events.py": _CRYSTAL,
    "events/crystal/hop_clusters.py": _CRYSTAL,
    "events/crystal/site_distances.py": _CRYSTAL,
    "events/crystal/site_history.py": _CRYSTAL,
    "events/nulls/circular_shift.py": _CRYSTAL,
    "events/nulls/exclusion_gas.py": (*_CRYSTAL, "tests/physics/test_rate_control.py"),
    "macrostates/base.py": _MACROSTATES,
    "macrostates/composition.py": _MACROSTATES,
    "macrostates/ion_pairing.py": _MACROSTATES,
    "macrostates/site_type.py": (*_MACROSTATES, "tests/physics/test_hopping.py"),
    "microstates/shell_filters.py": ("tests/microstates/test_shell_filters.py",),
    "microstates/sites/core_sets.py": ("tests/microstates/sites",),
    "trajectory/ase_reader.py": ("tests/trajectory/test_ase_reader.py",),
    "trajectory/carriers.py": ("tests/trajectory/test_masses.py", "tests/lib/test_molecules.py"),
    "trajectory/cells.py": (
        "tests/trajectory/test_unwrap.py",
        "tests/trajectory/test_cell_changes.py",
    ),
    "trajectory/charge_balance.py": ("tests/analysis/test_charges.py",),
    "trajectory/completeness.py": ("tests/files/test_damaged.py",),
    "trajectory/frame_times.py": _TIMES,
    "trajectory/frames_of_reference.py": (
        "tests/trajectory/test_masses.py",
        "tests/trajectory/test_unwrap.py",
    ),
    "trajectory/masses.py": ("tests/trajectory/test_masses.py",),
    "trajectory/paths.py": ("tests/trajectory/test_unwrap.py",),
    "trajectory/reader_position.py": ("tests/trajectory/test_frame_times.py",),
    "trajectory/repeated_frames.py": _TIMES,
    "trajectory/run_store.py": ("tests/trajectory/test_run_store.py",),
    "trajectory/snapshot.py": ("tests/trajectory/test_snapshot.py",),
    "trajectory/step_lengths.py": ("tests/trajectory/test_unwrap.py",),
    "trajectory/time_sources.py": _TIMES,
    "trajectory/unwrap.py": ("tests/trajectory/test_unwrap.py",),
    "trajectory/unwrapped_input.py": ("tests/trajectory/test_unwrapped_input.py",),
}

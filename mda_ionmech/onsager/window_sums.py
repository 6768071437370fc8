"""Sums over overlapping time origins for one window length.

D_A^e(t) = sum_i [label_i = e] (r_i(t + dt) - r_i(t)). Computed per sub-block of origins are the
sums of D^e . D^f, of D^e D_B as tensors, of squared displacements and of numbers of carriers, from
which all coefficients and their intervals follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..lib.run_length import find_runs
from .carrier_labels import CarrierLabels, labelled_together
from .products import product
from .window_kernels import (
    accumulate,
    add_carriers,
    add_changes,
    add_site_images,
    collective_path,
    count_clustered,
    count_clusters,
)

#: Size of the rows that are multiplied at once, bytes.
PRODUCT_BYTES = 2**22


@dataclass(frozen=True)
class WindowSums:
    """Sums over origins of one window length, per sub-block of origins.

    Rows are the (species, label) pairs of the run in order; S species, R rows, B sub-blocks. Any
    leading axes may replace B: resampled sums have the same form.

    Attributes
    ----------
    origins : numpy.ndarray
        Shape (B,): number of time origins.
    gram : numpy.ndarray
        Shape (B, R, R), A^2: sum of D^row . D^row'.
    marginal : numpy.ndarray
        Shape (B, R, S, 3, 3), A^2: sum of D^row (x) D_B.
    total : numpy.ndarray
        Shape (B, S, S, 3, 3), A^2: sum of D_A (x) D_B from the collective paths, without labels.
    squared : numpy.ndarray
        Shape (B, R), A^2: sum of ``|d_i|^2`` over the carriers with the label of the row.
    number : numpy.ndarray
        Shape (B, R): number of carriers with the label.
    total_squared : numpy.ndarray
        Shape (B, S), A^2: sum of ``|d_i|^2`` over all carriers.
    transition : numpy.ndarray
        Shape (B, Q), A^2: sum of D^(m -> m') . D_A over the transition rows of the run.
    transition_number : numpy.ndarray
        Shape (B, Q).
    clusters, incluster : numpy.ndarray
        Shape (B, R): cooperative events; sum of d_i . d_j over pairs within one cluster, A^2.
    hopping, clustered, largest : numpy.ndarray
        Shape (B, S): carriers that hop, those in clusters of two or more, size of the largest
        cluster; 0 without a joint rule.
    repeated, changed : numpy.ndarray
        Shape (B, S): carriers whose microstate changed more than once, and at least once.
    """

    origins: np.ndarray
    gram: np.ndarray
    marginal: np.ndarray
    total: np.ndarray
    squared: np.ndarray
    number: np.ndarray
    total_squared: np.ndarray
    transition: np.ndarray
    transition_number: np.ndarray
    clusters: np.ndarray
    incluster: np.ndarray
    hopping: np.ndarray
    clustered: np.ndarray
    largest: np.ndarray
    repeated: np.ndarray
    changed: np.ndarray

    def resampled(self, weights: np.ndarray) -> WindowSums:
        """Weighted sums over sub-blocks.

        Parameters
        ----------
        weights : numpy.ndarray
            Shape (samples, B).

        Returns
        -------
        WindowSums
            Arrays with the axis samples in place of B.
        """
        return WindowSums(**add_sub_blocks(self, weights))


def add_sub_blocks(sums: Any, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Weighted sums over sub-blocks of every array of a dataclass, by its name.

    The first axis of the arrays is that of sub-blocks, weights are (samples, sub-blocks); the first
    axis of the output is that of samples.
    """

    def add(values: np.ndarray) -> np.ndarray:
        flat = values.reshape(len(values), -1)
        return product(weights, flat).reshape(len(weights), *values.shape[1:])

    return {name: add(getattr(sums, name)) for name in sums.__dataclass_fields__}


def block_products(left: np.ndarray, right: np.ndarray, length: int) -> np.ndarray:
    """Sums over sub-blocks of left (a, origins) times right (b, origins): shape (blocks, a, b).

    The last bits do not depend on the number of threads of the linear algebra library.
    """
    n_origins = left.shape[-1]
    n_blocks = -(-n_origins // length)
    out = np.empty((n_blocks, len(left), len(right)))
    most = max(1, PRODUCT_BYTES // (8 * (len(left) + len(right)) * length))
    for first in range(0, n_blocks, most):
        n = min(most, n_blocks - first)

        def blocks(rows: np.ndarray, first: int = first, n: int = n) -> np.ndarray:
            some = rows[:, first * length : (first + n) * length]
            padded = np.zeros((len(rows), n * length))
            padded[:, : some.shape[1]] = some
            return padded.reshape(len(rows), n, length).transpose(1, 0, 2)

        if len(left) == len(right) == 1:
            # the library would split a long product of two rows over its threads
            np.einsum("bit,bjt->bij", blocks(left), blocks(right), out=out[first : first + n])
        else:
            np.matmul(blocks(left), blocks(right).transpose(0, 2, 1), out=out[first : first + n])
    return out


def block_sums(rows: np.ndarray, length: int) -> np.ndarray:
    """Sums over sub-blocks of rows (a, origins): shape (blocks, a)."""
    return np.add.reduceat(rows, np.arange(0, rows.shape[-1], length), axis=-1).T


@dataclass(frozen=True)
class _Pairs:
    """Codes of macrostate transitions from the macrostates at both ends."""

    n_states: int

    def __call__(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        return before * self.n_states + after


@dataclass(frozen=True)
class _OriginSums:
    """Sums of one species over its carriers, origin by origin, to which kernels add.

    `moved` and `on_sites` (labels, 3, origins), the others (labels, origins); `on_sites` is empty
    for species without sites.
    """

    moved: np.ndarray
    on_sites: np.ndarray
    squared: np.ndarray
    number: np.ndarray
    clusters: np.ndarray
    incluster: np.ndarray

    @classmethod
    def into(cls, moved: np.ndarray, on_sites: np.ndarray) -> _OriginSums:
        """From these arrays, with new ones for the rest."""
        n_labels, _, n_origins = moved.shape
        squared, number, clusters, incluster = (np.zeros((n_labels, n_origins)) for _ in range(4))
        return cls(moved, on_sites, squared, number, clusters, incluster)

    def blocked(self, sub_block: int) -> dict[str, np.ndarray]:
        """Reduce sums per origin to sums per sub-block."""
        names = ("squared", "number", "clusters", "incluster")
        found = {name: block_sums(getattr(self, name), sub_block) for name in names}
        found["total_squared"] = block_sums(self.squared.sum(axis=0)[None], sub_block)
        return found


def _add_joint(
    species: Sequence[CarrierLabels], members: Sequence[int], window: int,
    sums: Sequence[_OriginSums], counts: np.ndarray,
) -> None:  # fmt: skip
    """Add the species that are labelled together, by blocks of origins.

    sums of each of the members, in order; counts (3, species, origins) of all species.
    """
    joint = [one.joint for one in (species[k] for k in members) if one.joint is not None]
    linked = joint[0].linked
    owner = np.repeat(members, [len(species[k].position) for k in members])
    for block in linked.blocks(window):
        first, last = block.first, block.last
        for place, (index, labels) in enumerate(zip(members, joint, strict=True)):
            one, mine, rows = species[index], sums[place], linked.rows(labels.member)
            code, cluster = linked.codes(block, labels.member), block.cluster[rows]
            ends = one.position, first, one.position, first + window
            count_clusters(
                ends, first, cluster, code, mine.clusters, mine.incluster, counts[:, index]
            )
            accumulate(
                one.position, window, first, last - first, *find_runs(code), mine.moved,
                mine.squared, mine.number,
            )  # fmt: skip
            if one.site_positions is not None:
                site_images = block.before[rows], block.after[rows]
                add_site_images(*site_images, one.site_positions, code, first, mine.on_sites)
        if len(members) > 1:
            count_clustered(block.cluster, owner, first, counts[1])


def window_sums(
    species: Sequence[CarrierLabels], window: int, sub_block: int, collective: np.ndarray
) -> WindowSums:
    """All sums of one window length; `window_pass` also gives the steps of the path view.

    Parameters
    ----------
    species : sequence of CarrierLabels
    window : int
        Length of the window in frames.
    sub_block : int
        Origins per sub-block.
    collective : numpy.ndarray
        Shape (species, 3, frames), Angstrom: sum of the positions of all carriers of a species.

    Returns
    -------
    WindowSums
    """
    return window_pass(species, window, sub_block, collective)[0]


def window_pass(
    species: Sequence[CarrierLabels], window: int, sub_block: int, collective: np.ndarray
) -> tuple[WindowSums, np.ndarray]:
    """All sums of one window length, and the steps of the path view at this resolution.

    Cost: one pass over carriers x origins for the events, and one for the transitions of each
    species with macrostates, plus R^2 per origin.

    Parameters
    ----------
    species : sequence of CarrierLabels
    window : int
        Length of the window in frames.
    sub_block : int
        Origins per sub-block.
    collective : numpy.ndarray
        Shape (species, 3, frames), Angstrom: sum of the positions of all carriers of a species.

    Returns
    -------
    sums : WindowSums
    steps : numpy.ndarray
        Shape (path rows, 3, origins), Angstrom: D^e of every species and label, in the path view:
        with `site_positions`, hops have the displacement from site to site, and a last label,
        vibration, the rest.
    """
    n_species, _, n_frames = collective.shape
    n_origins = n_frames - window
    total = collective[:, :, window:] - collective[:, :, :-window]
    first = np.concatenate([[0], np.cumsum([one.n_labels for one in species])])
    first_step = np.concatenate([[0], np.cumsum([one.n_path_labels for one in species])])
    # sums that reduce to few numbers come first, as sums per origin take most memory
    transition, transition_number = _transitions(species, window, total, sub_block)
    changed, repeated = _changes(species, window, n_origins, sub_block)
    d = np.zeros((first[-1], 3, n_origins))
    steps = d if first_step[-1] == first[-1] else np.zeros((first_step[-1], 3, n_origins))
    counts = np.zeros((3, n_species, n_origins))
    blocked: dict[int, dict[str, np.ndarray]] = {}

    def rows_of(index: int) -> _OriginSums:
        # for species on sites, displacements from site to site are added to the steps
        begin = first_step[index]
        end = begin + (0 if species[index].site_positions is None else species[index].n_labels)
        return _OriginSums.into(d[first[index] : first[index + 1]], steps[begin:end])

    single = [[index] for index, one in enumerate(species) if one.joint is None]
    for members in [*labelled_together(species), *single]:
        sums = [rows_of(index) for index in members]
        if species[members[0]].joint is None:
            one, mine = species[members[0]], sums[0]
            add_carriers(
                one.position, one.states, one.classify, window, mine.moved, mine.squared,
                mine.number,
            )  # fmt: skip
        else:
            _add_joint(species, members, window, sums, counts)
        # reduced to sub-blocks
        blocked |= {k: x.blocked(sub_block) for k, x in zip(members, sums, strict=True)}
    for index, one in enumerate(species):
        walked = steps[first_step[index] : first_step[index + 1]]
        if one.site_positions is not None:
            walked[-1] = total[index] - walked[:-1].sum(axis=0)
        elif steps is not d:
            walked[:] = d[first[index] : first[index + 1]]
    n_rows = len(d)
    flat = d.reshape(3 * n_rows, n_origins)
    flat_total = total.reshape(3 * n_species, n_origins)
    gram = block_products(flat, flat, sub_block).reshape(-1, n_rows, 3, n_rows, 3)
    marginal = block_products(flat, flat_total, sub_block).reshape(-1, n_rows, 3, n_species, 3)
    whole = block_products(flat_total, flat_total, sub_block)

    def of_all(name: str) -> np.ndarray:
        return np.concatenate([blocked[k][name] for k in range(n_species)], axis=1)

    sums_of_window = WindowSums(
        origins=block_sums(np.ones((1, n_origins)), sub_block)[:, 0],
        gram=np.einsum("brxsx->brs", gram),
        marginal=marginal.transpose(0, 1, 3, 2, 4),
        total=whole.reshape(-1, n_species, 3, n_species, 3).transpose(0, 1, 3, 2, 4),
        squared=of_all("squared"),
        number=of_all("number"),
        total_squared=of_all("total_squared"),
        transition=transition,
        transition_number=transition_number,
        clusters=of_all("clusters"),
        incluster=of_all("incluster"),
        hopping=block_sums(counts[0], sub_block),
        clustered=block_sums(counts[1], sub_block),
        largest=block_sums(counts[2], sub_block),
        repeated=repeated,
        changed=changed,
    )
    return sums_of_window, steps


def labelled_steps(one: CarrierLabels, window: int) -> np.ndarray:
    """Steps of the path view of one species alone, as those of `window_pass`.

    Cost: one pass over carriers x origins.

    Parameters
    ----------
    one : CarrierLabels
    window : int
        Resolution in frames.

    Returns
    -------
    numpy.ndarray
        Shape (path labels, 3, origins), Angstrom.
    """
    n_origins = one.position.shape[-1] - window
    steps = np.zeros((one.n_path_labels, 3, n_origins))
    moved = steps if one.site_positions is None else steps[:-1]
    squared, number = np.zeros((2, len(moved), n_origins))
    if one.joint is None:
        add_carriers(one.position, one.states, one.classify, window, moved, squared, number)
        return steps
    for block, code, _ in one.joint.blocks(window):
        first, last = block.first, block.last
        if one.site_positions is None:
            found = find_runs(code)
            accumulate(one.position, window, first, last - first, *found, moved, squared, number)
        else:
            rows = one.joint.linked.rows(one.joint.member)
            images = block.before[rows], block.after[rows]
            add_site_images(*images, one.site_positions, code, first, moved)
    if one.site_positions is not None:
        whole = collective_path(one.position)
        steps[-1] = whole[:, window:] - whole[:, :-window] - moved.sum(axis=0)
    return steps


def _transitions(
    species: Sequence[CarrierLabels], window: int, total: np.ndarray, sub_block: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of D^(m -> m') . D_A and numbers of carriers, each (sub-blocks, transitions).

    total (species, 3, origins): D_A.
    """
    n_origins = total.shape[-1]
    none = np.empty((-(-n_origins // sub_block), 0))
    carried, numbers = [none], [none]
    for one, whole in zip(species, total, strict=True):
        if one.macrostates is None:
            continue
        m = one.n_macrostates**2
        moved = np.zeros((m, 3, n_origins))
        squared, number = np.zeros((m, n_origins)), np.zeros((m, n_origins))
        labels = _Pairs(one.n_macrostates)
        add_carriers(one.position, one.macrostates, labels, window, moved, squared, number)
        carried.append(block_sums(np.einsum("qxt,xt->qt", moved, whole), sub_block))
        numbers.append(block_sums(number, sub_block))
    return np.concatenate(carried, axis=1), np.concatenate(numbers, axis=1)


def _changes(
    species: Sequence[CarrierLabels], window: int, n_origins: int, sub_block: int
) -> tuple[np.ndarray, np.ndarray]:
    """Carriers that changed at least once, and more than once, each (sub-blocks, species)."""
    found = np.zeros((2, len(species), n_origins))
    for index, one in enumerate(species):
        moves = one.states if one.joint is None else one.joint.moves
        add_changes(moves, window, found[0, index], found[1, index])
    return block_sums(found[0], sub_block), block_sums(found[1], sub_block)

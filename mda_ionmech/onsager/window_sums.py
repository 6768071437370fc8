"""Sums over overlapping time origins of one window length.

D_A^e(t) = sum_i [label_i = e] (r_i(t + dt) - r_i(t)); kept per sub-block of origins are the sums of
D^e . D^f, of D^e D_B as tensors, of the squared displacements and of the numbers of carriers, from
which every coefficient and its interval follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..lib.frame_blocks import carrier_blocks
from ..lib.kernels import kernel, longer
from ..lib.run_length import LabelRuns, find_runs, run_blocks, runs_in_time

#: Rows of which products are taken at once, bytes.
PRODUCT_BYTES = 2**22
#: Maps (before, after) states of segments to label codes: arrays in, int64 array out.
Classify = Callable[[np.ndarray, np.ndarray], np.ndarray]


@kernel
def _segments(offsets, start, value, n_frames, window):  # type: ignore[no-untyped-def]
    """Stretches of origins over which the state before and after a window stay the same.

    Returns offsets (carriers + 1,), begin, before, after (segments,); origins run from 0 to
    n_frames - window.
    """
    n_carriers = offsets.shape[0] - 1
    n_origins = n_frames - window
    capacity = 2 * (offsets[n_carriers] - offsets[0])
    out_offsets = np.zeros(n_carriers + 1, dtype=np.int64)
    begin = np.empty(capacity, dtype=np.int32)
    before = np.empty(capacity, dtype=np.int32)
    after = np.empty(capacity, dtype=np.int32)
    n = 0
    for c in range(n_carriers):
        stop = offsets[c + 1]
        i = offsets[c]
        j = i
        while j + 1 < stop and start[j + 1] <= window:
            j += 1
        t = 0
        while t < n_origins:
            begin[n] = t
            before[n] = value[i]
            after[n] = value[j]
            n += 1
            next_i = start[i + 1] if i + 1 < stop else n_frames
            next_j = start[j + 1] - window if j + 1 < stop else n_frames
            t = min(next_i, next_j)
            if next_i == t and i + 1 < stop:
                i += 1
            if next_j == t and j + 1 < stop:
                j += 1
        out_offsets[c + 1] = n
    return out_offsets, longer(begin, n), longer(before, n), longer(after, n)


@kernel
def accumulate(  # type: ignore[no-untyped-def]
    position, window, first, n_origins, offsets, begin, code, moved, squared, number
):
    """Add every carrier's window displacement to the sums of its label, origin by origin.

    position (carriers, 3, frames); windows of `window` frames begin at the n_origins frames from
    `first` on. Segments of carrier c are offsets[c] : offsets[c + 1], each from begin[s], counted
    from `first`, to the next one's begin, with label code[s]. Adds to moved (labels, 3, origins),
    squared (labels, origins) and number (labels, origins), all float64 and of all origins. The same
    carrier order for any number of threads.
    """
    i, j = np.uint64(first), np.uint64(first + window)
    n_labels = moved.shape[0]
    # one more carrier from the begin of a segment on, one less from its end
    change = np.zeros((n_labels, n_origins + 1))
    for c in range(offsets.shape[0] - 1):
        for s in range(offsets[c], offsets[c + 1]):
            stop = begin[s + 1] if s + 1 < offsets[c + 1] else n_origins
            e = code[s]
            change[e, begin[s]] += 1.0
            change[e, stop] -= 1.0
            for t in range(np.uint64(begin[s]), np.uint64(stop)):
                x = position[c, 0, t + j] - position[c, 0, t + i]
                y = position[c, 1, t + j] - position[c, 1, t + i]
                z = position[c, 2, t + j] - position[c, 2, t + i]
                moved[e, 0, t + i] += x
                moved[e, 1, t + i] += y
                moved[e, 2, t + i] += z
                squared[e, t + i] += x * x + y * y + z * z
    for e in range(n_labels):
        _add_running(change[e], number[e, first : first + n_origins])


@kernel
def _add_running(change, total):  # type: ignore[no-untyped-def]
    """Add the running sum of change (n + 1,) to total (n,); exact for whole numbers."""
    running = 0.0
    for t in range(total.shape[0]):
        running += change[t]
        total[t] += running


@kernel
def add_spots(before, after, where, code, first, moved):  # type: ignore[no-untyped-def]
    """Add the way from spot to spot of every carrier to the sums of its label, origin by origin.

    before, after (carriers, origins) int32: spots at both ends of the windows of the origins first,
    first + 1, ...; where (spots, 3), Angstrom; code (carriers, origins): label. Adds to moved
    (labels, 3, origins) of all origins.
    """
    for c in range(before.shape[0]):
        for t in range(before.shape[1]):
            a, b = before[c, t], after[c, t]
            if a == b:
                continue
            for k in range(3):
                moved[code[c, t], k, first + t] += where[b, k] - where[a, k]


@kernel
def _largest_number(cluster):  # type: ignore[no-untyped-def]
    largest = -1
    for c in range(cluster.shape[0]):
        for t in range(cluster.shape[1]):
            largest = max(largest, cluster[c, t])
    return largest


@kernel
def count_clustered(cluster, species, first, clustered):  # type: ignore[no-untyped-def]
    """Carriers in clusters of two or more, whatever the species of the others.

    cluster (carriers, origins): as in `count_clusters`, of all species that are labelled together;
    species (carriers,): number of each one's species. Fills clustered (species, origins) of all
    origins, from `first` on, in the rows of these species.
    """
    n_carriers, n_origins = cluster.shape
    size = np.zeros(_largest_number(cluster) + 1, dtype=np.int64)
    for t in range(n_origins):
        for c in range(n_carriers):
            clustered[species[c], first + t] = 0.0
            if cluster[c, t] >= 0:
                size[cluster[c, t]] += 1
        for c in range(n_carriers):
            if cluster[c, t] >= 0 and size[cluster[c, t]] > 1:
                clustered[species[c], first + t] += 1.0
        for c in range(n_carriers):
            if cluster[c, t] >= 0:
                size[cluster[c, t]] = 0


@kernel
def count_clusters(ends, first, cluster, code, clusters, incluster, counts):  # type: ignore[no-untyped-def]
    """Sums over origins that need whole clusters.

    ends: before, i, after, j: windows of the origins from `first` on begin at frames i, i + 1, ...
    of before (carriers, 3, frames) and end at frames j, j + 1, ... of after; cluster (carriers,
    origins of the block):
    number of the cluster, or -1; code (carriers, origins of the block): label. All are of one
    species: of a cluster with ions of others only the part in this species is seen. Adds to
    clusters (labels, origins): the cooperative events, each in the row of its first carrier;
    incluster (labels, origins): d_i . d_j over pairs within a cluster, A^2, in the row of i;
    counts (3, origins): carriers that hop, those in clusters of two or more, size of the largest
    cluster.
    """
    hopping, clustered, largest = counts[0], counts[1], counts[2]
    before, i, after, j = ends
    n_carriers, n_origins = cluster.shape
    n_numbers = _largest_number(cluster) + 1
    total = np.zeros((n_numbers, 3))
    size = np.zeros(n_numbers)
    for t in range(n_origins):
        for c in range(n_carriers):
            r = cluster[c, t]
            if r >= 0:
                size[r] = 0.0
                for k in range(3):
                    total[r, k] = 0.0
        for c in range(n_carriers):
            r = cluster[c, t]
            if r >= 0:
                for k in range(3):
                    total[r, k] += after[c, k, j + t] - before[c, k, i + t]
                if size[r] == 0.0:
                    clusters[code[c, t], first + t] += 1.0
                size[r] += 1.0
        for c in range(n_carriers):
            r = cluster[c, t]
            if r < 0:
                continue
            hopping[first + t] += 1.0
            if size[r] > 1.0:
                clustered[first + t] += 1.0
            largest[first + t] = max(largest[first + t], size[r])
            for k in range(3):
                d = after[c, k, j + t] - before[c, k, i + t]
                incluster[code[c, t], first + t] += d * (total[r, k] - d)


@kernel
def count_changes(offsets, start, window, changed, repeated):  # type: ignore[no-untyped-def]
    """Add the carriers with one change or more, and with two or more, within a window.

    Runs of carrier c begin at start[offsets[c] : offsets[c + 1]]; a change at frame s lies in the
    windows of origins s - window to s - 1. changed and repeated (origins,).
    """
    n_origins = changed.shape[0]
    change = np.zeros((2, n_origins + 1))
    for c in range(offsets.shape[0] - 1):
        once = twice = 0
        for m in range(offsets[c] + 1, offsets[c + 1]):
            begin, stop = max(start[m] - window, once), min(start[m], n_origins)
            if begin < stop:
                change[0, begin] += 1.0
                change[0, stop] -= 1.0
            once = max(once, stop)
            if m == offsets[c] + 1:
                continue
            # both this change and the one before it lie in these windows
            begin, stop = max(start[m] - window, twice), min(start[m - 1], n_origins)
            if begin < stop:
                change[1, begin] += 1.0
                change[1, stop] -= 1.0
            twice = max(twice, stop)
    _add_running(change[0], changed)
    _add_running(change[1], repeated)


def segment_labels(
    runs: LabelRuns, window: int, classify: Classify
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Segments of constant label: offsets (carriers + 1,), begin and code (segments,)."""
    offsets, begin, before, after = _segments(
        runs.offsets, runs.start, runs.value, runs.n_frames, window
    )
    return offsets, begin, classify(before, after)


def add_carriers(
    position: np.ndarray,
    states: LabelRuns,
    classify: Classify,
    window: int,
    moved: np.ndarray,
    squared: np.ndarray,
    number: np.ndarray,
) -> None:
    """`accumulate` over blocks of carriers, so that segments stay small.

    The order of the carriers, and so every sum, is the same for any size of the blocks.
    """
    n_origins = moved.shape[-1]
    for first, last in carrier_blocks(position):
        here = position[first:last]
        for begin, end in run_blocks(states.offsets[first : last + 1]):
            segments = segment_labels(states.carriers(first + begin, first + end), window, classify)
            mine = here[begin:end]
            accumulate(mine, window, 0, n_origins, *segments, moved, squared, number)


def add_changes(runs: LabelRuns, window: int, changed: np.ndarray, repeated: np.ndarray) -> None:
    """`count_changes` over blocks of carriers; counts are whole numbers, so sums are exact."""
    for begin, end in run_blocks(runs.offsets):
        mine = runs.carriers(begin, end)
        count_changes(mine.offsets, mine.start, window, changed, repeated)


@kernel
def add_positions(position, total):  # type: ignore[no-untyped-def]
    """Add the positions of carriers (carriers, 3, frames) to total (3, frames)."""
    for c in range(position.shape[0]):
        for k in range(3):
            for t in range(position.shape[2]):
                total[k, t] += position[c, k, t]


def collective_path(position: np.ndarray) -> np.ndarray:
    """Sum of the positions (carriers, 3, frames) of all carriers, shape (3, frames)."""
    total = np.zeros((3, position.shape[2]))
    for first, last in carrier_blocks(position):
        add_positions(position[first:last], total)
    return total


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
        """Weighted sums over sub-blocks: weights (samples, B) in, leading axis samples out."""
        return WindowSums(**add_sub_blocks(self, weights))


def add_sub_blocks(sums: Any, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Weighted sums over sub-blocks of every array of a dataclass, by its name.

    Arrays have the sub-blocks in front, weights (samples, sub-blocks); samples come out in front.
    """

    def add(values: np.ndarray) -> np.ndarray:
        flat = values.reshape(len(values), -1)
        return (weights @ flat).reshape(len(weights), *values.shape[1:])

    return {name: add(getattr(sums, name)) for name in sums.__dataclass_fields__}


def block_products(left: np.ndarray, right: np.ndarray, length: int) -> np.ndarray:
    """Sums over sub-blocks of left (a, origins) times right (b, origins): shape (blocks, a, b).

    The bits do not depend on how many threads the linear algebra library takes.
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
            # the library would cut a long product of two rows into one part for each of its threads
            np.einsum("bit,bjt->bij", blocks(left), blocks(right), out=out[first : first + n])
        else:
            np.matmul(blocks(left), blocks(right).transpose(0, 2, 1), out=out[first : first + n])
    return out


def block_sums(rows: np.ndarray, length: int) -> np.ndarray:
    """Sums over sub-blocks of rows (a, origins): shape (blocks, a)."""
    return np.add.reduceat(rows, np.arange(0, rows.shape[-1], length), axis=-1).T


class LabelledTogether(Protocol):
    """Species whose labels depend on the carriers of all of them; see `events.LinkedHops`."""

    def edges(self, window: int) -> list[int]:
        """First origin of each block, and the number of origins."""

    def blocks(self, window: int) -> Iterator[Any]:
        """Blocks of origins: first, last, before, after and cluster, see `events.HopBlock`."""

    def codes(self, block: Any, member: int) -> np.ndarray:
        """Label codes of one species in a block, shape (carriers, origins), int16."""

    def rows(self, member: int) -> slice:
        """Carriers of one species among all."""

    def spots(self, member: int) -> Callable[[int], np.ndarray]:
        """From the number of a carrier of one species to the spots it holds, (frames,), int32."""


@dataclass(frozen=True)
class JointLabels:
    """Labels that depend on all carriers.

    Attributes
    ----------
    linked : LabelledTogether
        One object for all species that are labelled together.
    member : int
        Number of the species among them.
    moves : LabelRuns
        Sites held; each new run is an elementary hop.
    """

    linked: LabelledTogether
    member: int
    moves: LabelRuns

    def blocks(self, window: int) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
        """Blocks of origins, with codes and clusters (carriers, origins) of this species alone."""
        rows = self.linked.rows(self.member)
        for block in self.linked.blocks(window):
            yield block, self.linked.codes(block, self.member), block.cluster[rows]


@dataclass(frozen=True)
class CarrierLabels:
    """What the window stage needs of one species.

    Attributes
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom; axes that are projected out are 0.
    states : LabelRuns
        Microstates; one constant run per carrier without a rule.
    classify : callable
        Pairs of microstates to event codes.
    n_labels : int
    macrostates : LabelRuns or None
    n_macrostates : int
    joint : JointLabels or None
        In place of `states` and `classify`, where labels depend on all carriers.
    held : numpy.ndarray or None
        Shape (spots, 3), Angstrom: positions of the spots of a joint rule, where the path view
        credits a label with the way from site to site alone.
    """

    position: np.ndarray
    states: LabelRuns
    classify: Classify
    n_labels: int
    macrostates: LabelRuns | None
    n_macrostates: int
    joint: JointLabels | None = None
    held: np.ndarray | None = None

    @property
    def n_path_labels(self) -> int:
        """Labels in the path view: one more, vibration, where sites are projected out."""
        return self.n_labels + (self.held is not None)


def carrier_segments(
    carriers: CarrierLabels, window: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Segments of constant label of any rule: offsets (carriers + 1,), begin, code (segments,)."""
    if carriers.joint is None:
        return segment_labels(carriers.states, window, carriers.classify)
    runs = runs_in_time(code for _, code, _ in carriers.joint.blocks(window))
    return runs.offsets, runs.start, runs.value


def one_label(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Codes of carriers without a rule: 0 for every pair."""
    return np.zeros(len(before), dtype=np.int64)


@dataclass(frozen=True)
class _Pairs:
    """Labels a macrostate transition by both its ends."""

    n_states: int

    def __call__(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        return before * self.n_states + after


@dataclass(frozen=True)
class _OriginSums:
    """Sums of one species over its carriers, origin by origin, in which kernels add up.

    `moved` and `on_sites` (labels, 3, origins), the others (labels, origins); `on_sites` is empty
    without sites held.
    """

    moved: np.ndarray
    on_sites: np.ndarray
    squared: np.ndarray
    number: np.ndarray
    clusters: np.ndarray
    incluster: np.ndarray

    @classmethod
    def into(cls, moved: np.ndarray, on_sites: np.ndarray) -> _OriginSums:
        """With these arrays, and new ones for the rest."""
        n_labels, _, n_origins = moved.shape
        squared, number, clusters, incluster = (np.zeros((n_labels, n_origins)) for _ in range(4))
        return cls(moved, on_sites, squared, number, clusters, incluster)

    def blocked(self, sub_block: int) -> dict[str, np.ndarray]:
        """What is kept of them, by sub-blocks of origins."""
        names = ("squared", "number", "clusters", "incluster")
        found = {name: block_sums(getattr(self, name), sub_block) for name in names}
        found["total_squared"] = block_sums(self.squared.sum(axis=0)[None], sub_block)
        return found


def labelled_together(species: Sequence[CarrierLabels]) -> list[list[int]]:
    """Numbers of the species with a joint rule, by what they are labelled with."""
    groups: dict[int, list[int]] = {}
    for index, one in enumerate(species):
        if one.joint is not None:
            groups.setdefault(id(one.joint.linked), []).append(index)
    return list(groups.values())


def _add_joint(
    species: Sequence[CarrierLabels], members: Sequence[int], window: int,
    sums: Sequence[_OriginSums], counts: np.ndarray,
) -> None:  # fmt: skip
    """Add the species that are labelled together, block after block of origins.

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
            if one.held is not None:
                spots = block.before[rows], block.after[rows]
                add_spots(*spots, one.held, code, first, mine.on_sites)
        if len(members) > 1:
            count_clustered(block.cluster, owner, first, counts[1])


def window_sums(
    species: Sequence[CarrierLabels], window: int, sub_block: int, collective: np.ndarray
) -> WindowSums:
    """All sums of one window length; see `window_pass`, which gives the steps as well."""
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
        with `held`, hops carry the way from site to site, and a last label, vibration, the rest.
    """
    n_species, _, n_frames = collective.shape
    n_origins = n_frames - window
    total = collective[:, :, window:] - collective[:, :, :-window]
    first = np.concatenate([[0], np.cumsum([one.n_labels for one in species])])
    first_step = np.concatenate([[0], np.cumsum([one.n_path_labels for one in species])])
    # what is soon a few numbers comes first, as sums for each origin are what fills memory
    transition, transition_number = _transitions(species, window, total, sub_block)
    changed, repeated = _changes(species, window, n_origins, sub_block)
    d = np.zeros((first[-1], 3, n_origins))
    steps = d if first_step[-1] == first[-1] else np.zeros((first_step[-1], 3, n_origins))
    counts = np.zeros((3, n_species, n_origins))
    blocked: dict[int, dict[str, np.ndarray]] = {}

    def rows_of(index: int) -> _OriginSums:
        # with sites held, what is on sites is added to the steps themselves
        begin = first_step[index]
        end = begin + (0 if species[index].held is None else species[index].n_labels)
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
        # few numbers, in place of one for each origin
        blocked |= {k: x.blocked(sub_block) for k, x in zip(members, sums, strict=True)}
    for index, one in enumerate(species):
        walked = steps[first_step[index] : first_step[index + 1]]
        if one.held is not None:
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

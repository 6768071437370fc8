"""Sums for vehicularity: displacements of carriers split into those of the shell and the rest.

d_i = d_shell + (d_i - d_shell), d_shell the displacement of the centre of mass of the ligand atoms
that are in the shell at both ends; V = <d_i . d_shell> / <|d_i|^2>.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..lib.kernels import kernel
from ..lib.run_length import LabelRuns, run_blocks
from ..onsager.window_kernels import Classify, _segments
from ..onsager.window_sums import block_sums


@dataclass(frozen=True)
class ShellPairs:
    """Shells of the carriers over time; picklable.

    Attributes
    ----------
    runs : LabelRuns
        Shells of the carriers.
    classify : callable
        Maps pairs of shells to labels.
    event : int
        Code of the label to split.
    shell_offsets, member : numpy.ndarray
        Ligands of shell s are member[shell_offsets[s] : shell_offsets[s + 1]], ascending; int64.
    """

    runs: LabelRuns
    classify: Classify
    event: int
    shell_offsets: np.ndarray
    member: np.ndarray

    def segments(self, first: int, last: int, window: int) -> tuple[np.ndarray, ...]:
        """Segments of origins with the same shells at both ends of the windows.

        Of carriers `first` to `last` - 1: offsets (carriers + 1,), and for each segment its first
        origin, both shells, and whether its label is the one to split.
        """
        runs = self.runs.carriers(first, last)
        offsets, begin, before, after = _segments(
            runs.offsets, runs.start, runs.value, runs.n_frames, window
        )
        return offsets, begin, before, after, self.classify(before, after) == self.event


@dataclass(frozen=True)
class ShellPaths:
    """Paths of the carriers of one species and of the ligand atoms, and the shells.

    Attributes
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom; 0 along directions that are left out.
    ligand_position : numpy.ndarray
        Shape (ligands, 3, frames), Angstrom, in the same frame of reference. Directions left out
        may be non-zero: all sums are products with displacements of the carriers.
    mass : numpy.ndarray
        Shape (ligands,): masses in any unit.
    pairs : ShellPairs
    """

    position: np.ndarray
    ligand_position: np.ndarray
    mass: np.ndarray
    pairs: ShellPairs


@kernel
def split_displacements(position, ligands, window, shells, segments, parts, sums):  # type: ignore[no-untyped-def]
    """Sum the carriers of chosen segments origin by origin, split into shell and the rest.

    position (carriers, 3, frames); ligands: position (ligands, 3, frames) and mass (ligands,);
    window: frames; shells: `ShellPairs.shell_offsets` and `ShellPairs.member`; segments:
    `ShellPairs.segments`. Adds to the parts whole, with_shell, shell and alone, (3, origins) each:
    displacements of all carriers, of the chosen ones that keep a ligand atom, of the centres of
    mass of what they keep, and of the chosen ones that keep none; and to sums (5, origins):
    d . d_shell, |d|^2 and number of those that keep one, |d|^2 and number of those that keep none.
    """
    ligand, mass = ligands
    shell_offsets, member = shells
    offsets, begin, shell_before, shell_after, chosen = segments
    whole, with_shell, shell, alone = parts
    j, n_origins = np.uint64(window), whole.shape[1]
    kept = np.empty(16, dtype=np.int64)
    d = np.empty(3)
    e = np.empty(3)
    for c in range(offsets.shape[0] - 1):
        for s in range(offsets[c], offsets[c + 1]):
            low = np.uint64(begin[s])
            high = np.uint64(begin[s + 1] if s + 1 < offsets[c + 1] else n_origins)
            if not chosen[s]:
                for k in range(3):
                    for t in range(low, high):
                        whole[k, t] += position[c, k, t + j] - position[c, k, t]
                continue
            n_kept = 0
            total = 0.0
            x, stop_x = shell_offsets[shell_before[s]], shell_offsets[shell_before[s] + 1]
            y, stop_y = shell_offsets[shell_after[s]], shell_offsets[shell_after[s] + 1]
            while x < stop_x and y < stop_y:
                if member[x] < member[y]:
                    x += 1
                elif member[y] < member[x]:
                    y += 1
                else:
                    if n_kept == kept.shape[0]:
                        more = np.empty(2 * n_kept, dtype=np.int64)
                        more[:n_kept] = kept
                        kept = more
                    kept[n_kept] = member[x]
                    total += mass[member[x]]
                    n_kept += 1
                    x += 1
                    y += 1
            for t in range(low, high):
                square = 0.0
                for k in range(3):
                    d[k] = position[c, k, t + j] - position[c, k, t]
                    whole[k, t] += d[k]
                    square += d[k] * d[k]
                if n_kept == 0:
                    for k in range(3):
                        alone[k, t] += d[k]
                    sums[3, t] += square
                    sums[4, t] += 1.0
                    continue
                along = 0.0
                for k in range(3):
                    e[k] = 0.0
                    for q in range(n_kept):
                        a = kept[q]
                        step = ligand[a, k, t + j] - ligand[a, k, t]
                        e[k] += mass[a] * step
                    e[k] /= total
                    with_shell[k, t] += d[k]
                    shell[k, t] += e[k]
                    along += d[k] * e[k]
                sums[0, t] += along
                sums[1, t] += square
                sums[2, t] += 1.0


#: Rows of `vehicle_sums`.
SUMS = (
    "along", "square", "kept", "alone_square", "alone_number", "shell", "relative", "alone", "total"
)  # fmt: skip


def vehicle_sums(paths: ShellPaths, window: int, sub_block: int) -> np.ndarray:
    """Sums of one window length, per sub-block of origins.

    Cost: one pass over carriers x origins, and one over the ligand atoms kept for windows that
    carry the event.

    Parameters
    ----------
    paths : ShellPaths
    window : int
        Frames.
    sub_block : int
        Origins.

    Returns
    -------
    numpy.ndarray
        Shape (sub-blocks, 9) in the order of `SUMS`: d . d_shell and |d|^2 of carriers that keep a
        ligand atom, and their number; |d|^2 and number of those that keep none; D^shell . D,
        D^relative . D, D^alone . D and D . D with D the displacement of all carriers. A^2. The same
        bits whether positions are in memory or on disk.
    """
    n_origins = paths.position.shape[2] - window
    parts = tuple(np.zeros((3, n_origins)) for _ in range(4))
    sums = np.zeros((5, n_origins))
    pairs = paths.pairs
    for first, last in run_blocks(pairs.runs.offsets):
        split_displacements(
            paths.position[first:last], (paths.ligand_position, paths.mass), window,
            (pairs.shell_offsets, pairs.member), pairs.segments(first, last, window), parts, sums,
        )  # fmt: skip
    whole, with_shell, shell, alone = parts
    carried = [np.einsum("xt,xt->t", part, whole) for part in (shell, with_shell - shell, alone)]
    carried.append(np.einsum("xt,xt->t", whole, whole))
    return block_sums(np.concatenate([sums, np.stack(carried)]), sub_block)

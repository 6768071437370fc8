"""How much of a window with an unchanged shell the shell really carried.

d_i = d_shell + (d_i - d_shell), d_shell the displacement of the centre of mass of the ligand atoms
that are in the shell at both ends; V = <d_i . d_shell> / <|d_i|^2>.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..kernels import kernel
from .windows import CarrierLabels, LabelRuns, _segments, block_sums


@dataclass(frozen=True)
class ShellPaths:
    """Paths of the ligand atoms of one species, and which of them are in its shells.

    Attributes
    ----------
    position : numpy.ndarray
        Shape (ligands, 3, frames), Angstrom, in the frame of reference of the carriers.
    mass : numpy.ndarray
        Shape (ligands,), any unit.
    offsets, member : numpy.ndarray
        Ligands of shell s are member[offsets[s] : offsets[s + 1]], ascending; int64.
    """

    position: np.ndarray
    mass: np.ndarray
    offsets: np.ndarray
    member: np.ndarray


@kernel
def split_displacements(  # type: ignore[no-untyped-def]
    position, ligand_position, mass, shell_offsets, member, offsets, begin, before, after, chosen,
    window, whole, with_shell, shell, alone, sums
):  # fmt: skip
    """Add up the carriers of chosen segments origin by origin, split into shell and the rest.

    position (carriers, 3, frames), ligand_position (ligands, 3, frames); segments as in
    `accumulate`, from shell `before` to shell `after`, counted where `chosen` (segments,) is True.
    Adds to whole, with_shell, shell and alone (3, origins): displacements of all carriers, of the
    chosen ones that keep a ligand atom, of the centres of mass of what they keep, and of the chosen
    ones that keep none; and to sums (5, origins): d . d_shell, |d|^2 and number of those that keep
    one, |d|^2 and number of those that keep none.
    """
    n_origins = whole.shape[1]
    kept = np.empty(16, dtype=np.int64)
    d = np.empty(3)
    e = np.empty(3)
    for c in range(offsets.shape[0] - 1):
        for s in range(offsets[c], offsets[c + 1]):
            stop = begin[s + 1] if s + 1 < offsets[c + 1] else n_origins
            n_kept = 0
            total = 0.0
            if chosen[s]:
                i, stop_i = shell_offsets[before[s]], shell_offsets[before[s] + 1]
                j, stop_j = shell_offsets[after[s]], shell_offsets[after[s] + 1]
                while i < stop_i and j < stop_j:
                    if member[i] < member[j]:
                        i += 1
                    elif member[j] < member[i]:
                        j += 1
                    else:
                        if n_kept == kept.shape[0]:
                            more = np.empty(2 * n_kept, dtype=np.int64)
                            more[:n_kept] = kept
                            kept = more
                        kept[n_kept] = member[i]
                        total += mass[member[i]]
                        n_kept += 1
                        i += 1
                        j += 1
            for t in range(begin[s], stop):
                square = 0.0
                for k in range(3):
                    d[k] = position[c, k, t + window] - position[c, k, t]
                    whole[k, t] += d[k]
                    square += d[k] * d[k]
                if not chosen[s]:
                    continue
                if n_kept == 0:
                    for k in range(3):
                        alone[k, t] += d[k]
                    sums[3, t] += square
                    sums[4, t] += 1.0
                    continue
                along = 0.0
                for k in range(3):
                    e[k] = 0.0
                    for m in range(n_kept):
                        a = kept[m]
                        step = ligand_position[a, k, t + window] - ligand_position[a, k, t]
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


def vehicle_sums(
    labels: CarrierLabels, shells: ShellPaths, event: int, window: int, sub_block: int
) -> np.ndarray:
    """Sums of one window length, per sub-block of origins.

    Cost: one pass over carriers x origins, and one over the ligand atoms kept for windows that
    carry the event.

    Parameters
    ----------
    labels : CarrierLabels
        Of one species, by a rule for pairs of shells.
    shells : ShellPaths
    event : int
        Code of the label to split.
    window : int
        Frames.
    sub_block : int
        Origins.

    Returns
    -------
    numpy.ndarray
        Shape (sub-blocks, 9) in the order of `SUMS`: d . d_shell and |d|^2 of carriers that keep a
        ligand atom, and their number; |d|^2 and number of those that keep none; D^shell . D,
        D^relative . D, D^alone . D and D . D with D the displacement of all carriers. A^2.
    """
    runs: LabelRuns = labels.states.whole()
    offsets, begin, before, after = _segments(
        runs.offsets, runs.start, runs.value, runs.n_frames, window
    )
    chosen = labels.classify(before, after) == event
    n_origins = runs.n_frames - window
    whole, with_shell, shell, alone = (np.zeros((3, n_origins)) for _ in range(4))
    sums = np.zeros((5, n_origins))
    split_displacements(
        labels.position, shells.position, shells.mass, shells.offsets, shells.member, offsets,
        begin, before, after, chosen, window, whole, with_shell, shell, alone, sums,
    )  # fmt: skip
    carried = [np.einsum("xt,xt->t", part, whole) for part in (shell, with_shell - shell, alone)]
    carried.append(np.einsum("xt,xt->t", whole, whole))
    return block_sums(np.concatenate([sums, np.stack(carried)]), sub_block)

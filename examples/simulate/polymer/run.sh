#!/usr/bin/env bash
# 20 x CH3O(CH2CH2O)11CH3 + 15 LiTFSI at 480 K: topology, packing, equilibration, production. Needs rdkit and
# packmol (PyPI) and GROMACS (Debian). About 65 ns a day and core; shipped are the first 5.7 ns.
# Parameters and their sources stand in build_topology.py.
set -euo pipefail
cd "$(dirname "$0")"
HMR=3 python build_topology.py sys 0.8 'LI:[Li+]:15' 'TFS:FC(F)(F)S(=O)(=O)[N-]S(=O)(=O)C(F)(F)F:15' PEO:EO12:20
packmol < pack.inp > pack.log
gmx editconf -f packed.pdb -o packed.gro -box 5.4 5.4 5.4 -c
step() {
  gmx grompp -f "$1.mdp" -c "$2" ${3:+-t "$3"} -p sys.top -o "$1.tpr" -maxwarn 3
  gmx mdrun -deffnm "$1" -nt 1 -pin off
}
step em packed.gro
step eq1 em.gro
step comp eq1.gro eq1.cpt
step eq2 comp.gro comp.cpt
step eq3 eq2.gro eq2.cpt
step prod eq3.gro eq3.cpt
python ../ship.py prod.tpr prod.xtc ../../../mda_ionmech/datasets/polymer polymer "20 PEO12 + 15 LiTFSI"

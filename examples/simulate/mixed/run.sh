#!/usr/bin/env bash
# 12 LiPF6 in 52 EC and 52 DMC at 360 K, NVT, after packing, mixing at 500 K and equilibration at 1 bar.
# Needs GROMACS (Debian: apt-get install gromacs). Parameters, their sources and the seed stand in
# build.py. The files are written to the folder given, by default output/.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
mkdir -p "${1:-output}" && cd "${1:-output}"
python "$here/build.py"
from=(-box 3.2 3.2 3.2)
for molecule in LI:12 PF6:12 EC:52 DMC:52; do
  gmx -nobackup insert-molecules "${from[@]}" -ci "${molecule%:*}.gro" -nmol "${molecule#*:}" \
    -seed 20260 -try 200 -o packed.gro
  from=(-f packed.gro)
done
step() {
  gmx -nobackup grompp -f "$1.mdp" -c "$2" ${3:+-t "$3"} -p system.top -o "$1.tpr" -maxwarn 2
  gmx -nobackup mdrun -deffnm "$1" -nt 1 -pin off
}
step em packed.gro
step compress em.gro
step mix compress.gro compress.cpt
step equilibrate mix.gro mix.cpt
step prod equilibrate.gro equilibrate.cpt

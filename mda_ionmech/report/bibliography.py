"""Works that reports cite, as text and as BibTeX."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A work: how it reads in a list, and its BibTeX entry."""

    text: str
    bibtex: str


def _entry(kind: str, key: str, text: str, **fields: str) -> Entry:
    inner = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return Entry(text, f"@{kind}{{{key},\n{inner}\n}}")


ENTRIES = {
    "jun2026": _entry(
        "misc", "jun2026",
        "S. Jun, P. Leon, J. Ruza, J. Nam, R. Gomez-Bombarelli, Universal Framework for "
        "Decomposing Ionic Transport into Interpretable Mechanisms, arXiv:2602.16636 (2026)",
        author="Jun, S. and Leon, P. and Ruza, J. and Nam, J. and Gomez-Bombarelli, R.",
        title="Universal Framework for Decomposing Ionic Transport into Interpretable Mechanisms",
        year="2026", eprint="2602.16636", archiveprefix="arXiv",
    ),
    "michaud2011": _entry(
        "article", "michaud2011",
        "N. Michaud-Agrawal, E. J. Denning, T. B. Woolf, O. Beckstein, MDAnalysis: A toolkit for "
        "the analysis of molecular dynamics simulations, J. Comput. Chem. 32, 2319 (2011), "
        "10.1002/jcc.21787",
        author="Michaud-Agrawal, Naveen and Denning, Elizabeth J. and Woolf, Thomas B. and "
               "Beckstein, Oliver",
        title="{MDAnalysis}: A toolkit for the analysis of molecular dynamics simulations",
        journal="Journal of Computational Chemistry", volume="32", pages="2319--2327", year="2011",
        doi="10.1002/jcc.21787",
    ),
    "gowers2016": _entry(
        "inproceedings", "gowers2016",
        "R. J. Gowers et al., MDAnalysis: A Python Package for the Rapid Analysis of Molecular "
        "Dynamics Simulations, Proc. 15th Python in Science Conf., 98 (2016), "
        "10.25080/Majora-629e541a-00e",
        author="Gowers, Richard J. and others",
        title="{MDAnalysis}: A {Python} Package for the Rapid Analysis of Molecular Dynamics "
              "Simulations",
        booktitle="Proceedings of the 15th Python in Science Conference", pages="98--105",
        year="2016", doi="10.25080/Majora-629e541a-00e",
    ),
    "onsager1931": _entry(
        "article", "onsager1931",
        "L. Onsager, Reciprocal relations in irreversible processes. I, Phys. Rev. 37, 405 (1931), "
        "10.1103/PhysRev.37.405",
        author="Onsager, Lars", title="Reciprocal relations in irreversible processes. {I}",
        journal="Physical Review", volume="37", pages="405--426", year="1931",
        doi="10.1103/PhysRev.37.405",
    ),
    "fong2020": _entry(
        "article", "fong2020",
        "K. D. Fong, H. K. Bergstrom, B. D. McCloskey, K. K. Mandadapu, Transport phenomena in "
        "electrolyte solutions: Nonequilibrium thermodynamics and statistical mechanics, AIChE J. "
        "66, e17091 (2020), 10.1002/aic.17091",
        author="Fong, Kara D. and Bergstrom, Helen K. and McCloskey, Bryan D. and Mandadapu, "
               "Kranthi K.",
        title="Transport phenomena in electrolyte solutions: Nonequilibrium thermodynamics and "
              "statistical mechanics",
        journal="AIChE Journal", volume="66", pages="e17091", year="2020", doi="10.1002/aic.17091",
    ),
    "vonbulow2020": _entry(
        "article", "vonbulow2020",
        "S. von Bülow, J. T. Bullerjahn, G. Hummer, Systematic errors in diffusion coefficients "
        "from long-time molecular dynamics simulations at constant pressure, J. Chem. Phys. 153, "
        "021101 (2020), 10.1063/5.0008316",
        author='von B{\\"u}low, S{\\"o}ren and Bullerjahn, Jakob T{\\\'o}mas and Hummer, Gerhard',
        title="Systematic errors in diffusion coefficients from long-time molecular dynamics "
              "simulations at constant pressure",
        journal="The Journal of Chemical Physics", volume="153", pages="021101", year="2020",
        doi="10.1063/5.0008316",
    ),
    "kunsch1989": _entry(
        "article", "kunsch1989",
        "H. R. Künsch, The jackknife and the bootstrap for general stationary observations, Ann. "
        "Stat. 17, 1217 (1989), 10.1214/aos/1176347265",
        author='K{\\"u}nsch, Hans R.',
        title="The jackknife and the bootstrap for general stationary observations",
        journal="The Annals of Statistics", volume="17", pages="1217--1241", year="1989",
        doi="10.1214/aos/1176347265",
    ),
    "zou2008": _entry(
        "article", "zou2008",
        "G. Y. Zou, A. Donner, Construction of confidence limits about effect measures: A general "
        "approach, Stat. Med. 27, 1693 (2008), 10.1002/sim.3095",
        author="Zou, Guang Yong and Donner, Allan",
        title="Construction of confidence limits about effect measures: A general approach",
        journal="Statistics in Medicine", volume="27", pages="1693--1702", year="2008",
        doi="10.1002/sim.3095",
    ),
}  # fmt: skip

_LOCATOR = re.compile(r"arXiv:\d{4}\.\d{4,5}|10\.\d{4,9}/[^\s,;{}]+")
_SPECIAL = {"\\": r"\textbackslash{}", **{c: f"\\{c}" for c in "&%$#_{}"},
            "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}  # fmt: skip


def entry_of(line: str) -> Entry:
    """The work of a line of `Results.citations`; one not known here becomes a note.

    Parameters
    ----------
    line : str

    Returns
    -------
    Entry
    """
    found = _LOCATOR.search(line)
    if found is not None:
        locator = found[0].rstrip(".")
        for one in ENTRIES.values():
            if one.text.endswith(locator) or f"{locator} " in one.text:
                return one
    note = "".join(_SPECIAL.get(c, c) for c in line)
    return _entry("misc", f"work{hashlib.sha256(line.encode()).hexdigest()[:6]}", line, note=note)

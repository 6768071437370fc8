"""The ligand type of the counter-ions of a carrier, and the name of their exchange.

The counter-ions of a cation are anions and those of an anion are cations, whatever the name of the
ligand type: the label follows the sign of the carrier's charge.
"""

from __future__ import annotations

from ..lib.checks import shown
from ..lib.errors import InputError

#: Default names of ligand types that are ions.
ROLES = ("anion", "cation", "counterion")


def given_type(rule: str, counterion: str | None, anion: str | None) -> str | None:
    """The ligand type that was given, by `counterion` or the older `anion`; None for neither.

    Raises
    ------
    InputError
        Where both are given and differ, or one is not a name.
    """
    for argument, value in (("counterion", counterion), ("anion", anion)):
        if value is not None and (not isinstance(value, str) or not value):
            raise InputError(
                f"{rule}({argument}={shown(value)}): give the name of a ligand type of the "
                f"detector, e.g. {argument}='anion'"
            )
    if counterion is not None and anion is not None and counterion != anion:
        raise InputError(
            f"{rule}(counterion={counterion!r}, anion={anion!r}): anion=... is the older spelling "
            "of counterion=...; give one of them"
        )
    return anion if counterion is None else counterion


def check_given(rule: str, given: str | None, ligand_types: tuple[str, ...]) -> None:
    """Refuse sites, an unknown ligand type, and one that seems misspelt.

    Raises
    ------
    InputError
        Naming the existing types.
    """
    if ligand_types == ("framework",):
        raise InputError(
            f"{rule} compares shells, and SiteAssignment finds sites: give events=CrystalEvents(), "
            "or microstates=CutoffShell(...) with ligand types named by their role"
        )
    if given is not None and given not in ligand_types:
        raise InputError(
            f"{rule}(counterion={shown(given)}): no such ligand type among {list(ligand_types)}; "
            "give one of them, or leave counterion out if the detector sees no counter-ions"
        )
    if given is None and not set(ROLES) & set(ligand_types):
        close = [t for t in ligand_types if t.lower().startswith((*ROLES, "counter_ion"))]
        if close:
            raise InputError(
                f"{rule}: no ligand type 'anion', 'cation' or 'counterion' among "
                f"{list(ligand_types)}; give counterion={close[0]!r} if that is meant, or name "
                "the type so in the detector"
            )


def role_of_counterions(charge: float, kind: str = "") -> str:
    """``anion`` for cations, ``cation`` for anions; for neutral carriers by the ligand type."""
    if charge < 0 or (charge == 0 and kind.lower().startswith("cation")):
        return "cation"
    return "anion"


def counterion_type(
    rule: str, given: str | None, charge: float, ligand_types: tuple[str, ...]
) -> str:
    """The ligand type of the counter-ions of a carrier.

    Parameters
    ----------
    rule : str
        Name of the rule, for messages.
    given : str or None
        The type that was named. None: ``anion`` for cations, ``cation`` for anions (or ``anion``,
        as older scripts have it), or ``counterion``.
    charge : float
        Of the carrier, e.
    ligand_types : tuple of str
        Of the detector.

    Returns
    -------
    str
        One of `ligand_types`, or a name that is not among them where there are no counter-ions.

    Raises
    ------
    InputError
        For an unknown type, and for cations whose only ionic ligand type is ``cation``.
    """
    check_given(rule, given, ligand_types)
    if given is not None:
        return given
    usual = role_of_counterions(charge)
    words = (usual, "counterion") if charge else ROLES
    found = next((w for w in words if w in ligand_types), None)
    if found is not None:
        return found
    if charge < 0 and "anion" in ligand_types:
        return "anion"  # in older scripts the name of the role for carriers of any charge
    if "cation" in ligand_types:
        raise InputError(
            f"{rule}: the carriers are cations and the detector has the ligand type 'cation': "
            "give counterion='cation' if these are their counter-ions (better named 'anion'), "
            "else give that type another name, so that it counts as a solvent"
        )
    return usual

"""The first row of the contacts file: which column is which, however people call it. Pure."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from appliance.errors import excerpt
from appliance.people.contacts_format import COLUMNS, IGNORED, OPTIONAL, RowFault
from firmware.wording import worded

# What people write above a column, in English and French, without accents and punctuation.
_ALIASES: dict[str, str] = {
    "number": "numero telephone tel phone phone_number telephone_number mobile portable "
    "numero_de_telephone numero_telephone no_de_telephone n_de_telephone n_telephone n_tel no_tel "
    "telephone_portable telephone_mobile tel_portable tel_mobile numero_de_portable "
    "numero_de_mobile mobile_number mobile_phone cell cell_phone cellphone",
    "name": "nom full_name nom_et_prenom nom_complet prenom_nom",
    "language": "langue lang langue_parlee preferred_language",
    "timezone": "time_zone fuseau fuseau_horaire zone_horaire",
    "purpose": "objet finalite but campagne campaign",
    "consent_given_at": "consent_date date_of_consent consent_given given_at consentement_le "
    "consentement_donne_le date_de_consentement date_du_consentement date_consentement",
    "consent_source": "source source_of_consent origine origine_du_consentement "
    "source_du_consentement moyen",
    "consent_evidence": "evidence proof preuve preuve_du_consentement justificatif",
    "windows": "window hours hour call_hours time_slots slots slot plages plages_horaires creneaux "
    "horaires horaire heures heures_d_appel plage_horaire creneau",
    "valid_until": "expires expiry valid_to valable_jusqu_au valable_jusqua expire_le expiration "
    "fin_de_validite date_de_fin",
}
_KNOWN = {
    **{name: name for name in (*COLUMNS, *IGNORED)},
    **{alias: name for name, aliases in _ALIASES.items() for alias in aliases.split()},
}


@dataclass(frozen=True, slots=True)
class Header:
    """What the columns of a file are."""

    columns: tuple[str, ...]
    """By position: a column of the contacts file, one of the box's own, or empty for one that is
    passed over."""
    written: tuple[str, ...]
    """As they stand in the file."""
    passed_over: tuple[str, ...]
    """Columns that the box does not know."""


def normal_name(text: str) -> str:
    """Return a column's name without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def known_columns(cells: Sequence[str]) -> int:
    """Count the cells that are a column's name."""
    return sum(normal_name(cell) in _KNOWN for cell in cells)


def no_header(line: int) -> RowFault:
    """Return the fault of a file in which no line names columns."""
    return RowFault(
        line,
        "",
        worded("there is no header"),
        worded("write {names} first", names=",".join(COLUMNS)),
    )


def read_header(cells: Sequence[str], line: int) -> tuple[Header, list[RowFault]]:
    """Tell the columns apart; the faults with them, which make the file useless.

    A column that the box does not know is passed over, unless its name is so near to one that
    is not there that it must be a slip: an expiry that is passed over would be no expiry.
    """
    columns: list[str] = []
    passed_over: list[str] = []
    faults: list[RowFault] = []
    names = [_KNOWN.get(normal_name(cell), "") for cell in cells]
    for cell, name in zip(cells, names, strict=True):
        if name and name in columns:
            faults.append(_twice(line, name, cells[columns.index(name)], cell))
        if not name and cell.strip():
            near = difflib.get_close_matches(normal_name(cell), _KNOWN, 1, cutoff=0.8)
            if near and _KNOWN[near[0]] not in names:
                remedy = worded("did you mean {known}?", known=_KNOWN[near[0]])
                faults.append(
                    RowFault(line, excerpt(cell), worded("is not a column of this file"), remedy)
                )
            else:
                passed_over.append(excerpt(cell))
        columns.append(name)
    if not any(columns) and not faults:
        return Header((), tuple(cells), ()), [no_header(line)]
    faults += (
        RowFault(line, name, worded("is missing from the header"), worded("add the column"))
        for name in COLUMNS
        if name not in columns and name not in OPTIONAL
    )
    return Header(tuple(columns), tuple(cells), tuple(passed_over)), faults


def _twice(line: int, name: str, first: str, second: str) -> RowFault:
    what = (
        worded("is there twice")
        if excerpt(first) == excerpt(second)
        else worded(
            "is meant by “{first}” and by “{second}”", first=excerpt(first), second=excerpt(second)
        )
    )
    return RowFault(line, name, what, worded("remove one of the columns"))

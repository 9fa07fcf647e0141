"""A choice of groups under v1: what a server in staging mode would do with each group that it is about."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.connect.choosing import ChoiceProof
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import Text, t, verbatim
from runbook_lib.shown.html import CellValue, View, banner_html, rows_html, yes_or_no

CHOICE_COLUMNS = ("group_id", "group", "chosen", "server")
"""Of the table that a record keeps."""
_WRITES, _DELETES, _NOTHING = t("writes or changes it"), t("deletes it"), t("does not write it")
_PLAIN = {_WRITES: "writes", _DELETES: "deletes", _NOTHING: "leaves-out"}


def choice_view(proof: ChoiceProof, names: Mapping[GroupId, str]) -> View:
    """What the pending exports prove, group by group; what is otherwise than chosen first.

    Args:
        proof: What the evidence proves, or why it proves nothing.
        names: Display names of the tenant's groups.
    """
    text = proof.in_words(names)
    banner = banner_html("good" if proof.may_leave_staging else "attention", t("The choice"), text)
    if proof.unproved:
        return View(banner, text)
    rows = sorted(_answers(proof).items(), key=lambda row: _as_wanted(*row[1]))
    table = rows_html(
        (t("Group"), t("Chosen"), t("The server in staging mode")),
        [
            *((one, t("no"), _WRITES) for one in proof.unnamed),
            *((names.get(key, key), yes_or_no(chosen), does) for key, (chosen, does) in rows),
        ],
        caption=t("What the server would do to AD"),
        limit=200,
    )
    return View(banner + table, text)


def choice_rows(proof: ChoiceProof, names: Mapping[GroupId, str]) -> list[tuple[CellValue, ...]]:
    """The same for the table that a record keeps, with ``CHOICE_COLUMNS``: every group."""
    unnamed: list[tuple[CellValue, ...]] = [("", verbatim(one), "no", "writes") for one in proof.unnamed]
    return [
        *unnamed,
        *(
            (key, names.get(key, key), "yes" if chosen else "no", _PLAIN[does])
            for key, (chosen, does) in _answers(proof).items()
        ),
    ]


def _answers(proof: ChoiceProof) -> dict[GroupId, tuple[bool, Text]]:
    """Group id to whether it is chosen, and what the server does with it; by id."""
    unwanted = set(proof.unwanted)
    found = {key: (key not in unwanted, _WRITES) for key in proof.exported}
    found |= dict.fromkeys(proof.deleted, (False, _DELETES))
    found |= {key: (True, _DELETES if key in proof.deleted else _NOTHING) for key in proof.missing}
    return dict(sorted(found.items()))


def _as_wanted(chosen: bool, does: Text) -> bool:
    return chosen and does is _WRITES

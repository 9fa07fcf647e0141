"""What a group needs of the schema to be a mail recipient, attribute by attribute (group-attributes.csv)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class GroupAttribute:
    """One attribute.

    Attributes:
        comes_with: ``base`` (Active Directory), ``exchange`` (Exchange's schema) or ``server-2016`` (Windows Server
            2016's schema, and Exchange's).
        routes: Routes that write it, as their names: ``connect-sync cloud-sync``.
        purpose: What is lost without it.
        confirmed: Whether a public text says that the route writes it; otherwise it is expected.
        source: That text.
    """

    attribute: str
    comes_with: str
    routes: tuple[str, ...]
    purpose: str
    confirmed: bool
    source: str


def _load() -> tuple[GroupAttribute, ...]:
    text = files("runbook_lib.exchange").joinpath("group-attributes.csv").read_text(encoding="utf-8")
    return tuple(
        GroupAttribute(
            attribute=row["attribute"],
            comes_with=row["comes_with"],
            routes=tuple(row["routes"].split()),
            purpose=row["purpose"],
            confirmed=row["confirmed"] == "yes",
            source=row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    )


GROUP_ATTRIBUTES = _load()

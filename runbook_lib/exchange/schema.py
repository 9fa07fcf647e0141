"""Which names this forest's schema has, and what a group needs of it to be a mail recipient."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import ObjectMissing, RightsMissing
from runbook_lib.directory.search import any_of, equals
from runbook_lib.errors import NoAccess
from runbook_lib.model.text import t

_CONTROL = "objectClass"
"""In every schema; where it does not show, the schema cannot be read."""


def names_in_schema(directory: Directory, wanted: Iterable[str]) -> frozenset[str]:
    """Those of ``wanted`` (LDAP display names of attributes and classes, spelled as there) that exist.

    Raises:
        NoAccess: ``schema-unreadable``: this account does not see the schema.
    """
    spelled = {name.lower(): name for name in (*wanted, _CONTROL)}
    context = directory.controller.schema_naming_context
    filter_ = any_of(*(equals("lDAPDisplayName", name) for name in spelled.values()))
    try:
        entries = list(directory.search(context, filter_, ("lDAPDisplayName", "isDefunct"), scope="one"))
    except (ObjectMissing, RightsMissing):
        entries = []
    found = {(entry.text("lDAPDisplayName") or "").lower() for entry in entries if not entry.truth("isDefunct")}
    if _CONTROL.lower() not in found:
        raise NoAccess(
            t("This account does not see the schema ({context}).", context=context),
            code="schema-unreadable",
            hint=t("Every account normally may read it; check the rights of the parameter bind_user's account."),
            values={"dn": context},
        )
    return frozenset(spelled[name] for name in found & spelled.keys() if name != _CONTROL.lower())


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

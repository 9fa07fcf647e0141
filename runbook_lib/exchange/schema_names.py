"""Which names this forest's schema has: what no public text confirms is probed before it is asked for."""

from __future__ import annotations

from collections.abc import Iterable

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import ObjectMissing, RightsMissing
from runbook_lib.directory.filters import any_of, equals
from runbook_lib.errors import NoAccess

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
            f"This account does not see the schema ({context}).",
            code="schema-unreadable",
            hint="Every account normally may read it; check the rights of the parameter bind_user's account.",
            values={"dn": context},
        )
    return frozenset(spelled[name] for name in found & spelled.keys() if name != _CONTROL.lower())

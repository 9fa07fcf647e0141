"""A reading by what changed beside a whole one: what differs and was not named as changed is a finding. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TypeVar

from runbook_lib.model.cloud import CloudGroup, CloudPrincipal, CloudSnapshot, PrincipalType
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import counted, first_of, t, verbatim
from runbook_lib.model.untrusted import printable

_Id = TypeVar("_Id", bound=str)
_SHOWN = 10
"""Objects that are named; of more the number is told."""


def difference_of(
    by_changes: CloudSnapshot, whole: CloudSnapshot, changed_meanwhile: AbstractSet[str]
) -> Finding | None:
    """What Graph did not name as changed, though it is.

    Args:
        by_changes: Read first, by what changed.
        whole: Everything, read afterwards.
        changed_meanwhile: Ids of groups and users that Graph names as changed since the first: they may differ.
    """
    names = {str(group.id): group.display_name for one in (by_changes, whole) for group in one.groups}
    groups = _differing(_groups(by_changes), _groups(whole)) | _differing(by_changes.members, whole.members)
    users = _differing(_users(by_changes), _users(whole))
    everybody = {**by_changes.principals, **whole.principals}
    names |= {key: everybody[key].display_name for key in users}
    found = sorted((groups | users) - changed_meanwhile)
    if not found:
        return None
    shown = [verbatim(f"{printable(names[key], limit=80)} ({key})") for key in found]
    return Finding(
        id="changes-not-named",
        severity=Severity.WARNING,
        seen=t(
            "Graph had not named these as changed, and they differ from what was kept ({differing}): {shown}.",
            differing=counted(len(found), "object"),
            shown=first_of(shown, _SHOWN),
        ),
        expected=t("Everything that changes in the tenant is named by Graph's delta query."),
        why=t("Earlier readings may have shown these objects as they were. This run uses what it read as a whole."),
        to_do=t(
            "Look at the changes that were written since then for these groups. If it happens again, set "
            "keep_cloud_reading to none, and report it to Microsoft with the request ids."
        ),
        source="Microsoft Graph documentation, Use delta query to track changes in Microsoft Graph data",
        values={"ids": found},
    )


def _groups(snapshot: CloudSnapshot) -> dict[str, CloudGroup]:
    """Without the source of authority, which delta queries do not track and every reading reads."""
    return {group.id: replace(group, cloud_managed=None) for group in snapshot.groups}


def _users(snapshot: CloudSnapshot) -> dict[str, CloudPrincipal]:
    return {key: one for key, one in snapshot.principals.items() if one.type is PrincipalType.USER}


def _differing(one: Mapping[_Id, object], other: Mapping[_Id, object]) -> set[str]:
    """Keys that only one has, or with another value."""
    return {str(key) for key in one.keys() | other.keys() if one.get(key) != other.get(key)}

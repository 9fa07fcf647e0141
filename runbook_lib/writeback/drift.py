"""What stands in AD compared with what the cloud says now, for every group this runbook keeps written. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.change import Change
from runbook_lib.model.finding import Finding
from runbook_lib.writeback.plan_enable import plan_rows, written_rows
from runbook_lib.writeback.policy import Limits, Policy
from runbook_lib.writeback.preconditions import require_complete, require_container, require_mark

_UNLIMITED = Limits(10**9, 10**9, 10**9, 10**9, 10**9, 100)
"""A comparison writes nothing, so nothing limits what it may report."""


@dataclass(frozen=True)
class Drift:
    """Result of a comparison.

    Attributes:
        groups: How many written groups were compared.
        table: One row per difference; columns ``group_id display_name what expected seen ad_dn`` (object).
        findings: Members that nobody can account for, groups that cannot be compared.
    """

    groups: int
    table: pd.DataFrame
    findings: tuple[Finding, ...]


def check_drift(inventory: Inventory, policy: Policy) -> Drift:
    """Compare every written group.

    Raises:
        Refused: The readings are incomplete or the target OU is not usable.
    """
    snapshot = inventory.directory
    require_complete(inventory)
    require_container(snapshot.target, "target_ou", snapshot, policy)
    require_mark(snapshot)
    rows = written_rows(inventory)
    # What 40 is going to disable is still kept in step until then.
    policy = replace(policy, limits=_UNLIMITED, disable_ids=(), disable_names=())
    differences: list[tuple[str, ...]] = []
    unaccounted: list[Finding] = []
    for security, some in _by_type(rows, policy):
        planned = plan_rows(inventory, replace(policy, security=security), some)
        differences += [line for change in planned.plan.changes for line in _lines(change)]
        differences += [_line(r.group_id, r.display_name, r.rule, "", r.why, "") for r in planned.plan.refusals]
        unaccounted += [f for f in planned.findings if f.id.startswith("members-unaccounted:")]
    columns = ["group_id", "display_name", "what", "expected", "seen", "ad_dn"]
    table = pd.DataFrame(differences, columns=columns, dtype=object)
    return Drift(len(rows), table, tuple(unaccounted))


def _by_type(rows: tuple[GroupRow, ...], policy: Policy) -> Iterator[tuple[bool, tuple[GroupRow, ...]]]:
    """The rows with the type that they should have; where nobody said which, each has the one that it has."""
    if policy.security is not None:
        yield policy.security, rows
        return
    for security in (False, True):
        if some := tuple(row for row in rows if row.ad is not None and row.ad.is_security is security):
            yield security, some


def _lines(change: Change) -> Iterator[tuple[str, ...]]:
    head = (change.group_id, change.display_name)
    for delta in change.attributes:
        expected, seen = "; ".join(delta.added) or "(empty)", "; ".join(delta.removed) or "(empty)"
        yield _line(*head, delta.name, expected, seen, change.dn)
    for member in change.members_added:
        yield _line(*head, "member missing", member.dn or member.key, "(not a member)", change.dn)
    for member in change.members_removed:
        yield _line(*head, "member extra", "(not a member)", member.dn, change.dn)


def _line(group_id: str, name: str, what: str, expected: str, seen: str, dn: str) -> tuple[str, ...]:
    return group_id, name, what, expected, seen, dn

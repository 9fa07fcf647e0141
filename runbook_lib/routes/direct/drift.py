"""What stands in AD compared with what the cloud says now, for every group this runbook keeps written. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.naming import distinct_names
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import NOTHING, Text, counted, first_of, joined, t
from runbook_lib.routes.direct.payload import DirectChange
from runbook_lib.routes.direct.plan_enable import plan_rows, written_rows
from runbook_lib.routes.direct.preconditions import require_complete, require_container, require_mark
from runbook_lib.rules.policy import Limits, Policy

if TYPE_CHECKING:
    import pandas as pd

_UNLIMITED = Limits(10**9, 10**9, 10**9, 10**9, 10**9, 100)
"""A comparison writes nothing, so nothing limits what it may report."""
SHOWN = 5
"""Differences and groups that a sentence names; drift.csv has all."""
_KEPT = 100
"""Differences of one group that its finding keeps as values."""
_UNACCOUNTED = "members-unaccounted:"
_EMPTY, MISSING, EXTRA = "(empty)", t("member missing"), t("member extra")
DRIFT_COLUMNS = ("group_id", "display_name", "what", "expected", "seen", "ad_dn", "reason")
DriftLine = tuple[str, ...]
"""One difference: ``DRIFT_COLUMNS``."""


@dataclass(frozen=True)
class Drift:
    """Result of a comparison.

    Attributes:
        groups: How many written groups were compared.
        table: One row per difference; columns ``DRIFT_COLUMNS`` (object); ``reason`` is empty
            on the route direct, where each run re-aligns a group.
        findings: One per group that differs, with both values of each difference; members that nobody can account for.
    """

    groups: int
    table: pd.DataFrame
    findings: tuple[Finding, ...]

    @property
    def unaccounted(self) -> tuple[Finding, ...]:
        """Findings of members that map to nothing in the cloud."""
        return tuple(finding for finding in self.findings if finding.id.startswith(_UNACCOUNTED))

    @property
    def headline(self) -> Text:
        """How many differences, in which groups."""
        parts = []
        by_group = self.table.groupby(["group_id", "display_name"], sort=False).size()
        names = [str(name) for _, name in by_group.index]
        if len(names) == 1:
            parts.append(
                t("{differences} in {name}.", differences=counted(len(self.table), "difference"), name=names[0])
            )
        elif names:
            listed = first_of([f"{name} ({n})" for name, n in zip(names, by_group, strict=True)], SHOWN)
            parts.append(
                t(
                    "{differences} in {count} of {groups} written groups: {listed}.",
                    differences=counted(len(self.table), "difference"),
                    count=len(names),
                    groups=self.groups,
                    listed=listed,
                )
            )
        if self.unaccounted:
            parts.append(t("Groups with members that nobody can account for: {count}.", count=len(self.unaccounted)))
        return joined(parts)

    @property
    def text(self) -> Text:
        """The headline and the first differences, each with both values."""
        rows = [tuple(map(str, row)) for row in self.table.itertuples(index=False)]
        differences = _differences(rows, named=len({row[0] for row in rows}) > 1)
        if differences and not self.unaccounted:
            return t("{headline}: {differences}", headline=self.headline[:-1], differences=differences)
        return joined((self.headline, differences))


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
    differences: list[DriftLine] = []
    unaccounted: list[Finding] = []
    for security, some in _by_type(rows, policy):
        planned = plan_rows(inventory, replace(policy, security=security), some)
        differences += [line for change in planned.plan.changes for line in _lines(change)]
        differences += [_line(r.group_id, r.display_name, r.rule, "", r.why, "") for r in planned.plan.refusals]
        unaccounted += [f for f in planned.findings if f.id.startswith(_UNACCOUNTED)]
    return drift_of(len(rows), differences, unaccounted)


_REALIGN = t("30-enable-writeback re-aligns the group; it plans first and asks.")


def drift_of(
    groups: int, differences: list[DriftLine], more: Sequence[Finding] = (), *, to_do: Text = _REALIGN
) -> Drift:
    """Put a comparison together, with a finding for each group that differs.

    Args:
        groups: How many written groups were compared.
        differences: Lines of the table.
        more: Further findings.
        to_do: What is to be done about a group that differs.
    """
    import pandas as pd  # takes as long as all the rest, and every gwb run loads the routes

    table = pd.DataFrame(differences, columns=list(DRIFT_COLUMNS), dtype=object)
    return Drift(groups, table, (*_findings(differences, to_do), *more))


def _findings(differences: list[DriftLine], to_do: Text) -> Iterator[Finding]:
    """One finding per group that differs, so that a record that lists findings never says that there are none."""
    by_group: dict[str, list[DriftLine]] = {}
    for line in differences:
        by_group.setdefault(line[0], []).append(line)
    for group_id, lines in by_group.items():
        yield Finding(
            id=f"drift:{group_id}",
            severity=Severity.WARNING,
            seen=t(
                "{count} in {lines}: {differences}",
                count=counted(len(lines), "difference"),
                lines=lines[0][1],
                differences=_differences(lines, named=False),
            ),
            expected=t("AD as the cloud group is now."),
            to_do=to_do,
            values={
                "group_id": group_id,
                "count": len(lines),
                "differences": [{"what": line[2], "cloud": line[3], "ad": line[4]} for line in lines[:_KEPT]],
            },
        )


def _differences(lines: list[DriftLine], *, named: bool) -> Text:
    """The first differences in words, and how many more there are."""
    said = first_of([_line_text(line, named=named) for line in lines], SHOWN, "; ")
    if len(lines) > SHOWN:
        return t("{said} in drift.csv.", said=said)
    return t("{said}.", said=said) if said else NOTHING


def _line_text(line: DriftLine, *, named: bool) -> Text:
    difference = _difference(*line[2:5])
    return t("{group}: {difference}", group=line[1], difference=difference) if named else difference


def _difference(what: str, cloud: str, ad: str) -> Text:
    if what == MISSING:
        return t("{member} is a member in the cloud and not in AD", member=cloud)
    if what == EXTRA:
        return t("{member} is a member in AD and not in the cloud", member=ad)
    ad, cloud = distinct_names(ad, cloud)
    if not cloud:
        return t("{what}: {ad}", what=what, ad=ad)
    return t("{what} is {ad} in AD and {cloud} in the cloud", what=what, ad=_quoted(ad), cloud=_quoted(cloud))


def _quoted(value: str) -> str:
    return value if value == _EMPTY else f'"{value}"'


def _by_type(rows: tuple[GroupRow, ...], policy: Policy) -> Iterator[tuple[bool, tuple[GroupRow, ...]]]:
    """The rows with the type that they should have; where nobody said which, each has the one that it has."""
    if policy.security is not None:
        yield policy.security, rows
        return
    for security in (False, True):
        if some := tuple(row for row in rows if row.ad is not None and row.ad.is_security is security):
            yield security, some


def _lines(change: DirectChange) -> Iterator[DriftLine]:
    head = (change.group_id, change.display_name)
    for delta in change.payload.attributes:
        expected, seen = "; ".join(delta.added) or _EMPTY, "; ".join(delta.removed) or _EMPTY
        yield _line(*head, delta.name, expected, seen, change.payload.dn)
    for member in change.payload.members_added:
        yield _line(*head, MISSING, member.dn or member.key, t("(not a member)"), change.payload.dn)
    for member in change.payload.members_removed:
        yield _line(*head, EXTRA, t("(not a member)"), member.dn, change.payload.dn)


def _line(group_id: str, name: str, what: str, expected: str, seen: str, dn: str) -> DriftLine:
    return group_id, name, what, expected, seen, dn, ""

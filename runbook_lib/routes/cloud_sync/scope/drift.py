"""AD as it is compared with AD as Cloud Sync would write it now, group by group, with names and reasons. Pure.

Cloud Sync sends what changes in the cloud and does not look for what was changed in AD: a difference stays until the
group changes in the cloud, or until it is provisioned on demand (``plan_differing``).

Sources: Microsoft Entra documentation, "Cloud Sync FAQ", "How provisioning to Active Directory works"; Microsoft Graph
documentation, "synchronizationJob: provisionOnDemand" (members that a call does not name are not written).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.cloud_sync.configuration import expressions_of
from runbook_lib.cloud_sync.predicted import PredictedGroup, Prediction
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.dn import normalize_foreign_dn, parent_of, rdn_value
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import EXTERNAL_ID_ATTRIBUTE, group_id_of_anchor
from runbook_lib.model.predicted import Known, Predicted, PredictedMember, ScopeAnswer
from runbook_lib.model.text import NOTHING, Text, counted, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.planning import Sides, objects_of_groups, prediction_of, require_same_domain
from runbook_lib.routes.direct.drift import EXTRA, MISSING, Drift, DriftLine, drift_of
from runbook_lib.routes.direct.preconditions import require_complete
from runbook_lib.routes.predicted_members import accounts_of

NOT_THERE, NOT_EXPECTED = t("not in AD"), t("member not expected")
"""Differences beside those of members and attributes."""
_HOW = 'Microsoft Entra documentation, "How provisioning to Active Directory works", "Cloud Sync FAQ"'
_SENDS_CHANGES = t("Cloud Sync sends what changes in the cloud; it does not look for what was changed in AD.")
_NOT_IN_CLOUD = t("It is no member in the cloud. Cloud Sync takes it out only when it leaves the group in the cloud.")
_NOT_WRITTEN_YET = t("In scope, and not written yet, or deleted in AD.")


@dataclass(frozen=True, slots=True)
class Surplus:
    """A member that AD has and Cloud Sync would not write: no provisioning on demand takes it out.

    Attributes:
        guid: Its objectGUID, or its DN where it is no object that was read.
        dn: Its distinguished name.
        what: ``EXTRA`` or ``NOT_EXPECTED``.
        reason: Why it is not expected.
    """

    guid: str
    dn: str
    what: Text
    reason: Text


@dataclass(frozen=True, slots=True)
class Differing:
    """One group in scope, and where its AD object is otherwise than Cloud Sync would make it.

    Attributes:
        group: The prediction.
        present: Its AD object; None where there is none.
        attributes: Name, value as it should be, value in AD.
        missing: Members that are certainly written and are not in AD.
        surplus: Members in AD that would not be written.
    """

    group: PredictedGroup
    present: DirectoryGroup | None
    attributes: tuple[tuple[str, str, str], ...] = ()
    missing: tuple[PredictedMember, ...] = ()
    surplus: tuple[Surplus, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether anything is otherwise."""
        return bool(self.present is None or self.attributes or self.missing or self.surplus)

    @property
    def can_be_provisioned(self) -> bool:
        """Whether provisioning on demand can bring it nearer: surplus members alone stay."""
        return bool(self.present is None or self.attributes or self.missing)

    @property
    def lines(self) -> list[DriftLine]:
        """Rows of the table of differences."""
        head = (self.group.group_id, self.group.display_name)
        dn = self.present.dn if self.present else ""
        if self.present is None:
            expected = self.group.dn.value if self.group.dn.known else ""
            return [(*head, NOT_THERE, expected, t("(nothing)"), "", _NOT_WRITTEN_YET)]
        rows: list[DriftLine] = [
            (*head, name, expected, seen, dn, _SENDS_CHANGES) for name, expected, seen in self.attributes
        ]
        rows += [(*head, MISSING, _named(one), t("(not a member)"), dn, _SENDS_CHANGES) for one in self.missing]
        for one in self.surplus:
            expected = t("(not a member)") if one.what == EXTRA else NOTHING
            rows.append((*head, one.what, expected, one.dn, dn, one.reason))
        return rows


def _named(member: PredictedMember) -> str:
    return f"{member.name} ({member.id})" if member.name != member.id else member.id


def present_prediction(sides: Sides, desired: DesiredSettings) -> Prediction:
    """What the configuration, as it is now, would write.

    Raises:
        Refused: A reading is incomplete, or the configuration is one of another domain.
    """
    require_complete(sides.inventory)
    require_same_domain(sides)
    expressions = expressions_of(sides.documents.schema)
    return prediction_of(sides, desired, sorted(sides.documents.assignments), expressions)


def compared_groups(sides: Sides, prediction: Prediction) -> list[Differing]:
    """Every group in scope, and every other one that may be in scope and has an AD object, compared with AD."""
    accounts = objects_of_groups(sides.inventory.directory)
    accounts |= {group.group_id: group.guid for group in prediction.groups if group.guid}
    accounts |= accounts_of(sides.inventory)
    return [
        _compare(group, sides, accounts) for group in prediction.groups if group.guid or group.scope.known is Known.YES
    ]


def _compare(group: PredictedGroup, sides: Sides, accounts: Mapping[str, str]) -> Differing:
    index = sides.inventory.index
    present = index.groups_by_guid.get(group.guid) if group.guid else None
    if present is None:
        return Differing(group, None)
    there = {index.guid_of_dn(dn) or dn: dn for dn in present.members or ()}
    of_guid = {accounts[one.id]: one for one in group.members if one.id in accounts}
    missing = tuple(
        one
        for one in group.members
        if one.answer.known is Known.YES and one.id in accounts and accounts[one.id] not in there
    )
    surplus = tuple(
        _surplus(guid, dn, of_guid.get(guid)) for guid, dn in there.items() if _unexpected(of_guid.get(guid))
    )
    return Differing(group, present, tuple(_attributes(group, present)), missing, surplus)


def _unexpected(member: PredictedMember | None) -> bool:
    return member is None or member.answer.known is Known.NO


def _surplus(guid: str, dn: str, member: PredictedMember | None) -> Surplus:
    if member is None:
        return Surplus(guid, dn, EXTRA, _NOT_IN_CLOUD)
    return Surplus(guid, dn, NOT_EXPECTED, member.answer.why)


def _attributes(group: PredictedGroup, present: DirectoryGroup) -> list[tuple[str, str, str]]:
    found = []
    place = parent_of(present.dn)
    if group.container.known and normalize_foreign_dn(place) != normalize_foreign_dn(group.container.value):
        found.append(("OU", group.container.value, place))
    now = {"cn": rdn_value(present.dn), "sAMAccountName": present.text("sAMAccountName") or ""}
    wanted: dict[str, Predicted] = {"cn": group.cn, "sAMAccountName": group.account_name}
    found += [(name, one.value, now[name]) for name, one in wanted.items() if one.known and one.value != now[name]]
    return found


def check_cloud_sync_drift(sides: Sides, desired: DesiredSettings) -> tuple[Drift, tuple[Finding, ...]]:
    """Compare Cloud Sync's groups.

    Returns:
        What differs, and what else was found: members of which it is not known whether they are written, AD objects of
        groups that are not in scope.

    Raises:
        Refused: A reading is incomplete, or the configuration is one of another domain.
    """
    prediction = present_prediction(sides, desired)
    groups = compared_groups(sides, prediction)
    lines = [line for one in groups if one.differs for line in one.lines]
    to_do = t(
        "Cloud Sync does not correct it by itself. 30-enable-writeback with cloud_sync_enable: differing provisions it "
        "on demand, after a plan; members that are too many are taken out in AD by hand."
    )
    drift = drift_of(len(groups), lines, to_do=to_do)
    return drift, (*_not_compared(groups), *_left_behind(sides, prediction.outside))


def _not_compared(groups: list[Differing]) -> list[Finding]:
    unknown = [one.group for one in groups if one.present is not None and one.group.count(Known.UNKNOWN)]
    if not unknown:
        return []
    members = sum(group.count(Known.UNKNOWN) for group in unknown)
    return [
        Finding(
            id="cloud-sync-members-not-compared",
            severity=Severity.INFO,
            seen=t(
                "Not compared, because it is not known whether Cloud Sync writes it: {members} of {groups}.",
                members=counted(members, "member"),
                groups=counted(len(unknown), "group"),
            ),
            to_do=t("Set cloud_sync_on_premises_users to what the configuration has, then compare again."),
            source=_HOW,
            values={"groups": [group.group_id for group in unknown]},
        )
    ]


def _left_behind(sides: Sides, outside: Mapping[str, ScopeAnswer]) -> list[Finding]:
    """AD objects with the anchor of a group that the configuration does not write."""
    found = []
    for group in sides.inventory.directory.groups:
        owner = group_id_of_anchor(group.text(EXTERNAL_ID_ATTRIBUTE) or "")
        if owner is not None and owner in outside:
            found.append((owner, group.dn, outside[owner].why))
    if not found:
        return []
    named = [t("{dn}: {why}", dn=printable(dn, limit=120), why=why) for _, dn, why in found[:5]]
    more = t(" {count} more.", count=len(found) - 5) if len(found) > 5 else NOTHING
    return [
        Finding(
            id="cloud-sync-left-behind",
            severity=Severity.INFO,
            seen=t(
                "{count} of Cloud Sync in AD whose cloud group is not in scope: {named}{more}",
                count=counted(len(found), "object"),
                named=" ".join(named),
                more=more,
            ),
            why=t("Nobody keeps their members in step; they grant what they granted."),
            to_do=t("Delete in AD by hand what is not needed any more."),
            source=_HOW,
            values={"groups": {owner: dn for owner, dn, _ in found}},
        )
    ]

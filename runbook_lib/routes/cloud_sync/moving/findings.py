"""What an approver has to know before AD objects change hands between this runbook and Cloud Sync. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from runbook_lib.cloud_sync.predicted import PredictedGroup
from runbook_lib.model.dn import normalize_foreign_dn, parent_of, rdn_value
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.predicted import Known
from runbook_lib.model.text import Text, counted, first_of, joined, t
from runbook_lib.model.untrusted import printable

_HOW = 'Microsoft Entra documentation, "How provisioning to Active Directory works" (How matching works)'
_NAMED = 5
"""Groups that a sentence names."""
_ACCOUNT = "samaccountname"
_PARAMETERS = {
    "cn": "cloud_sync_cn_expression",
    "parentdistinguishedname": "cloud_sync_ou_expression",
    _ACCOUNT: "cloud_sync_account_name_expression",
}
"""Target attribute, lower case, to the parameter with its mapping expression."""


def before_moving(
    groups: Sequence[PredictedGroup],
    account_names: Mapping[str, str],
    accounts: Mapping[str, str],
    expressions: Mapping[str, str],
) -> list[Finding]:
    """What is said before groups go over to Cloud Sync.

    Args:
        groups: As they are predicted, with their AD objects.
        account_names: objectGUID of each AD object to its sAMAccountName now.
        accounts: Member id to the GUID of its AD object.
        expressions: Target attribute, lower case, to the mapping expression that the configuration will have.
    """
    if not groups:
        return []
    found = [_adoption(groups)]
    now: dict[str, dict[str, str]] = {group.group_id: _names_now(group, account_names) for group in groups}
    if renamed := [group for group in groups if _changing(group, now[group.group_id])]:
        found.append(_renames(renamed, now, expressions))
    leaving = [(group, extra) for group in groups if (extra := len(group.kept - _written(group, accounts)))]
    if leaving:
        found.append(_members(leaving))
    return found


def keeping(groups: Sequence[PredictedGroup], otherwise: str, value_of: Callable[[PredictedGroup], str]) -> str:
    """A mapping expression that gives each of these groups what its AD object has, and all others what they get now.

    Source: Microsoft Entra documentation, "Reference for writing expressions for attribute mappings" (Switch).

    Args:
        groups: With their AD objects.
        otherwise: The expression for all other groups.
        value_of: What the AD object of a group has.
    """
    pairs = ", ".join(f'"{group.group_id}", {_constant(value_of(group))}' for group in groups)
    return f"Switch([objectId], {otherwise}, {pairs})"


def _constant(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _written(group: PredictedGroup, accounts: Mapping[str, str]) -> frozenset[str]:
    sure = (one.id for one in group.members if one.answer.known is Known.YES)
    return frozenset(accounts[one] for one in sure if one in accounts)


def _names_now(group: PredictedGroup, account_names: Mapping[str, str]) -> dict[str, str]:
    """What its AD object has of each attribute in ``_PARAMETERS``."""
    dn = group.present_dn
    names = (rdn_value(dn), parent_of(dn), account_names.get(group.guid, ""))
    return dict(zip(_PARAMETERS, names, strict=True))


def _changing(group: PredictedGroup, now: Mapping[str, str]) -> frozenset[str]:
    """The attributes of ``_PARAMETERS`` that Cloud Sync gives another value, or may give one."""
    cn, place, account = _PARAMETERS
    then = {cn: group.cn, place: group.container, account: group.account_name}
    different = {name for name, value in then.items() if not value.known or value.value != now[name]}
    if group.container.known and normalize_foreign_dn(group.container.value) == normalize_foreign_dn(now[place]):
        different.discard(place)
    return frozenset(different)


def _adoption(groups: Sequence[PredictedGroup]) -> Finding:
    return Finding(
        id="cloud-sync-adoption",
        severity=Severity.BLOCKING,
        seen=t("Changing hands with the AD object as it is: {count}.", count=counted(len(groups), "group")),
        expected=t("It is documented that Cloud Sync takes over AD objects that this runbook made."),
        why=t(
            "Microsoft's page says that Cloud Sync updates the AD object that carries its anchor. Only for groups of "
            "group writeback V2 does a page describe that somebody else writes the anchor. Where Cloud Sync made "
            "another object instead, it would have another SID, and rights that name the old one would not reach it."
        ),
        to_do=t(
            "Acknowledge this finding to go on: one group is tried first, and the plan stops if its AD object is not "
            "taken over. Begin with a group that nobody needs."
        ),
        source=_HOW,
        values={"groups": [group.group_id for group in groups]},
        acknowledgeable=True,
    )


def _renames(
    groups: Sequence[PredictedGroup], now: Mapping[str, Mapping[str, str]], expressions: Mapping[str, str]
) -> Finding:
    changing = {name for group in groups for name in _changing(group, now[group.group_id])}
    told = [
        f"{printable(group.present_dn, limit=120)} ({printable(now[group.group_id][_ACCOUNT], limit=60)}) -> "
        f"{printable(group.dn.value or '?', limit=120)} ({printable(group.account_name.value or '?', limit=60)})"
        for group in groups
    ]
    keep = {
        parameter: keeping(groups, expressions[name], partial(_value, now, name))
        for name, parameter in _PARAMETERS.items()
        if name in changing and name in expressions
    }
    set_to: list[Text] = [t("set {parameter} to {expression}", parameter=name, expression=keep[name]) for name in keep]
    how = joined(set_to, "; ") if len(groups) <= _NAMED else t("set the mapping expressions that record.json has here")
    return Finding(
        id="cloud-sync-move-renames",
        severity=Severity.BLOCKING,
        seen=t(
            "The mapping renames or moves {count}: {names}.",
            count=counted(len(groups), "AD object"),
            names=first_of(told, _NAMED, "; "),
        ),
        expected=t("Name, OU and account name of the AD objects stay."),
        why=t("Who uses these groups by one of these names finds them no more."),
        to_do=t("To keep what is there: {how}. To have them renamed or moved, acknowledge this finding.", how=how),
        source='Microsoft Entra documentation, "Attribute mapping - Microsoft Entra ID to Active Directory"',
        values={"groups": told, **keep},
        acknowledgeable=True,
    )


def _value(now: Mapping[str, Mapping[str, str]], name: str, group: PredictedGroup) -> str:
    return now[group.group_id][name]


def _members(leaving: Sequence[tuple[PredictedGroup, int]]) -> Finding:
    names = [f"{printable(group.display_name, limit=60)} ({extra})" for group, extra in leaving]
    return Finding(
        id="cloud-sync-move-members",
        severity=Severity.WARNING,
        seen=t(
            "Members that Cloud Sync does not write, or may not, in {groups}: {names}.",
            groups=counted(len(leaving), "AD group"),
            names=first_of(names, _NAMED, "; "),
        ),
        expected=t("Cloud Sync writes every member that the AD group has."),
        why=t(
            "Groups that AD manages, and people where their membership is not provisioned, are written by this runbook "
            "and not by Cloud Sync. Whether Cloud Sync takes out those that it finds is not documented."
        ),
        to_do=t("Look at the table of members. Move the nested groups too, or leave these groups with this runbook."),
        source='Microsoft Entra documentation, "How provisioning to Active Directory works"',
        values={"groups": [group.group_id for group, _ in leaving]},
    )

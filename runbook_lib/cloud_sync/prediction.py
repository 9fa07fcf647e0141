"""What AD will look like when a Cloud Sync configuration has written its groups: names, OUs, members, collisions.

Cloud Sync itself never says beforehand. Everything here follows from what was read and from Microsoft's documentation;
what does not follow is UNKNOWN, with the reason. Nothing of it is written: it is what a plan shows and what is compared
with AD afterwards.

Sources: Microsoft Entra documentation, "How provisioning to Active Directory works" (an AD object is matched by
msDS-ExternalDirectoryObjectId alone), "Attribute mapping - Microsoft Entra ID to Active Directory" (names, container).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from runbook_lib.cloud_sync.expression import Expression, ExpressionError, read_expression
from runbook_lib.cloud_sync.functions import NotPredictable, shown
from runbook_lib.cloud_sync.members import MemberRules, group_written, user_written
from runbook_lib.cloud_sync.predicted import PredictedGroup, Prediction
from runbook_lib.cloud_sync.scope import JobScope, values_of
from runbook_lib.graph.tenant.jobs import CloudSyncJob, ObjectScope
from runbook_lib.model.cloud import Authority, CloudGroup, CloudPrincipal, CloudSnapshot, PrincipalType, Switch
from runbook_lib.model.directory import DirectoryGroup, DirectorySnapshot
from runbook_lib.model.dn import normalize_foreign_dn
from runbook_lib.model.ids import EXTERNAL_ID_ATTRIBUTE, group_id_of_anchor, user_id_of_anchor
from runbook_lib.model.name_collisions import name_troubles
from runbook_lib.model.predicted import Known, Predicted, PredictedMember, ScopeAnswer, Trouble
from runbook_lib.model.text import Text, counted, t
from runbook_lib.model.untrusted import printable

LARGEST_GROUP = 50_000
"""Members; a larger group is not supported ("Microsoft Entra provisioning options", "Scale limits")."""
_UNIVERSAL = 0x8
"""Flag of groupType ([MS-ADTS] 2.2.12)."""


def predict(
    job: CloudSyncJob,
    mapping: ObjectScope,
    cloud: CloudSnapshot,
    directory: DirectorySnapshot,
    accounts: Mapping[str, str],
    *,
    synchronized_users: Switch = Switch.UNKNOWN,
    users_in_scope: bool = False,
) -> Prediction:
    """Work out what a job will write.

    Args:
        job: The job, with what is assigned to it as it will be.
        mapping: Its mapping of groups, as it will be.
        cloud: Complete reading of the tenant.
        directory: Complete reading of the domain that the job writes to.
        accounts: Principal id to the GUID of its AD object, for those that have one in that domain.
        synchronized_users: Whether "Provision membership to on-premises users" is on, as far as is known.
        users_in_scope: Whether the job provisions users too.
    """
    scope = JobScope(job, mapping)
    answers: dict[str, ScopeAnswer] = {group.id: scope.answer(group) for group in cloud.groups}
    rules = MemberRules(synchronized_users, users_in_scope, answers, accounts, _provisioned(directory))
    present = OccupiedNames(directory)
    expressions = _expressions(mapping)
    by_id: dict[str, CloudGroup] = {group.id: group for group in cloud.groups}
    found = [
        _group(group, answers[group.id], expressions, cloud, by_id, rules, present)
        for group in sorted(cloud.groups, key=lambda group: group.id)
        if answers[group.id].known is not Known.NO
    ]
    outside = {key: answer for key, answer in answers.items() if answer.known is Known.NO}
    return Prediction(job.id, with_collisions(found, present), outside)


def _provisioned(directory: DirectorySnapshot) -> frozenset[str]:
    ids = (user_id_of_anchor(item.external_id or "") for item in directory.objects)
    return frozenset(found for found in ids if found)


def _expressions(mapping: ObjectScope) -> Mapping[str, Expression | Text]:
    """The mapping's expressions by target attribute; a sentence instead of one that cannot be read."""
    found: dict[str, Expression | Text] = {}
    for name in ("cn", "parentdistinguishedname", "samaccountname"):
        if name in mapping.mapped:
            try:
                found[name] = read_expression(mapping.mapped[name])
            except ExpressionError as error:
                found[name] = error.message
    return found


def _group(
    group: CloudGroup,
    answer: ScopeAnswer,
    expressions: Mapping[str, Expression | Text],
    cloud: CloudSnapshot,
    by_id: Mapping[str, CloudGroup],
    rules: MemberRules,
    present: OccupiedNames,
) -> PredictedGroup:
    members = tuple(_member(group, one, cloud.principals, by_id, rules) for one in cloud.members.get(group.id, ()))
    objects, troubles = _object_of(group, present)
    own = objects[0] if len(objects) == 1 else None
    if group.id not in cloud.members:
        troubles.append(Trouble("members-unread", t("Its members were not read.")))
    if len(members) > LARGEST_GROUP:
        troubles.append(
            Trouble(
                "too-large",
                t("It has {count}; {most:,} are supported.", count=counted(len(members), "member"), most=LARGEST_GROUP),
            )
        )
    if members and all(member.answer.known is Known.NO for member in members):
        troubles.append(
            Trouble(
                "arrives-empty",
                t("It arrives empty: none of its members is written ({count}).", count=counted(len(members), "member")),
            )
        )
    return PredictedGroup(
        group_id=group.id,
        display_name=group.display_name,
        scope=answer,
        guid=own.guid if own else "",
        present_dn=own.dn if own else "",
        cn=_predicted("cn", group, expressions),
        container=_predicted("parentdistinguishedname", group, expressions),
        account_name=_account_name(group, expressions, own),
        members=members,
        troubles=tuple(troubles),
        present_account_name=(own.text("sAMAccountName") or "") if own else "",
    )


def _member(
    parent: CloudGroup,
    member_id: str,
    principals: Mapping[str, CloudPrincipal],
    groups: Mapping[str, CloudGroup],
    rules: MemberRules,
) -> PredictedMember:
    if member := groups.get(member_id):
        return PredictedMember(member_id, member.display_name, "group", group_written(parent, member, rules))
    person = principals.get(member_id) or CloudPrincipal(member_id, PrincipalType.UNKNOWN)
    name = person.display_name or person.user_principal_name or member_id
    return PredictedMember(member_id, name, person.type.value, user_written(person, rules))


def _object_of(group: CloudGroup, present: OccupiedNames) -> tuple[list[DirectoryGroup], list[Trouble]]:
    """The AD objects that the group is matched with, and what is wrong with them."""
    objects = list(present.by_external.get(group.id, []))
    troubles = []
    if group.authority is Authority.CONVERTED:
        own = present.by_sid.get(group.on_premises_sid or "")
        if own is None:
            troubles.append(
                Trouble("no-object", t("Its source of authority was converted, and no AD object has its SID."))
            )
        elif own.guid not in {one.guid for one in objects}:
            objects.append(own)
    if len(objects) > 1:
        where = "; ".join(sorted(printable(one.dn, limit=120) for one in objects))
        troubles.append(Trouble("two-objects", t("Several AD objects carry its anchor or SID: {where}.", where=where)))
    troubles += [
        Trouble(
            "not-universal",
            t("{dn} is no universal group: Cloud Sync ends with an error.", dn=printable(one.dn)),
        )
        for one in objects
        if not one.group_type & _UNIVERSAL
    ]
    return objects, troubles


def _predicted(name: str, group: CloudGroup, expressions: Mapping[str, Expression | Text]) -> Predicted:
    expression = expressions.get(name)
    if expression is None:
        return Predicted(why=t("The mapping does not give it."))
    if isinstance(expression, Text):
        return Predicted(why=expression)
    try:
        value = shown(expression.value(values_of(group)))
    except NotPredictable as unknown:
        return Predicted(why=t("It cannot be worked out: {why}.", why=unknown.why))
    return Predicted(value) if value else Predicted(why=t("The mapping gives an empty value."))


def _account_name(
    group: CloudGroup, expressions: Mapping[str, Expression | Text], own: DirectoryGroup | None
) -> Predicted:
    if "samaccountname" in expressions:
        return _predicted("samaccountname", group, expressions)
    if own is not None and (name := own.text("sAMAccountName")):
        return Predicted(name)
    return Predicted(why=t("The mapping leaves it to AD, which makes a random one."))


class OccupiedNames:
    """What stands in AD already: by anchor, by SID, by place and name, by account name."""

    def __init__(self, directory: DirectorySnapshot) -> None:
        self.by_sid = {group.sid: group for group in directory.groups if group.sid}
        self.by_external: defaultdict[str, list[DirectoryGroup]] = defaultdict(list)
        for group in directory.groups:
            owner = group_id_of_anchor(group.text(EXTERNAL_ID_ATTRIBUTE) or "")
            if owner:
                self.by_external[owner].append(group)
        self.at = {key: item.guid for item in directory.objects if (key := normalize_foreign_dn(item.dn))}
        self.accounts: defaultdict[str, set[str]] = defaultdict(set)
        for item in directory.objects:
            if item.sam_account_name:
                self.accounts[item.sam_account_name.casefold()].add(item.guid)


def with_collisions(groups: Sequence[PredictedGroup], present: OccupiedNames) -> tuple[PredictedGroup, ...]:
    """The same groups with what their names meet: in AD, and among each other."""
    found = name_troubles(groups, present.at, present.accounts)
    return tuple(
        replace(group, troubles=(*group.troubles, *troubles)) for group, troubles in zip(groups, found, strict=True)
    )

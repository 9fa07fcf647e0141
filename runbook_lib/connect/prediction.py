"""What AD will look like when Connect Sync's group writeback v1 has written the tenant's Microsoft 365 groups. Pure.

Connect itself says nothing beforehand but on a server in staging mode. Everything here follows from what was read and
from public texts; what does not follow is UNKNOWN, with the reason.

Sources: Microsoft Entra documentation, "Enable Microsoft Entra Connect group writeback" (all Microsoft 365 groups,
distribution groups, names, 50,000 members), "Modify group writeback in Microsoft Entra Connect" (a restored object is
joined again), "Microsoft Entra Connect: Version release history" (2.1.15.0: description; 1.6.2.4: mail attributes by a
rule of their own); Microsoft Learn, "Set up Microsoft 365 groups with on-premises Exchange hybrid" (only the primary
address is written).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from runbook_lib.connect.predicted import NOT_CHOSEN, ConnectGroup, ConnectPrediction, Leftover, NamingMode, Standing
from runbook_lib.connect.settings import EXCHANGE_RULE, WritebackSettings
from runbook_lib.connect.written import common_names, connect_writes, mail_values, plain_values
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.index import writer_of
from runbook_lib.inventory.states import Writer
from runbook_lib.model.cloud import CloudGroup, CloudKind, Switch
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.dn import is_below
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, GroupId, group_id_of_anchor
from runbook_lib.model.name_collisions import name_troubles
from runbook_lib.model.predicted import (
    Known,
    MemberAnswer,
    Predicted,
    PredictedMember,
    ScopeAnswer,
    Trouble,
    dn_of,
    several_objects,
)
from runbook_lib.model.text import NOTHING, Text, first_of, t
from runbook_lib.model.untrusted import printable

MOST_MEMBERS = 50_000
"""Members of a written group by the standard rule ("Enable Microsoft Entra Connect group writeback")."""
MOST_WITHOUT_LIMIT = 250_000
"""Members where that rule is disabled (same page)."""
PREPARED = "msExchRecipientTypeDetails"
"""An attribute that a group can carry only in a schema that Exchange has extended."""
_IN_SCOPE = ScopeAnswer(Known.YES)
_KINDS: Mapping[CloudKind, ScopeAnswer] = {
    CloudKind.SECURITY: ScopeAnswer(
        Known.NO, "security", t("Cloud security group: v1 writes Microsoft 365 groups and nothing else.")
    ),
    CloudKind.MAIL_ENABLED_SECURITY: ScopeAnswer(
        Known.NO, "mail-enabled-security", t("Mail-enabled security group: no route of Microsoft's writes it.")
    ),
    CloudKind.DISTRIBUTION_LIST: ScopeAnswer(
        Known.NO, "distribution-list", t("Distribution list: no route of Microsoft's writes it.")
    ),
}
_SYNCHRONIZED = ScopeAnswer(Known.NO, "synchronized", t("AD is its source of authority: it is in AD already."))
_NOT_CHOSEN = ScopeAnswer(Known.NO, NOT_CHOSEN, t("It is not chosen: rules of somebody's own keep it out."))
_V2 = ScopeAnswer(
    Known.UNKNOWN,
    "v2",
    t("V2 is on: the group's own setting may keep it from being written, and may choose another type."),
)
_TOO_LARGE_MEMBER = MemberAnswer(
    Known.UNKNOWN, "too-large", t("The group is larger than the limit: what is written of it is not documented.")
)


def predict_writeback(
    inventory: Inventory, settings: WritebackSettings, chosen: Collection[str] | None = None
) -> ConnectPrediction:
    """Work out what v1 makes of every Microsoft 365 group of the tenant.

    Args:
        inventory: Both sides, read completely; its domain is the one that v1 writes to.
        settings: What decides about all groups.
        chosen: Ids of the groups that rules of somebody's own choose, where what they do was proved or is to be; None:
            nobody chooses, or which ones they choose is not known.
    """
    exchange, exchange_why = _exchange(settings, inventory.directory.group_attributes)
    known = settings if chosen is None else replace(settings, choosing=())
    ahead = _Ahead(inventory, known, exchange, inventory.directory.group_attributes)
    answers: dict[str, ScopeAnswer | None] = {group.id: _outside(group, chosen) for group in inventory.cloud.groups}
    outside = {key: answer for key, answer in answers.items() if answer is not None}
    found = [
        ahead.group(group)
        for group in sorted(inventory.cloud.groups, key=lambda group: group.id)
        if group.id not in outside
    ]
    return ConnectPrediction(
        container=settings.container,
        naming=settings.naming,
        naming_why=settings.naming_why,
        exchange=exchange,
        exchange_why=exchange_why,
        groups=_with_collisions(found, inventory),
        outside=outside,
        leftovers=tuple(_leftovers(inventory, {group.group_id for group in found})),
        cautions=tuple(_cautions(inventory, settings)),
    )


def never_written(group: CloudGroup) -> ScopeAnswer | None:
    """Why v1 never writes a group, whoever chooses; None: it may."""
    if group.on_premises_sync_enabled:
        return _SYNCHRONIZED
    return _KINDS.get(group.kind)


def _outside(group: CloudGroup, chosen: Collection[str] | None) -> ScopeAnswer | None:
    if (never := never_written(group)) is not None:
        return never
    return None if chosen is None or group.id in chosen else _NOT_CHOSEN


def _exchange(settings: WritebackSettings, allowed: frozenset[str]) -> tuple[Known, Text]:
    if PREPARED not in allowed:
        return Known.NO, t("This forest's schema was not extended by Exchange, so v1 writes no mail attribute.")
    match settings.exchange_rule:
        case Known.NO:
            return Known.UNKNOWN, t(
                "The server has no enabled rule {rule}: which mail attributes are written then is not known.",
                rule=EXCHANGE_RULE,
            )
        case Known.YES:
            return Known.YES, t("This forest's schema was extended by Exchange, and the server's rule is enabled.")
    return Known.YES, t("This forest's schema was extended by Exchange; the server's rule was not seen.")


def _cautions(inventory: Inventory, settings: WritebackSettings) -> Iterator[Text]:
    if settings.own:
        names = first_of([printable(name, limit=80) for name in settings.own], 5)
        yield t("Rules for groups that are not Microsoft's may decide otherwise: {names}.", names=names)
    if not inventory.cloud.reading.complete:
        yield t("The tenant was not read completely: groups and members may be missing here.")
    if not inventory.directory.reading.complete:
        yield t("The domain was not read completely: what stands in AD may be missing here.")


@dataclass(frozen=True, slots=True)
class _Ahead:
    inventory: Inventory
    settings: WritebackSettings
    exchange: Known
    allowed: frozenset[str]

    def group(self, group: CloudGroup) -> ConnectGroup:
        """One Microsoft 365 group."""
        count = len(self.inventory.cloud.members.get(group.id, ()))
        scope = self._scope(count)
        members = self._members(group.id, too_large=scope.code == "too-large")
        standing, why, present, troubles = self._standing(group)
        if scope.code == "too-large":
            troubles.append(Trouble("too-large", scope.why))
        if group.id not in self.inventory.cloud.members:
            troubles.append(Trouble("members-unread", t("Its members were not read.")))
        if members and all(member.answer.known is Known.NO for member in members):
            empty = t("It arrives empty: none of its {count:,} members is written.", count=len(members))
            troubles.append(Trouble("arrives-empty", empty))
        values = {**plain_values(group, v2=self.settings.v2), **mail_values(group, self.exchange, self.allowed)}
        found = ConnectGroup(
            group_id=group.id,
            display_name=group.display_name,
            scope=scope,
            standing=standing,
            standing_why=why,
            present_guid=present.guid if present else "",
            present_dn=present.dn if present else "",
            naming=self.settings.naming,
            names=common_names(group),
            container=self.settings.container,
            attributes=values,
            members=members,
            troubles=tuple(troubles),
        )
        return replace(found, troubles=(*found.troubles, *self._address(group, found)))

    def _scope(self, count: int) -> ScopeAnswer:
        most = MOST_WITHOUT_LIMIT if self.settings.limited is Known.NO else MOST_MEMBERS
        if count > most:
            return ScopeAnswer(
                Known.UNKNOWN,
                "too-large",
                t(
                    "It has {count:,} members, and a rule limits written groups to {most:,}: what becomes of a larger "
                    "one is not documented.",
                    count=count,
                    most=most,
                ),
            )
        if self.settings.choosing:
            names = first_of([printable(name, limit=80) for name in self.settings.choosing], 3)
            return ScopeAnswer(
                Known.UNKNOWN, "chosen", t("A rule of somebody's own chooses among the groups: {names}.", names=names)
            )
        return _V2 if self.settings.v2 is Switch.ON else _IN_SCOPE

    def _members(self, group_id: GroupId, *, too_large: bool) -> tuple[PredictedMember, ...]:
        people = self.inventory.cloud.principals
        return tuple(
            PredictedMember(
                one.member_id,
                one.name or one.member_id,
                one.type,
                _TOO_LARGE_MEMBER if too_large else connect_writes(one, people.get(one.member_id)),
            )
            for one in self.inventory.members.get(group_id, ())
        )

    def _standing(self, group: CloudGroup) -> tuple[Standing, Text, DirectoryGroup | None, list[Trouble]]:
        claimants = [
            one
            for one in self.inventory.index.groups_by_anchor.get(group.id, [])
            if group_id_of_anchor(one.text(ANCHOR_ATTRIBUTE) or "") == group.id
        ]
        if not claimants:
            return Standing.NEW, NOTHING, None, []
        if len(claimants) > 1:
            several = several_objects([one.dn for one in claimants]).what
            return Standing.UNCLEAR, several, None, [Trouble("several-objects", several)]
        one = claimants[0]
        standing, why = self._of_object(one, writer_of(one, group.id, self.inventory.cloud.tenant.id))
        told = standing in (Standing.ADOPTED, Standing.DOUBLED)
        return standing, why, one, [Trouble(standing.value, why)] if told else []

    def _of_object(self, present: DirectoryGroup, writer: Writer) -> tuple[Standing, Text]:
        container, dn = self.settings.container, printable(present.dn)
        below = container.known and is_below(present.dn, container.value)
        if writer is Writer.CONNECT:
            if below:
                return Standing.THERE, t("It has an object already: {dn}.", dn=dn)
            return Standing.UNCLEAR, t(
                "{dn} carries Connect's anchor outside of v1's container: whether it is joined there is not known.",
                dn=dn,
            )
        if writer is not Writer.OURS:
            return Standing.UNCLEAR, t(
                "{dn} carries its anchor beside somebody else's mark: whether v1 joins it is not known.", dn=dn
            )
        seen = below or self.settings.sees(present.dn)
        if seen is None:
            return Standing.UNCLEAR, t(
                "This runbook wrote {dn}: v1 takes it over or makes a second one, depending on Connect's OU filter, "
                "which was not read.",
                dn=dn,
            )
        if seen:
            return Standing.ADOPTED, t(
                "This runbook wrote {dn}, and Connect sees it: v1 probably takes it over, and deletes it when it is "
                "switched off.",
                dn=dn,
            )
        return Standing.DOUBLED, t(
            "This runbook wrote {dn}, outside of Connect's OU filter: v1 makes a second group beside it.", dn=dn
        )

    def _address(self, group: CloudGroup, found: ConnectGroup) -> Iterator[Trouble]:
        address = found.attributes["mail"].value.strip().lower()
        index = self.inventory.index
        others = (
            [one for one in index.guids_by_address.get(address, ()) if one != found.present_guid] if address else []
        )
        if others:
            where = first_of([printable(index.by_guid[one].dn, limit=120) for one in others], 3, "; ")
            yield Trouble("address-taken", t("Its address {mail} is held by {where}.", mail=group.mail, where=where))


def _leftovers(inventory: Inventory, predicted: set[GroupId]) -> Iterator[Leftover]:
    reasons = {row.group_id: row.reason for row in inventory.rows}
    tenant = inventory.cloud.tenant.id
    found = [
        Leftover(
            group_id,
            one.dn,
            one.guid,
            t(
                "{reason} What v1 does with its object is not documented.",
                reason=reasons.get(group_id) or t("It is none of the tenant's Microsoft 365 groups."),
            ),
        )
        for group_id, claimants in inventory.index.groups_by_anchor.items()
        if group_id not in predicted
        for one in claimants
        if writer_of(one, group_id, tenant) is Writer.CONNECT
    ]
    yield from sorted(found, key=lambda one: one.dn.casefold())


@dataclass(frozen=True, slots=True)
class _InMode:
    """A group under one naming mode, for the search for collisions."""

    group: ConnectGroup
    mode: NamingMode

    @property
    def guid(self) -> str:
        # Whatever v1 does with an object of the group, that object is not another one that has its name.
        return "" if self.group.standing is Standing.DOUBLED else self.group.present_guid

    @property
    def cn(self) -> Predicted:
        return self.group.names[self.mode]

    @property
    def dn(self) -> Predicted:
        return dn_of(self.cn, self.group.container)

    @property
    def account_name(self) -> Predicted:
        return self.group.account_name


def _with_collisions(groups: Sequence[ConnectGroup], inventory: Inventory) -> tuple[ConnectGroup, ...]:
    """The same groups with what their names meet, in the naming mode that counts or in every one."""
    result = list(groups)
    modes = {group.naming for group in groups}
    for mode in NamingMode:
        if modes & {None, mode}:
            found = name_troubles([_InMode(group, mode) for group in result], inventory.index.guid_by_dn, {})
            for at, troubles in enumerate(found):
                known = {trouble.code for trouble in result[at].troubles}
                more = tuple(trouble for trouble in troubles if trouble.code not in known)
                if more:
                    result[at] = replace(result[at], troubles=(*result[at].troubles, *more))
    return tuple(result)

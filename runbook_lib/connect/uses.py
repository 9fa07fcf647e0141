"""What hangs on the AD groups that Connect deletes: groups they are in, access lists, Exchange, file shares. Pure.

A universal distribution group is in nobody's token, so an entry of an access list that names it grants nothing as long
as it stays one (Microsoft Learn, "Active Directory security groups"); it is shown all the same, because the entry is
left behind when the group goes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from runbook_lib.connect.share_permissions import SharePermissions
from runbook_lib.directory.access_entries import AccessEntry, AccessSearch
from runbook_lib.directory.references import LinkHolder, SchemaLinks
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import ObjectGuid
from runbook_lib.model.text import NOTHING, Text, counted, first_of, joined, t

OF_EXCHANGE: Mapping[str, Text] = {
    "authOrig": t("accepts mail from it"),
    "dLMemSubmitPerms": t("accepts mail from its members"),
    "unauthOrig": t("rejects mail from it"),
    "dLMemRejectPerms": t("rejects mail from its members"),
    "publicDelegates": t("lets it send on behalf"),
    "altRecipient": t("forwards its mail to it"),
    "msExchModeratedByLink": t("is moderated by it"),
    "msExchBypassModerationLink": t("lets it pass moderation"),
    "msExchBypassModerationFromDLMembersLink": t("lets its members pass moderation"),
    "msExchCoManagedByLink": t("is managed by it"),
}
"""SchemaLinks of Exchange's recipients, and what one that names a group means (names as in microsoft/CSS-Exchange)."""
_MEMBER, _MANAGED = "member", "managedBy"


class UseKind(Enum):
    """In what way something hangs on a group."""

    NESTED = "member-of"
    MAIL = "mail"
    MANAGES = "manages"
    NAMED = "named-by"
    ACCESS = "access-list"
    OWNS = "owns"
    SHARE = "file-share"


@dataclass(frozen=True, slots=True)
class Use:
    """Something that hangs on one group.

    Attributes:
        guid: Of the group.
        kind: In what way.
        holder: DN of the object, or path of the folder.
        what: What it is, as the end of a sentence that begins with the holder.
    """

    guid: ObjectGuid
    kind: UseKind
    holder: str
    what: Text


@dataclass(frozen=True, slots=True)
class Uses:
    """Everything that was found, what was looked at, and what nobody looked at.

    Attributes:
        all: By group and holder.
        looked_at: Where it was looked, in sentences.
        not_looked_at: Where not, and what would make it so.
    """

    all: tuple[Use, ...] = ()
    looked_at: tuple[Text, ...] = ()
    not_looked_at: tuple[Text, ...] = ()

    def of(self, guid: ObjectGuid) -> tuple[Use, ...]:
        """What hangs on one group."""
        return tuple(use for use in self.all if use.guid == guid)


def uses_of(
    groups: Sequence[DirectoryGroup],
    references: Mapping[ObjectGuid, Sequence[LinkHolder]],
    links: SchemaLinks,
    access: AccessSearch | None,
    shares: SharePermissions | None,
    netbios: str = "",
) -> Uses:
    """Bring together what was read of some groups.

    Args:
        groups: The groups that are to go.
        references: Who names them, by GUID.
        links: Of this forest's schema.
        access: What was found in access lists of named OUs; None: no OU was named.
        shares: What a file of permissions says; None: no file was named.
        netbios: NetBIOS name of the domain.
    """
    guids = {group.guid for group in groups}
    by_sid = {group.sid: group.guid for group in groups if group.sid}
    by_account = account_names(groups, netbios)
    found = [_use_of(guid, one) for guid in guids for one in references.get(guid, ())]
    found += [_access(by_sid[one.sid], one) for one in (access.entries if access else ()) if one.sid in by_sid]
    for entry in shares.entries if shares else ():
        guid = by_account.get(entry.account.casefold())
        if guid is not None:
            kind = (
                t("allows it {rights}", rights=entry.rights)
                if entry.allows
                else t("denies it {rights}", rights=entry.rights)
            )
            found.append(Use(guid, UseKind.SHARE, entry.path, kind))
    ordered = sorted(found, key=lambda use: (use.guid, use.kind.value, use.holder, use.what))
    return Uses(tuple(ordered), tuple(_looked_at(links, access, shares)), tuple(_not_looked_at(links, access, shares)))


def account_names(groups: Sequence[DirectoryGroup], netbios: str) -> dict[str, ObjectGuid]:
    """SID and ``DOMAIN\\name``, casefolded, by which a file of permissions may mean a group, to its GUID."""
    named = {group.sid.casefold(): group.guid for group in groups if group.sid}
    for group in groups:
        account = group.text("sAMAccountName")
        if account and netbios:
            named[f"{netbios}\\{account}".casefold()] = group.guid
    return named


def _use_of(guid: ObjectGuid, one: LinkHolder) -> Use:
    if one.attribute == _MEMBER:
        return Use(guid, UseKind.NESTED, one.dn, t("has it as a member"))
    if one.attribute == _MANAGED:
        return Use(guid, UseKind.MANAGES, one.dn, t("is managed by it (managedBy)"))
    if one.attribute in OF_EXCHANGE:
        meaning = OF_EXCHANGE[one.attribute]
        return Use(guid, UseKind.MAIL, one.dn, t("{meaning} ({attribute})", meaning=meaning, attribute=one.attribute))
    return Use(guid, UseKind.NAMED, one.dn, t("names it in {attribute}", attribute=one.attribute))


def _access(guid: ObjectGuid, entry: AccessEntry) -> Use:
    if entry.owner:
        return Use(guid, UseKind.OWNS, entry.dn, t("is owned by it"))
    mask = f"0x{entry.mask:08x}"
    what = t("allows it {mask}", mask=mask) if entry.allows else t("denies it {mask}", mask=mask)
    return Use(guid, UseKind.ACCESS, entry.dn, t("{what}, from above", what=what) if entry.inherited else what)


def _looked_at(links: SchemaLinks, access: AccessSearch | None, shares: SharePermissions | None) -> Iterator[Text]:
    mail = sorted(OF_EXCHANGE.keys() & set(links.forward.values()))
    yield t("Who names these groups, in every link of this forest's schema.")
    if mail:
        yield t("Exchange's among them: {links}.", links=", ".join(mail))
    if access is not None:
        yield t("The access lists of {objects} below the OUs in access_ous.", objects=counted(access.objects, "object"))
    if shares is not None:
        yield t("The file share_permissions with {rows}.", rows=counted(shares.rows, "row"))


def _not_looked_at(links: SchemaLinks, access: AccessSearch | None, shares: SharePermissions | None) -> Iterator[Text]:
    yield t("Objects of other domains of the forest: this controller does not show whether they name these groups.")
    one_way = sorted(OF_EXCHANGE.keys() & links.one_way)
    if one_way:
        yield t("{links}: this schema has no back link for it, and no search is made.", links=", ".join(one_way))
    if access is None:
        yield t("Access lists in AD: access_ous names no OU.")
    elif access.unreadable:
        yield t(
            "The access lists of {objects}: this account may not read them.",
            objects=counted(access.unreadable, "object"),
        )
    if shares is None:
        yield t("File shares: share_permissions names no file.")
    yield t("Everything outside AD that knows a group by name, SID or address: applications, mail rules, documents.")


_NAMES: Mapping[UseKind, Text] = {
    UseKind.NESTED: t("Groups that they are in"),
    UseKind.MAIL: t("Exchange"),
    UseKind.MANAGES: t("Objects that they manage"),
    UseKind.NAMED: t("Other links"),
    UseKind.ACCESS: t("Access lists in AD"),
    UseKind.OWNS: t("Objects that they own"),
    UseKind.SHARE: t("File shares"),
}


def use_findings(
    uses: Uses, groups: Collection[DirectoryGroup], unsure: Collection[ObjectGuid] = frozenset()
) -> Iterator[Finding]:
    """What a reader has to know before the groups go: what hangs on them, and where nobody looked.

    Args:
        uses: What was found.
        groups: The groups that go or may go.
        unsure: Of these, the ones that may stay, such as groups that the route direct wrote to the same OU.
    """
    counts = Counter(use.kind for use in uses.all)
    concerned: defaultdict[UseKind, set[ObjectGuid]] = defaultdict(set)
    for use in uses.all:
        concerned[use.kind].add(use.guid)
    for kind, number in sorted(counts.items(), key=lambda pair: pair[0].value):
        holders = sorted({use.holder for use in uses.all if use.kind is kind})
        yield Finding(
            id=f"hangs-on-groups:{kind.value}",
            severity=Severity.BLOCKING,
            seen=t(
                "{what}: {uses} of {groups}. {holders}",
                what=_NAMES[kind],
                uses=counted(number, "use"),
                groups=_going(len(concerned[kind].difference(unsure)), len(concerned[kind].intersection(unsure))),
                holders=first_of(holders, 5, "; "),
            ),
            expected=t("Nothing hangs on a group that is deleted."),
            why=t("A group that comes back from the Recycle Bin has its SID; one that is made anew has another one."),
            to_do=t("Look at uses.csv, tell their owners, and acknowledge this finding where it is accepted."),
            values={
                "kind": kind.value,
                "uses": number,
                "groups": len(concerned[kind]),
                "unsure": len(concerned[kind].intersection(unsure)),
            },
            acknowledgeable=True,
        )
    yield Finding(
        id="hangs-on-groups-not-looked-at",
        severity=Severity.INFO,
        seen=joined((t("Looked at:"), *uses.looked_at, t("Not looked at:"), *uses.not_looked_at)),
        values={"groups": len(groups), "uses": len(uses.all)},
        to_do=NOTHING,
    )


def _going(sure: int, unsure: int) -> Text:
    will = t("{groups} that will be deleted", groups=counted(sure, "group"))
    may = t("{groups} that may be deleted", groups=counted(unsure, "group"))
    return joined([one for one, number in ((will, sure), (may, unsure)) if number], t(" and "))

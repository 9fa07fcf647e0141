"""Everything that a plan needs to know of the domain, in one pass of paged searches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from runbook_lib.bulk import many_values
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import read_deleted
from runbook_lib.directory.errors import ObjectMissing
from runbook_lib.directory.rights.account import read_enforcement
from runbook_lib.directory.schema import allowed_attributes
from runbook_lib.directory.search import Entry, Filter, all_of, any_of, equals, not_, present, starts_with
from runbook_lib.directory.sign_in.connect import committed_usn
from runbook_lib.directory.two_ous import critical_names, read_container
from runbook_lib.model.directory import (
    GROUP_ATTRIBUTES,
    Container,
    DirectoryGroup,
    DirectoryObject,
    DirectorySnapshot,
)
from runbook_lib.model.dn import normalize_dn
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE
from runbook_lib.model.reading import Reading
from runbook_lib.model.text import NOTHING, Progress, Text, counted, t
from runbook_lib.model.untrusted import printable

_T = TypeVar("_T")
OBJECT_ATTRIBUTES = (
    "objectGUID",
    "objectSid",
    "objectClass",
    "sAMAccountName",
    "userPrincipalName",
    "displayName",
    "mail",
    "proxyAddresses",
    "targetAddress",
    "showInAddressBook",
    "mS-DS-ConsistencyGuid",
    EXTERNAL_ID_ATTRIBUTE,
)
"""What is asked of every object of a reading."""
_GROUP = equals("objectClass", "group")
_OTHER_CLASSES = ("user", "contact", "foreignSecurityPrincipal")
"""Classes of what is read besides groups; the last one is how a member from another forest stands in this one."""
_MAIL_NAMES = ("mail", "proxyAddresses")
_OTHERS = all_of(
    not_(_GROUP),
    any_of(*(equals("objectClass", name) for name in _OTHER_CLASSES), *map(present, _MAIL_NAMES)),
)
_HAS_ANCHOR = any_of(starts_with(ANCHOR_ATTRIBUTE, "Group_"), starts_with(EXTERNAL_ID_ATTRIBUTE, "Group_"))
_ANCHORED = all_of(_GROUP, _HAS_ANCHOR)


@many_values()
def read_directory(
    directory: Directory,
    target_ou: str,
    retired_ou: str,
    *,
    clock: Callable[[], datetime],
    progress: Progress | None = None,
) -> DirectorySnapshot:
    """Read the domain of ``directory``.

    Members are read for groups below the target or retired OU and for groups with an anchor, all of them; for other
    groups ``members`` is None.

    Raises:
        UsageError: ``malformed-dn``: one of the OUs is no DN.
        RunbookError: Any failed search: an unfinished answer is never a snapshot.
    """
    return _Reader(directory, clock, progress or (lambda _what, _done, _total: None)).snapshot(target_ou, retired_ou)


class _Reader:
    """One pass over one domain; collects the sentences that prove it."""

    def __init__(self, directory: Directory, clock: Callable[[], datetime], progress: Progress) -> None:
        self.directory = directory
        self.clock = clock
        self.progress = progress
        self.proof: list[Text] = []
        self.gaps: list[Text] = []
        self.complete = True

    def snapshot(self, target_ou: str, retired_ou: str) -> DirectorySnapshot:
        directory = self.directory
        at, requests, renewed = self.clock(), directory.requests, directory.renewed
        directory.references.clear()
        usn = committed_usn(directory)
        critical = critical_names(directory)
        target = read_container(directory, target_ou, parameter="target_ou", critical=critical)
        retired = read_container(directory, retired_ou, parameter="retired_ou", critical=critical)
        carried = allowed_attributes(directory, "group", GROUP_ATTRIBUTES)
        self.proof.append(
            t(
                "schema: a group may carry {carried} of {asked} attributes asked for",
                carried=len(carried),
                asked=len(GROUP_ATTRIBUTES),
            )
        )
        base = directory.controller.default_naming_context
        others = self._read(t("users, contacts and other objects"), base, _OTHERS, directory_object_of)
        groups, group_objects = self._groups(base, sorted(carried), (target, retired))
        deleted, gap = read_deleted(directory, [c.dn for c in (target, retired) if c.exists])
        self.proof.append(
            t(
                "{objects} deleted groups with an anchor or from one of the two OUs",
                objects=len(deleted.objects),
            )
        )
        if gap:
            self.proof.pop()
            self.gaps.append(gap)
        enforcement = read_enforcement(directory)
        self._compare_usn(usn)
        self._describe_reading(renewed)
        dc = directory.controller
        return DirectorySnapshot(
            controller=dc,
            objects=(*others, *group_objects),
            groups=groups,
            target=target,
            retired=retired,
            group_attributes=carried,
            deleted=deleted,
            enforcement=enforcement,
            reading=Reading(
                source=f"{dc.dns_host_name or dc.host}, domain {dc.domain_dns_name}",
                at=at,
                complete=self.complete,
                proof=tuple(self.proof),
                gaps=tuple(self.gaps),
                seconds=(self.clock() - at).total_seconds(),
                requests=directory.requests - requests,
            ),
        )

    def _groups(
        self, base: str, carried: list[str], containers: tuple[Container, ...]
    ) -> tuple[tuple[DirectoryGroup, ...], list[DirectoryObject]]:
        # What a DirectoryObject needs is part of it, so a group is read once for both.
        asked = dict.fromkeys((*OBJECT_ATTRIBUTES, *carried, "memberOf"))
        entries = self._read(t("groups"), base, _GROUP, _itself, tuple(asked))
        entries, members = self._members(base, containers, entries, tuple(asked))
        names = names_of_attributes(carried)
        groups = tuple(directory_group_of(entry, names, members.get(entry.guid)) for entry in entries)
        return groups, [directory_object_of(entry) for entry in entries]

    def _members(
        self, base: str, containers: tuple[Container, ...], entries: list[Entry], asked: tuple[str, ...]
    ) -> tuple[list[Entry], dict[str, tuple[str, ...]]]:
        """The groups that are still there, and by GUID the members of those whose members matter."""
        found: dict[str, tuple[str, ...]] = {}
        below = [c.dn for c in containers if c.exists]
        searches = [(t("groups with an anchor"), base, _ANCHORED)]
        # Without those of the first search: a target OU is full of them.
        searches += [
            (t("groups without an anchor below {dn}", dn=dn), dn, all_of(_GROUP, not_(_HAS_ANCHOR))) for dn in below
        ]
        for what, where, wanted in searches:
            found.update(
                self._read(t("{what}, members read", what=what), where, wanted, _members, ("objectGUID", "member"))
            )
        values = sum(map(len, found.values()))
        self.proof.append(
            t(
                "{found:,} groups with {values:,} member values, ranges read to their ends",
                found=len(found),
                values=values,
            )
        )
        ends = tuple(f",{normalize_dn(dn)}" for dn in below)

        def concerned(entry: Entry) -> bool:
            return has_anchor(entry) or normalize_dn(entry.dn).endswith(ends)

        expected = {entry.guid for entry in filter(concerned, entries)}
        unlike = sorted(expected ^ found.keys())
        now = {guid: self.directory.read(guid, (*asked, "member")) for guid in unlike}
        kept = [entry for entry in entries if entry.guid not in now]
        for guid, entry in now.items():
            found.pop(guid, None)
            if entry is not None:
                kept.append(entry)
                if concerned(entry):
                    found[guid] = tuple(sorted(entry.texts("member")))
        if now:
            gone = sum(entry is None for entry in now.values())
            self.proof.append(
                t(
                    "{groups} appeared, moved or went away while the directory was read: looked up by GUID, "
                    "{gone} of them gone and no part of this reading",
                    groups=counted(len(now), "group"),
                    gone=gone,
                )
            )
        return kept, found

    def _read(
        self,
        what: Text,
        base: str,
        wanted: Filter,
        convert: Callable[[Entry], _T],
        attributes: tuple[str, ...] = OBJECT_ATTRIBUTES,
    ) -> list[_T]:
        directory = self.directory
        pages, restarts = directory.pages, directory.restarts
        found: list[_T] = []
        try:
            found = directory.collect(
                base, wanted, attributes, convert, progress=lambda count: self.progress(what, count, None)
            )
        except ObjectMissing:
            # The OU was there a moment ago; whatever was below it is elsewhere now.
            self.complete = False
            self.gaps.append(t("{base} disappeared while the directory was read; read again", base=base))
        self.progress(what, len(found), len(found))
        pages, restarts = directory.pages - pages, directory.restarts - restarts
        again = t(", read again from the first page ({times} interrupted)", times=restarts) if restarts else NOTHING
        self.proof.append(
            t(
                "{found:,} {what} on {pages}, the last without cookie{again}",
                found=len(found),
                what=what,
                pages=counted(pages, "page"),
                again=again,
            )
        )
        return found

    def _describe_reading(self, renewed: int) -> None:
        """What was unusual about the way here."""
        directory = self.directory
        if times := directory.renewed - renewed:
            self.proof.append(
                t(
                    "the connection was lost and opened again {times}, to the same domain "
                    "controller each time (invocation id {invocation_id})",
                    times=counted(times, "time"),
                    invocation_id=directory.controller.invocation_id,
                )
            )
        if directory.references:
            self.proof.append(
                t(
                    "references to {references} other naming contexts not followed: {contexts}",
                    references=len(directory.references),
                    contexts=", ".join(sorted(map(printable, directory.references))),
                )
            )

    def _compare_usn(self, before: int) -> None:
        after = committed_usn(self.directory)
        moved = t("nothing was written meanwhile") if after == before else t("writes went on meanwhile, of any kind")
        self.proof.append(
            t(
                "highestCommittedUSN {before:,} before and {after:,} after: {moved}",
                before=before,
                after=after,
                moved=moved,
            )
        )


def is_group(entry: Entry) -> bool:
    """Whether an object is one of the groups of a reading; its classes must have been asked for."""
    return "group" in {name.casefold() for name in entry.texts("objectClass")}


def is_read_besides(entry: Entry) -> bool:
    """Whether an object that is no group is part of a reading: the filter of the search, for an object as it is now."""
    classes = {name.casefold() for name in entry.texts("objectClass")}
    return bool(classes & {name.casefold() for name in _OTHER_CLASSES}) or any(map(entry.raw, _MAIL_NAMES))


def names_of_attributes(carried: Iterable[str]) -> list[tuple[str, str]]:
    """Attributes of a group that the schema has: as ``GROUP_ATTRIBUTES`` spells them, and in lower case."""
    there = frozenset(carried)
    return [(name, name.lower()) for name in GROUP_ATTRIBUTES if name in there]


def has_anchor(entry: Entry) -> bool:
    """Whether an object carries an anchor of a cloud group, well-formed or not."""
    anchors = (*entry.texts(ANCHOR_ATTRIBUTE), *entry.texts(EXTERNAL_ID_ATTRIBUTE))
    return any(value.lower().startswith("group_") for value in anchors)


def _itself(entry: Entry) -> Entry:
    return entry


def _members(entry: Entry) -> tuple[str, tuple[str, ...]]:
    return entry.guid, tuple(sorted(entry.texts("member")))


def directory_object_of(entry: Entry) -> DirectoryObject:
    """An object of a reading; ``OBJECT_ATTRIBUTES`` must have been asked for."""
    classes = entry.texts("objectClass")
    return DirectoryObject(
        guid=entry.guid,
        dn=entry.dn,
        # AD lists the classes from top down to the most specific one (MS-ADTS 3.1.1.2.4.3).
        object_class=classes[-1] if classes else "",
        sid=entry.sid,
        sam_account_name=entry.text("sAMAccountName"),
        user_principal_name=entry.text("userPrincipalName"),
        display_name=entry.text("displayName"),
        mail=entry.text("mail"),
        proxy_addresses=entry.texts("proxyAddresses"),
        consistency_guid=entry.guid_of("mS-DS-ConsistencyGuid"),
        external_id=entry.text(EXTERNAL_ID_ATTRIBUTE),
        target_address=entry.text("targetAddress"),
        in_address_book=bool(entry.raw("showInAddressBook")),
    )


def directory_group_of(entry: Entry, names: list[tuple[str, str]], members: tuple[str, ...] | None) -> DirectoryGroup:
    """A group of a reading, with the attributes of ``names_of_attributes``; ``members`` where they are part of it."""
    present_names = entry.attributes
    return DirectoryGroup(
        guid=entry.guid,
        dn=entry.dn,
        sid=entry.sid,
        attributes={name: entry.texts(name) for name, lowered in names if lowered in present_names},
        members=members,
        member_of=entry.texts("memberOf"),
    )

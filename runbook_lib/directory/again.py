"""Reads a domain again by what changed: the same controller's uSNChanged says what to read, never what is there.

Sources: [MS-ADTS] 3.1.1.1.9 (uSNChanged is this controller's own number of the last change of an object), 3.1.1.3.2
(highestCommittedUSN), 3.1.1.5.5 (what a deletion leaves). Three things change what a reading shows and leave the
uSNChanged of an object as it was: the names of what it refers to, links that go with what was deleted, and what happens
above it. So groups that refer to anything that moved, went or came back are read again by GUID, and a container above
anything that was read must not have changed at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from runbook_lib.bulk import many_values
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import deleted_container, may_list_deleted, read_deleted
from runbook_lib.directory.errors import ObjectMissing, RightsMissing
from runbook_lib.directory.merged import MergedDomain
from runbook_lib.directory.rights.account import read_enforcement
from runbook_lib.directory.schema import allowed_attributes
from runbook_lib.directory.search import Filter, all_of, any_of, at_least, equals
from runbook_lib.directory.sign_in.connect import committed_usn
from runbook_lib.directory.snapshot import (
    OBJECT_ATTRIBUTES,
    names_of_attributes,
    read_directory,
)
from runbook_lib.directory.two_ous import critical_names, read_container
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import (
    GROUP_ATTRIBUTES,
    ControllerIdentity,
    DirectoryObject,
    DirectorySnapshot,
)
from runbook_lib.model.dn import normalize_dn, parent_of
from runbook_lib.model.ids import ObjectGuid
from runbook_lib.model.moment import iso_exact
from runbook_lib.model.reading import Reading
from runbook_lib.model.text import Progress, Text, counted, t

_MOST_READINGS = 10
"""Times that what changed is read before everything is."""
_OLDEST = timedelta(hours=24)
"""So long after everything was read, it is again."""
_FEW = 500
"""Objects that may have changed in any domain."""
_SHARE = 10
"""Of so many objects, one may have changed; where more did, everything is read."""
_MOST_SINGLY = 200
"""Groups that are read again by GUID, a request each."""
_PARENTS = ("container", "organizationalUnit", "builtinDomain", "lostAndFound", "msExchSystemObjectsContainer")
"""Classes of containers that users, groups and contacts stand in."""


class InDoubt(Exception):  # noqa: N818 - never leaves the module: a whole reading follows
    """What is kept does not serve; ``why`` is a clause without a full stop."""

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class _KeptDomain:
    """A complete reading for the next one to go on from.

    Attributes:
        usn: highestCommittedUSN before it began.
        asked: The two OUs as the parameters name them.
        who: Whose connection it was, with which groups, and what the domain's own access list was, as a digest.
        whole_at: When everything was read, UTC.
        whole_proof: What proved that reading.
        readings: How many by what changed followed.
    """

    snapshot: DirectorySnapshot
    usn: int
    asked: tuple[str, str]
    who: str
    whole_at: datetime
    whole_proof: tuple[Text, ...]
    readings: int = 0


class DomainReader:
    """Reads one domain, again and again; what it read last is kept in memory.

    Args:
        clock: Now, UTC.
        keep: Whether a later reading may go on from an earlier one.
    """

    def __init__(self, clock: Callable[[], datetime], *, keep: bool) -> None:
        self._clock = clock
        self._keep = keep
        self._kept: _KeptDomain | None = None

    def read(
        self, directory: Directory, target_ou: str, retired_ou: str, *, progress: Progress | None = None
    ) -> DirectorySnapshot:
        """The domain as it is now: what changed is read where that is sure to be right, else everything.

        Raises:
            UsageError, RunbookError: As ``read_directory``.
        """
        if not self._keep:
            return read_directory(directory, target_ou, retired_ou, clock=self._clock, progress=progress)
        kept, self._kept = self._kept, None
        asked, usn, who = (target_ou, retired_ou), committed_usn(directory), _who(directory)
        told: tuple[Text, ...] = ()
        if kept is not None:
            try:
                _require_same(kept, directory, asked, usn, who, self._clock())
                snapshot = _changed(directory, kept, usn, self._clock)
            except InDoubt as doubt:
                told = (t("Read as a whole: {why}", why=doubt.why),)
            except (ObjectMissing, RightsMissing) as error:
                told = (t("Read as a whole: {why}", why=t("what changed could not be read ({code})", code=error.code)),)
            else:
                self._kept = replace(kept, snapshot=snapshot, usn=usn, readings=kept.readings + 1)
                return snapshot
        snapshot = read_directory(directory, target_ou, retired_ou, clock=self._clock, progress=progress)
        if snapshot.reading.complete:
            self._kept = _KeptDomain(snapshot, usn, asked, who, snapshot.reading.at, snapshot.reading.proof)
        return replace(snapshot, reading=replace(snapshot.reading, proof=(*snapshot.reading.proof, *told)))


def _who(directory: Directory) -> str:
    """Whom the controller takes this connection for, and who may see what at the top of the domain, as a digest."""
    root = directory.read_dn("", ("tokenGroups",))
    head = directory.read_dn(directory.controller.default_naming_context, ("nTSecurityDescriptor",))
    told = hashlib.sha256(directory.who_am_i().encode())
    groups = sorted(root.raw("tokenGroups")) if root else []
    for value in (*groups, *(head.raw("nTSecurityDescriptor") if head else ())):
        told.update(len(value).to_bytes(8, "big") + value)
    return told.hexdigest()


def _require_same(
    kept: _KeptDomain, directory: Directory, asked: tuple[str, str], usn: int, who: str, now: datetime
) -> None:
    """Insist on what a kept reading depends on.

    Raises:
        InDoubt: Something is otherwise than then.
    """
    before: ControllerIdentity = kept.snapshot.controller.identity
    here = directory.controller.identity
    if (here.ds_service_name, here.invocation_id) != (before.ds_service_name, before.invocation_id):
        raise InDoubt(t("another domain controller, or one that was restored, answers"))
    if usn < kept.usn:
        raise InDoubt(t("highestCommittedUSN went back from {before:,} to {now:,}", before=kept.usn, now=usn))
    if directory.controller.other_domains:
        raise InDoubt(t("the forest has other domains, whose objects change without a number of this controller"))
    if asked != kept.asked or who != kept.who:
        raise InDoubt(t("another account, other groups of it, other rights or other OUs than then"))
    if kept.readings >= _MOST_READINGS or not timedelta() <= now - kept.whole_at <= _OLDEST:
        raise InDoubt(t("everything is read every so often"))
    if may_list_deleted(directory) is not Switch.ON:
        raise InDoubt(t("this account is not seen to list deleted objects"))


@many_values()
def _changed(directory: Directory, kept: _KeptDomain, usn: int, clock: Callable[[], datetime]) -> DirectorySnapshot:
    """The domain now, from what was and what changed.

    Raises:
        InDoubt: Something is not sure to be right.
        RunbookError: A search failed.
    """
    at, requests, renewed = clock(), directory.requests, directory.renewed
    was, base, since = kept.snapshot, directory.controller.default_naming_context, at_least("uSNChanged", kept.usn + 1)
    critical = critical_names(directory)
    target = read_container(directory, kept.asked[0], parameter="target_ou", critical=critical)
    retired = read_container(directory, kept.asked[1], parameter="retired_ou", critical=critical)
    carried = allowed_attributes(directory, "group", GROUP_ATTRIBUTES)
    if (target, retired, carried) != (was.target, was.retired, was.group_attributes):
        raise InDoubt(t("one of the two OUs, or the schema, changed"))
    attributes = tuple(dict.fromkeys((*OBJECT_ATTRIBUTES, *sorted(carried), "memberOf", "member", "uSNCreated")))
    changed = directory.collect(base, since, attributes, lambda entry: entry)
    if len(changed) > max(_FEW, len(was.objects) // _SHARE):
        raise InDoubt(t("{objects} changed since", objects=counted(len(changed), "object")))
    gone = _gone(directory, since)
    _require_still_above(directory, was.objects, kept.usn, frozenset(entry.guid for entry in changed))
    _require_no_change_of_address_lists(directory, since)
    merged = MergedDomain(was, [c.dn for c in (target, retired) if c.exists], names_of_attributes(carried), kept.usn)
    merged.remove(gone)
    for entry in changed:
        merged.take(entry)
    again = merged.to_read_again()
    if len(again) > _MOST_SINGLY:
        raise InDoubt(t("{groups} refer to what changed", groups=counted(len(again), "group")))
    for guid in sorted(again):
        found = directory.read(guid, attributes)
        if found is None or found.dn != merged.objects[guid].dn:
            raise InDoubt(t("a group moved or went away while the directory was read"))
        merged.put(found)
    deleted, gap = read_deleted(directory, [c.dn for c in (target, retired) if c.exists])
    if directory.renewed != renewed:
        raise InDoubt(t("the connection was lost meanwhile"))
    proof = (
        t("Everything was read at {at}: {proof}", at=iso_exact(kept.whole_at), proof="; ".join(kept.whole_proof)),
        t(
            "{changed} with uSNChanged above {usn:,}, {gone} deleted; {groups} that refer to what changed read again "
            "by GUID (the same controller, invocation id {invocation_id})",
            changed=counted(len(changed), "object"),
            usn=kept.usn,
            gone=len(gone),
            groups=counted(len(again), "group"),
            invocation_id=directory.controller.invocation_id,
        ),
        t("highestCommittedUSN {before:,} before and {after:,} after", before=usn, after=committed_usn(directory)),
    )
    return replace(
        was,
        controller=directory.controller,
        objects=tuple(merged.objects.values()),
        groups=tuple(merged.groups.values()),
        deleted=deleted,
        enforcement=read_enforcement(directory),
        reading=Reading(
            source=was.reading.source,
            at=at,
            complete=True,
            proof=proof,
            gaps=(gap,) if gap else (),
            seconds=(clock() - at).total_seconds(),
            requests=directory.requests - requests,
        ),
    )


def _gone(directory: Directory, since: Filter) -> frozenset[ObjectGuid]:
    """GUIDs of what was deleted."""
    deleted = all_of(equals("isDeleted", "TRUE"), since)
    where = deleted_container(directory)
    return frozenset(directory.collect(where, deleted, ("objectGUID",), lambda entry: entry.guid, show_deleted=True))


def _require_still_above(
    directory: Directory, objects: Sequence[DirectoryObject], usn: int, changed: frozenset[ObjectGuid]
) -> None:
    """Insist that whatever stands above an object is there under the same name, and did not change.

    A container that was renamed, moved, or given other rights leaves the uSNChanged of what is below it as it was.

    Raises:
        InDoubt: It did, or it is not known.
    """
    top = normalize_dn(directory.controller.default_naming_context)
    above = _above(objects)
    wanted = any_of(*(equals("objectClass", name) for name in _PARENTS))
    found: Mapping[str, int] = dict(
        directory.collect(
            directory.controller.default_naming_context,
            wanted,
            ("uSNChanged",),
            lambda entry: (normalize_dn(entry.dn), entry.integer("uSNChanged") or usn + 1),
        )
    )
    own = {normalize_dn(one.dn): one.guid for one in objects if one.dn in above}
    for spelled in above:
        dn = normalize_dn(spelled)
        if dn == top or found.get(dn, usn + 1) <= usn or own.get(dn, "") not in {"", *changed}:
            continue
        raise InDoubt(t("{dn}, above what was read, changed or is not known", dn=spelled))


def _above(objects: Sequence[DirectoryObject]) -> set[str]:
    """DNs of everything above these objects, within the domain."""
    above: set[str] = set()
    for one in objects:
        dn = parent_of(one.dn)
        while dn and dn not in above and dn[:3].casefold() != "dc=":
            above.add(dn)
            dn = parent_of(dn)
    return above


def _require_no_change_of_address_lists(directory: Directory, since: Filter) -> None:
    """Insist that no address list changed or went: showInAddressBook names them, in another naming context.

    Raises:
        InDoubt: One did.
    """
    where = directory.controller.configuration_naming_context
    wanted = all_of(any_of(equals("objectClass", "addressBookContainer"), equals("isDeleted", "TRUE")), since)
    if directory.collect(where, wanted, ("objectGUID",), lambda entry: entry.guid, show_deleted=True):
        raise InDoubt(t("address lists, or something else in the configuration, changed"))

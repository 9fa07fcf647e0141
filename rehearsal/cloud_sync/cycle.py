"""One run of a job: what changed in the cloud since the last one is written to AD.

Only changes are sent, so what somebody edits by hand in AD stays until that very value changes in the cloud. A group
that leaves the scope keeps its AD object; Microsoft's page does not say what becomes of it ("review the provisioning
logs"). One that is deleted for good loses it, unless so many are that the job stops instead.

Sources: Microsoft Entra documentation, "How provisioning to Active Directory works", "Cloud Sync accidental deletes".
What happens to members that Cloud Sync did not write, in a group that it takes over, is not documented: they stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rehearsal.cloud.on_demand import OUT_OF_SCOPE, Result
from rehearsal.cloud_sync.target import NO_SUCH_OBJECT, UNIVERSAL, Entry, Target, TargetError, same_place
from rehearsal.cloud_sync.tenant import Sent, Tenant
from rehearsal.cloud_sync.wanted import MappingError, Wanted, anchor_of, wanted_of
from runbook_lib.model.dn import parent_of

AD_ERROR = "HybridSynchronizationActiveDirectoryInternalServerError"
"""The documented code of what AD refuses or does not answer."""
TOO_MANY_DELETES, EXCEPTION = "TooManyDeletes", "EncounteredQuarantineException"
"""Reasons of a quarantine; which one a missing agent has was not seen."""


@dataclass(frozen=True)
class Run:
    """What a run did.

    Attributes:
        results: One for each group that something was done with, or could not be done.
        sent: By group, what was sent of it so far; None for one that is no longer followed.
        entitled: Groups in scope.
        error: Code and sentence of what kept the run from anything; None for nothing.
        quarantine: Reason, where the run put the job into quarantine.
    """

    results: tuple[Result, ...] = ()
    sent: Mapping[str, Sent | None] = field(default_factory=dict)
    entitled: int = 0
    error: tuple[str, str] | None = None
    quarantine: str = ""


def run(tenant: Tenant, target: Target) -> Run:
    """Write what changed; ``target`` is asked for nothing where nothing did."""
    scope = {key for key, group in tenant.groups.items() if tenant.scope.takes(group)}
    gone = sorted(tenant.sent.keys() - tenant.groups.keys() - tenant.deleted)
    forced = "ForceDeletes" in tenant.restarted
    if tenant.threshold is not None and len(gone) >= tenant.threshold and not forced:
        message = f"{len(gone)} deletions reach the threshold of {tenant.threshold}."
        return Run(entitled=len(scope), error=(TOO_MANY_DELETES, message), quarantine=TOO_MANY_DELETES)
    writer = _Writer(tenant, target)
    for key in sorted(tenant.sent.keys() - scope - set(gone)):
        writer.leave(key)
    wanted = []
    for key in sorted(scope):
        try:
            wanted.append(wanted_of(tenant, tenant.groups[key]))
        except MappingError as error:
            writer.fail(key, "other", "AttributeMappingFailed", str(error))
    for one in wanted:
        writer.write(one)
    for one in wanted:
        writer.write_members(one, one.references)
    for key in gone:
        writer.delete(key)
    return Run(tuple(writer.results.values()), writer.sent, len(scope))


def on_demand(tenant: Tenant, target: Target, group_id: str, members: Sequence[str]) -> Run:
    """Write one group now, with at most the named members; unlike a run it compares with what AD holds."""
    group = tenant.groups[group_id]
    if not tenant.scope.takes(group):
        text = "The group is not in scope."
        name = str(group.get("displayName"))
        return Run((Result(group_id, name, "other", "skipped", code=OUT_OF_SCOPE, reason=text),))
    writer = _Writer(tenant, target, compares=True)
    try:
        wanted = wanted_of(tenant, group)
    except MappingError as error:
        writer.fail(group_id, "other", "AttributeMappingFailed", str(error))
    else:
        writer.write(wanted)
        writer.write_members(wanted, [one for one in wanted.references if one in members])
    if group_id not in writer.results:
        text = "The state of the group in both the source and target systems already match."
        sent = writer.sent.get(group_id) or tenant.sent[group_id]
        writer.results[group_id] = Result(
            group_id, wanted.name, "other", "skipped", sent.guid, code="RedundantExport", reason=text
        )
    return Run(tuple(writer.results.values()), writer.sent, 1)


class _Writer:
    """Writes group after group and keeps what became of each."""

    def __init__(self, tenant: Tenant, target: Target, *, compares: bool = False) -> None:
        self._tenant = tenant
        self._target = target
        self._compares = compares
        self._anchored: dict[str, list[Entry]] | None = None
        self.results: dict[str, Result] = {}
        self.sent: dict[str, Sent | None] = {}

    # What becomes of a group

    def leave(self, group_id: str) -> None:
        """A group that is no longer in scope: its AD object stays as it is, and is not followed any more."""
        self.sent[group_id] = None
        name = str(self._tenant.groups.get(group_id, {}).get("displayName") or "")
        guid = self._tenant.sent[group_id].guid
        text = "The group is not in scope any more."
        self.results[group_id] = Result(group_id, name, "other", "skipped", guid, code=OUT_OF_SCOPE, reason=text)

    def fail(self, group_id: str, action: str, code: str, reason: str, guid: str = "") -> None:
        """A group that could not be written; the next run tries again."""
        group = self._tenant.groups.get(group_id, {})
        name = str(group.get("displayName") or "")
        self.results[group_id] = Result(group_id, name, action, "failure", guid, code=code, reason=reason)

    def delete(self, group_id: str) -> None:
        """A group that is gone for good."""
        sent = self._tenant.sent[group_id]
        try:
            self._target.delete(sent.guid)
        except TargetError as error:
            if error.code != NO_SUCH_OBJECT:
                self._refused(group_id, "delete", error, sent.guid)
                return
        self.sent[group_id] = None
        self.results[group_id] = Result(group_id, sent.cn, "delete", guid=sent.guid)

    def write(self, wanted: Wanted) -> None:
        """Name, place and values of a group; members are written when every group has its object."""
        sent = None if self._tenant.begins_anew or self._compares else self._tenant.sent.get(wanted.group_id)
        try:
            try:
                self._write(wanted, sent)
            except TargetError as error:
                if error.code != NO_SUCH_OBJECT or sent is None:
                    raise
                # Somebody deleted the AD object, and now the group has changed: it is looked for and made anew.
                self._write(wanted, None)
        except TargetError as error:
            self._refused(wanted.group_id, "update" if sent else "create", error, sent.guid if sent else "")

    def _write(self, wanted: Wanted, sent: Sent | None) -> None:
        if sent is None:
            found = self._matched(wanted)
            if len(found) > 1:
                message = f"{len(found)} objects of AD carry the anchor or the SID of the group."
                self.fail(wanted.group_id, "other", "DuplicateTargetEntries", message)
                return
            if not found:
                self._create(wanted)
                return
            if not found[0].group_type & UNIVERSAL:
                message = f"{found[0].dn} is no universal group."
                self.fail(wanted.group_id, "update", AD_ERROR, message, found[0].guid)
                return
            sent = self._present(found[0], wanted)
        self._update(wanted, sent)

    def _matched(self, wanted: Wanted) -> list[Entry]:
        """The AD objects of a group: by its anchor, or by the SID that it brought along from AD."""
        found = {entry.guid: entry for entry in self._anchors().get(anchor_of(wanted.group_id).casefold(), [])}
        group = self._tenant.groups[wanted.group_id]
        if self._tenant.is_converted(group):
            own = self._target.by_sid(str(group["onPremisesSecurityIdentifier"]))
            found |= {own.guid: own} if own is not None else {}
        return list(found.values())

    def _present(self, entry: Entry, wanted: Wanted) -> Sent:
        """What AD holds, in the place of what was sent: so everything that differs is sent."""
        held = self._target.values(entry.guid, ["cn", "distinguishedName", *wanted.values])
        folded = {name.casefold(): value for name, value in held.items()}
        values = {name: folded.get(name.casefold()) for name in wanted.values}
        before = self._tenant.sent.get(wanted.group_id)
        members = before.members if before is not None else {}
        return Sent(entry.guid, folded["cn"], parent_of(folded["distinguishedname"]), values, members)

    def _create(self, wanted: Wanted) -> None:
        values = {name: value for name, value in wanted.values.items() if value is not None}
        made = self._target.create(wanted.cn, wanted.container, values)
        self.sent[wanted.group_id] = Sent(made.guid, wanted.cn, wanted.container, dict(wanted.values))
        self._anchors().setdefault(anchor_of(wanted.group_id).casefold(), []).append(made)
        changed = tuple((name, None, value) for name, value in {"cn": wanted.cn, **values}.items())
        self.results[wanted.group_id] = Result(wanted.group_id, wanted.name, "create", guid=made.guid, changed=changed)

    def _update(self, wanted: Wanted, sent: Sent) -> None:
        different = {
            name: value
            for name, value in wanted.values.items()
            if sent.values.get(name) != value and name not in wanted.once
        }
        changed = [(name, sent.values.get(name), value) for name, value in different.items()]
        if different:
            self._target.modify(sent.guid, different)
        elsewhere = not same_place(sent.container, wanted.container)
        if elsewhere or sent.cn != wanted.cn:
            self._target.move(sent.guid, wanted.cn, wanted.container)
            changed += [("cn", sent.cn, wanted.cn)] if sent.cn != wanted.cn else []
            changed += [("parentDistinguishedName", sent.container, wanted.container)] if elsewhere else []
        values = {**sent.values, **wanted.values}
        now = replace(sent, cn=wanted.cn, container=wanted.container, values=values)
        if now != self._tenant.sent.get(wanted.group_id):
            self.sent[wanted.group_id] = now
        if changed:
            self.results[wanted.group_id] = Result(
                wanted.group_id, wanted.name, "update", guid=sent.guid, changed=tuple(changed)
            )

    # Members

    def write_members(self, wanted: Wanted, references: Sequence[str]) -> None:
        """Members that came or went; ``references`` are those that may be added."""
        sent = self.sent.get(wanted.group_id, self._tenant.sent.get(wanted.group_id))
        failed = self.results.get(wanted.group_id)
        if sent is None or (failed is not None and failed.status == "failure"):
            return
        known = {} if self._tenant.begins_anew or self._compares else sent.members
        try:
            again = self._compares or self._tenant.looks_again or self._tenant.begins_anew
            left = frozenset() if again else sent.missing & set(references)
            looked_for = [one for one in references if one not in known and one not in left]
            found = self._resolved(looked_for)
            missing = (set(looked_for) - found.keys()) | left
            if self._compares:
                found = {key: entry for key, entry in found.items() if not self._target.holds(sent.guid, entry)}
            kept = set(references) if not self._compares else set(sent.members) | set(references)
            gone = {} if self._compares else {key: guid for key, guid in sent.members.items() if key not in kept}
            added, refused = self._added(sent.guid, {key: entry.guid for key, entry in found.items()})
            if gone:
                present = self._target.by_guids(gone.values())
                self._target.change_members(sent.guid, [], [guid for guid in gone.values() if guid in present])
        except TargetError as error:
            if error.code == NO_SUCH_OBJECT and not self._target.by_guids([sent.guid]):
                # Somebody deleted the AD object: the next run makes it anew.
                self.sent[wanted.group_id] = None
            self._refused(wanted.group_id, "update", error, sent.guid)
            return
        members = {key: guid for key, guid in sent.members.items() if key in kept} | added
        if self._compares:
            missing |= sent.missing
        if members != sent.members or missing != sent.missing:
            self.sent[wanted.group_id] = replace(sent, members=members, missing=frozenset(missing))
        changed: list[tuple[str, str | None, str | None]] = [("member", None, guid) for guid in added.values()]
        changed += [("member", guid, None) for guid in gone.values()]
        if refused:
            self.fail(wanted.group_id, "update", AD_ERROR, f"A member was refused: {refused[0]}", sent.guid)
        elif changed:
            so_far = self.results.get(wanted.group_id) or Result(wanted.group_id, wanted.name, "update", guid=sent.guid)
            self.results[wanted.group_id] = replace(so_far, changed=(*so_far.changed, *changed))

    def _added(self, guid: str, members: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
        """Add members, one by one where AD refuses them together; those that it took, and why not the others."""
        if not members:
            return {}, []
        try:
            self._target.change_members(guid, list(members.values()), [])
        except TargetError as error:
            if len(members) == 1 or error.code in (0, NO_SUCH_OBJECT):
                raise
        else:
            return dict(members), []
        added, refused = {}, []
        for key, member in members.items():
            try:
                self._target.change_members(guid, [member], [])
            except TargetError as error:
                refused.append(str(error))
            else:
                added[key] = member
        return added, refused

    def _resolved(self, references: Sequence[str]) -> dict[str, Entry]:
        """The AD objects of members; those that AD does not have are left out, and looked for again next time."""
        found: dict[str, Entry] = {}
        accounts: dict[str, str] = {}
        for key in references:
            user = self._tenant.users.get(key)
            if user is None:
                entry = self._group_entry(key)
            else:
                entry = next(iter(self._anchors().get(anchor_of(key, "User").casefold(), [])), None)
                if user.get("onPremisesSyncEnabled") and user.get("onPremisesObjectIdentifier"):
                    accounts[key] = str(user["onPremisesObjectIdentifier"]).lower()
            if entry is not None:
                found[key] = entry
        present = self._target.by_guids(accounts.values()) if accounts else {}
        return found | {key: present[guid] for key, guid in accounts.items() if guid in present}

    def _group_entry(self, group_id: str) -> Entry | None:
        anchored = self._anchors().get(anchor_of(group_id).casefold(), [])
        if len(anchored) == 1:
            return anchored[0]
        group = self._tenant.groups[group_id]
        if not anchored and self._tenant.is_converted(group):
            return self._target.by_sid(str(group["onPremisesSecurityIdentifier"]))
        return None

    def _anchors(self) -> dict[str, list[Entry]]:
        if self._anchored is None:
            self._anchored = {}
            for entry in self._target.anchored():
                self._anchored.setdefault(entry.anchor.casefold(), []).append(entry)
        return self._anchored

    def _refused(self, group_id: str, action: str, error: TargetError, guid: str) -> None:
        if not error.code:
            raise error  # no answer: that is not this group's fault
        self.fail(group_id, action, AD_ERROR, str(error), guid)

"""A group as Cloud Sync will write it, and where AD is otherwise: what a plan shows and what is verified later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.cloud_sync.members import MemberAnswer
from runbook_lib.cloud_sync.scope import Known, ScopeAnswer
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.dn import normalize_foreign_dn, parent_of, rdn, rdn_value
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import printable


@dataclass(frozen=True, slots=True)
class Predicted:
    """A value that AD will hold, or why it cannot be known: then ``value`` is empty and ``why`` a sentence."""

    value: str = ""
    why: Text = NOTHING

    @property
    def known(self) -> bool:
        """Whether the value is certain."""
        return not self.why


@dataclass(frozen=True, slots=True)
class PredictedMember:
    """One direct member of a group in scope, and whether Cloud Sync writes it."""

    id: str
    name: str
    type: str
    answer: MemberAnswer


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that keeps a group from arriving as desired. ``code`` is stable.

    Attributes:
        code: ``cn-taken``, ``cn-twice``, ``cn-too-long``, ``account-name-taken``, ``account-name-twice``,
            ``account-name-too-long``, ``account-name-characters``, ``not-universal``, ``too-large``,
            ``arrives-empty``, ``members-unread``, ``no-object``, ``two-objects``.
        what: What it is, as a sentence.
    """

    code: str
    what: Text


@dataclass(frozen=True, slots=True)
class PredictedGroup:
    """One group that Cloud Sync writes, or may write.

    Attributes:
        group_id: The cloud group.
        display_name: For people.
        scope: YES or UNKNOWN; groups that are not in scope are not predicted.
        guid: The AD object that it is matched with; empty for a new one.
        present_dn: Where that object is now; empty for a new one.
        cn: Value of cn.
        container: DN of the OU or container.
        account_name: sAMAccountName; not known where the mapping leaves it to AD.
        members: Direct members, sorted by id.
        troubles: What is wrong with it, in the order in which it is found.
        kept: GUIDs of members that its AD object has now and that may stay: of a group that changes hands.
        present_account_name: sAMAccountName of its AD object now; empty for a new one.
    """

    group_id: GroupId
    display_name: str
    scope: ScopeAnswer
    guid: str
    present_dn: str
    cn: Predicted
    container: Predicted
    account_name: Predicted
    members: tuple[PredictedMember, ...]
    troubles: tuple[Trouble, ...] = ()
    kept: frozenset[str] = frozenset()
    present_account_name: str = ""

    @property
    def dn(self) -> Predicted:
        """Distinguished name as it will be."""
        unknown = next((part.why for part in (self.cn, self.container) if not part.known), None)
        return Predicted(why=unknown) if unknown else Predicted(f"{rdn('CN', self.cn.value)},{self.container.value}")

    def count(self, known: Known) -> int:
        """How many members are (YES), are not (NO) or may be (UNKNOWN) written."""
        return sum(member.answer.known is known for member in self.members)


@dataclass(frozen=True, slots=True)
class Prediction:
    """AD as one configuration will make it.

    Attributes:
        job_id: The job.
        groups: Groups in scope, or of which that is not known, sorted by id.
        outside: Every other group of the tenant, by id, with the reason.
    """

    job_id: str
    groups: tuple[PredictedGroup, ...]
    outside: Mapping[str, ScopeAnswer]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where AD is not as predicted.

    Attributes:
        code: ``not-there``, ``several-objects``, ``another-object``, ``elsewhere``, ``named-otherwise``,
            ``account-name``, ``members-missing``, ``members-unexpected``.
        what: What is there instead, as a sentence.
    """

    code: str
    what: Text


def differences(
    predicted: PredictedGroup, present: DirectoryGroup | None, member_guids: frozenset[str], expected: Mapping[str, str]
) -> tuple[Difference, ...]:
    """Compare one group in AD with its prediction.

    Args:
        predicted: The group as it should be.
        present: The AD object with its anchor; None: there is none.
        member_guids: GUIDs of its members in AD.
        expected: Member id to AD GUID, for every member that has an object.
    """
    if present is None:
        return (Difference("not-there", t("No AD object has its anchor yet.")),)
    found = []
    if predicted.guid and present.guid != predicted.guid:
        sid = present.sid or ""
        found.append(Difference("another-object", t("Another AD object carries its anchor, with SID {sid}.", sid=sid)))
    if predicted.container.known and not _same(parent_of(present.dn), predicted.container.value):
        found.append(Difference("elsewhere", t("It is in {dn}.", dn=printable(parent_of(present.dn)))))
    if predicted.cn.known and rdn_value(present.dn) != predicted.cn.value:
        found.append(
            Difference("named-otherwise", t("It is named {cn}.", cn=printable(rdn_value(present.dn), limit=80)))
        )
    if predicted.account_name.known and present.text("sAMAccountName") != predicted.account_name.value:
        name = printable(present.text("sAMAccountName") or "", limit=80)
        found.append(Difference("account-name", t("Its sAMAccountName is {name}.", name=name)))
    sure = {expected[one.id] for one in predicted.members if one.answer.known is Known.YES and one.id in expected}
    open_ = {expected[one.id] for one in predicted.members if one.answer.known is Known.UNKNOWN and one.id in expected}
    if missing := sure - member_guids:
        found.append(Difference("members-missing", t("{count:,} members are not in AD yet.", count=len(missing))))
    if more := member_guids - sure - open_ - predicted.kept:
        found.append(
            Difference("members-unexpected", t("{count:,} members in AD were not predicted.", count=len(more)))
        )
    return tuple(found)


def _same(first: str, second: str) -> bool:
    return normalize_foreign_dn(first) == normalize_foreign_dn(second)

"""AD as Microsoft's own writers will make it, before they do: values, members and troubles of a group, each known or
with the reason why not; and where AD is otherwise afterwards.

Cloud Sync and Connect Sync decide by different rules, each in a room of its own; what a prediction is made of is the
same for both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from runbook_lib.model.dn import normalize_foreign_dn, parent_of, rdn, rdn_value
from runbook_lib.model.text import NOTHING, Text, counted, t
from runbook_lib.model.untrusted import printable


class Known(Enum):
    """Yes, no, or not to be known from what was read."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ScopeAnswer:
    """Whether a group is written at all; ``code`` is stable, ``why`` a sentence, empty where it simply is."""

    known: Known
    code: str = ""
    why: Text = NOTHING


@dataclass(frozen=True, slots=True)
class MemberAnswer:
    """Whether one member is written; ``code`` is stable, ``why`` a sentence, both empty where it simply is."""

    known: Known
    code: str = ""
    why: Text = NOTHING


WRITTEN_MEMBER = MemberAnswer(Known.YES)
"""Written, by either writer."""
CLOUD_ONLY_MEMBER = MemberAnswer(Known.NO, "cloud-only", t("User of the cloud without an account in AD."))
"""Written by neither: there is nothing in AD that a reference could name."""
CLOUD_MANAGED_MEMBER = MemberAnswer(
    Known.UNKNOWN, "cloud-managed-account", t("Managed in the cloud, with an account in AD: not documented.")
)
"""Documented of neither writer."""
UNREAD_MEMBER = MemberAnswer(Known.UNKNOWN, "unknown", t("Its type was not read."))
"""Not to be known of either writer."""


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
    """One direct member of a group that is written, and whether the writer writes it."""

    id: str
    name: str
    type: str
    answer: MemberAnswer


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that keeps a group from arriving as desired. ``code`` is stable; the writer's room lists its codes."""

    code: str
    what: Text


@dataclass(frozen=True, slots=True)
class Difference:
    """Where AD is not as predicted.

    Attributes:
        code: ``not-there``, ``several-objects``, ``another-object``, ``elsewhere``, ``named-otherwise``,
            ``account-name``, ``type``, ``attribute``, ``members-missing``, ``members-unexpected``.
        what: What is there instead, as a sentence.
    """

    code: str
    what: Text


NOTHING_ARRIVED = Difference("not-there", t("No AD object has its anchor yet."))
"""Nothing has arrived."""


def several_objects(dns: Collection[str]) -> Difference:
    """Several AD objects claim one group."""
    where = "; ".join(sorted(printable(dn, limit=120) for dn in dns))
    return Difference("several-objects", t("Several AD objects carry its anchor: {where}.", where=where))


def dn_of(cn: Predicted, container: Predicted) -> Predicted:
    """Distinguished name of a group, as far as name and place are known."""
    unknown = next((part.why for part in (cn, container) if not part.known), None)
    return Predicted(why=unknown) if unknown else Predicted(f"{rdn('CN', cn.value)},{container.value}")


def object_differences(guid: str, found: str, sid: str | None) -> Iterator[Difference]:
    """Another AD object than the one that was predicted (``guid``, empty for a new one)."""
    if guid and found != guid:
        yield Difference("another-object", t("Another AD object carries its anchor, with SID {sid}.", sid=sid or ""))


def place_differences(cn: Predicted, container: Predicted, dn: str) -> Iterator[Difference]:
    """What of name and place is otherwise; what is not known is not compared."""
    if container.known and normalize_foreign_dn(parent_of(dn)) != normalize_foreign_dn(container.value):
        yield Difference("elsewhere", t("It is in {dn}.", dn=printable(parent_of(dn))))
    if cn.known and rdn_value(dn) != cn.value:
        yield Difference("named-otherwise", t("It is named {cn}.", cn=printable(rdn_value(dn), limit=80)))


def member_differences(
    members: Sequence[PredictedMember],
    there: Collection[str],
    expected: Mapping[str, str],
    kept: Collection[str] = frozenset(),
) -> Iterator[Difference]:
    """Which members AD lacks and which it has besides.

    Args:
        members: As predicted.
        there: GUIDs of the members in AD.
        expected: Member id to AD GUID, for every member that has an object.
        kept: GUIDs of members that may stay.
    """
    sure = {expected[one.id] for one in members if one.answer.known is Known.YES and one.id in expected}
    open_ = {expected[one.id] for one in members if one.answer.known is Known.UNKNOWN and one.id in expected}
    found = set(there)
    if missing := sure - found:
        yield Difference("members-missing", t("Not in AD yet: {count}.", count=counted(len(missing), "member")))
    if more := found - sure - open_ - set(kept):
        yield Difference(
            "members-unexpected", t("In AD and not predicted: {count}.", count=counted(len(more), "member"))
        )

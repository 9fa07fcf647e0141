"""A Microsoft 365 group as Connect Sync's group writeback v1 will write it: what a plan shows and a person approves.

v1 writes all Microsoft 365 groups or none. What no public text says of it is UNKNOWN, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from runbook_lib.model.ids import GroupId
from runbook_lib.model.predicted import Known, Predicted, PredictedMember, ScopeAnswer, Trouble, dn_of
from runbook_lib.model.text import Text, t

NOT_CHOSEN = "not-chosen"
"""Code of the scope answer of a Microsoft 365 group that rules of somebody's own keep out."""


class NamingMode(Enum):
    """How v1 names groups: chosen in the wizard while v1 is switched on, and only then."""

    ID = "id"
    """``Group_<id>``."""
    DISPLAY_NAME = "display-name"
    """The first 51 characters of the display name, ``_``, the last 12 digits of the id."""

    @property
    def title(self) -> Text:
        """In words."""
        return _MODES[self]


_MODES = {
    NamingMode.ID: t("by id"),
    NamingMode.DISPLAY_NAME: t("by display name"),
}


class Standing(Enum):
    """What v1 meets in AD of a group, by its anchor (adminDescription)."""

    NEW = "new"
    """Nothing: it makes an object."""
    THERE = "there"
    """An object with Connect's anchor and nobody else's mark, below v1's container: it is joined."""
    ADOPTED = "adopted"
    """An object that this runbook wrote and that Connect sees: it is probably joined, and deleted with v1."""
    DOUBLED = "doubled"
    """An object that this runbook wrote and that Connect does not see: a second one is made beside it."""
    UNCLEAR = "unclear"
    """Several objects, or one of which it is not known whether v1 joins it."""


@dataclass(frozen=True, slots=True)
class ConnectGroup:
    """One Microsoft 365 group that v1 writes, or may write.

    Attributes:
        group_id: The cloud group.
        display_name: For people.
        scope: YES, or UNKNOWN with the reason; groups that v1 does not write are not predicted.
        standing: What v1 meets of it in AD.
        standing_why: The same as a sentence; empty for a new one.
        present_guid: Its AD object now: the one that is joined, surely or probably, or doubled. Empty for a new one,
            and where there are several.
        present_dn: Where that object is.
        naming: The naming mode that counts; None where it is chosen later or was not read.
        names: cn in either mode.
        container: DN of v1's container.
        attributes: LDAP display name to the value that v1 writes, or why that is not known; a value that is known and
            empty means that it is not written.
        members: Direct members, sorted by id.
        troubles: What is wrong with it. Codes: ``cn-taken``, ``cn-twice``, ``cn-too-long`` (``name_troubles``; in the
            naming mode that counts, or in either while none is chosen), ``too-large``, ``members-unread``,
            ``arrives-empty``, ``several-objects``, ``adopted``, ``doubled``, ``address-taken``.
    """

    group_id: GroupId
    display_name: str
    scope: ScopeAnswer
    standing: Standing
    standing_why: Text
    present_guid: str
    present_dn: str
    naming: NamingMode | None
    names: Mapping[NamingMode, Predicted]
    container: Predicted
    attributes: Mapping[str, Predicted]
    members: tuple[PredictedMember, ...]
    troubles: tuple[Trouble, ...] = ()

    @property
    def guid(self) -> str:
        """The AD object that it is joined with, surely or probably; empty where v1 makes one, or may."""
        return self.present_guid if self.standing in (Standing.THERE, Standing.ADOPTED) else ""

    @property
    def cn(self) -> Predicted:
        """Value of cn, as far as the naming mode is known."""
        return self.names[self.naming] if self.naming else Predicted(why=_NOT_CHOSEN)

    @property
    def dn(self) -> Predicted:
        """Distinguished name as it will be, as far as naming mode and container are known."""
        return dn_of(self.cn, self.container)

    @property
    def account_name(self) -> Predicted:
        """sAMAccountName; no public text says what v1 makes of it."""
        return Predicted(why=_ACCOUNT_NAME)

    def dn_in(self, mode: NamingMode) -> Predicted:
        """Distinguished name in one of the naming modes."""
        return dn_of(self.names[mode], self.container)

    def count(self, known: Known) -> int:
        """How many members are (YES), are not (NO) or may be (UNKNOWN) written."""
        return sum(member.answer.known is known for member in self.members)


_NOT_CHOSEN = t("The naming mode is chosen in the wizard while v1 is switched on.")
_ACCOUNT_NAME = t("No public text says which sAMAccountName Connect Sync gives.")


@dataclass(frozen=True, slots=True)
class Leftover:
    """An AD object that v1 may have written, whose cloud group is none of the tenant's Microsoft 365 groups now.

    Attributes:
        group_id: Cloud group of its anchor.
        dn: Where it is.
        guid: Its objectGUID.
        why: What is known of the cloud group, and what becomes of the object, as a sentence.
    """

    group_id: GroupId
    dn: str
    guid: str
    why: Text


@dataclass(frozen=True, slots=True)
class ConnectPrediction:
    """AD as v1 will make it.

    Attributes:
        container: DN of v1's container, or why it is not known.
        naming: The naming mode that counts, or None.
        naming_why: Where it comes from, or why it is not known.
        exchange: Whether v1 writes mail attributes in this forest.
        exchange_why: By what, as a sentence.
        groups: Every Microsoft 365 group of the tenant that v1 writes or may write, sorted by id.
        outside: Every other group of the tenant, by id, with the reason.
        leftovers: Objects with Connect's anchor that no predicted group owns, sorted by DN.
        cautions: What makes the whole prediction less certain (rules of somebody's own, an incomplete reading).
    """

    container: Predicted
    naming: NamingMode | None
    naming_why: Text
    exchange: Known
    exchange_why: Text
    groups: tuple[ConnectGroup, ...]
    outside: Mapping[str, ScopeAnswer]
    leftovers: tuple[Leftover, ...] = ()
    cautions: tuple[Text, ...] = ()

    @property
    def not_chosen(self) -> frozenset[str]:
        """Ids of the Microsoft 365 groups that rules of somebody's own keep out; empty where nobody chooses."""
        return frozenset(key for key, answer in self.outside.items() if answer.code == NOT_CHOSEN)

    def standing(self, standing: Standing) -> tuple[ConnectGroup, ...]:
        """The groups of which v1 meets this in AD."""
        return tuple(group for group in self.groups if group.standing is standing)

    def members(self, known: Known) -> int:
        """Members of all groups that are, are not or may be written."""
        return sum(group.count(known) for group in self.groups)

    def left_out(self) -> Mapping[Text, int]:
        """Why members are not written, or may not be, to how many; the commonest reason first."""
        counted = Counter(
            member.answer.why
            for group in self.groups
            for member in group.members
            if member.answer.known is not Known.YES
        )
        return dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))

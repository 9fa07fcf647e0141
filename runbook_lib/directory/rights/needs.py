"""What each operation of this product needs in AD, and the entry that would give it. Pure.

The needs follow [MS-ADTS]: 3.1.1.5.2.1 (add), 3.1.1.5.3.1 (modify), 3.1.1.5.3.7.1 (undelete), 3.1.1.5.4.1.1 (modify
DN), 3.1.1.5.5.2 (delete). Values that a create sets need no right of their own.

``dsacls`` (Microsoft Learn, "Dsacls"): ``/G account:rights;class, attribute or right;inheriting class``; without ``/I``
the entry is for the object alone, with ``/I:S`` for what stands below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from runbook_lib.directory.rights.constants import AccessMask, GuidKind, guid_of
from runbook_lib.directory.rights.descriptor import Ace, AceFlag, AceType
from runbook_lib.directory.rights.evaluate import GROUP_IN, Place
from runbook_lib.model.directory import FOLLOWED_ATTRIBUTES, GROUP_ATTRIBUTES, MAIL_ATTRIBUTES, RESTORED_ATTRIBUTES
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE, MARK_ATTRIBUTE
from runbook_lib.model.text import Text, t

GROUP_CLASS = guid_of(GuidKind.CLASS, "group")
REANIMATE = guid_of(GuidKind.EXTENDED_RIGHT, "Reanimate-Tombstones")
_LETTERS = (
    (AccessMask.CREATE_CHILD, "CC"),
    (AccessMask.DELETE_CHILD, "DC"),
    (AccessMask.LIST_CONTENTS, "LC"),
    (AccessMask.READ_PROPERTY, "RP"),
    (AccessMask.WRITE_PROPERTY, "WP"),
    (AccessMask.CONTROL_ACCESS, "CA"),
    (AccessMask.DELETE, "SD"),
    (AccessMask.READ_CONTROL, "RC"),
)


def letters(mask: AccessMask) -> str:
    """A mask as dsacls writes it, for example ``LCRP``."""
    return "".join(text for bit, text in _LETTERS if mask & bit)


@dataclass(frozen=True, slots=True)
class AllowEntry:
    """An entry that allows.

    Attributes:
        dn: The object that is to hold it.
        mask: What it allows.
        name: Class, attribute or extended right that it is limited to, as dsacls knows it; empty for none.
        object_type: The GUID of ``name``.
        on_groups: Whether it is for the groups below ``dn``, and not for ``dn`` itself.
        take_ownership: Whether the object has to be taken over first: nobody may change its list otherwise.
    """

    dn: str
    mask: AccessMask
    name: str = ""
    object_type: str | None = None
    on_groups: bool = False
    take_ownership: bool = False

    def ace(self, sid: str) -> Ace:
        """The entry that dsacls would write for the account with this SID."""
        flags = AceFlag.CONTAINER_INHERIT | AceFlag.INHERIT_ONLY if self.on_groups else AceFlag(0)
        limited = self.object_type is not None or self.on_groups
        kind = AceType.ALLOWED_OBJECT if limited else AceType.ALLOWED
        return Ace(kind, sid, self.mask, flags, self.object_type, GROUP_CLASS if self.on_groups else None)

    def rights(self) -> str:
        """What follows ``account:`` in dsacls, for example ``WP;member;group``."""
        rights = letters(self.mask)
        if self.on_groups:
            return f"{rights};{self.name};group"
        return f"{rights};{self.name}" if self.name else rights


_WRITE, _READ = AccessMask.WRITE_PROPERTY, AccessMask.READ_PROPERTY
_RENAMED = ("name", "cn")
LIST_DELETED = "list-deleted"
"""Id of the one operation that a look can answer where the list that decides cannot be read."""
UNDELETED = ("isDeleted", "distinguishedName")
"""What the modify names that brings an object back ([MS-ADTS] 3.1.1.5.3.7). Public texts ask for the right to write
each attribute that is updated; whether these two count is not said."""
READ_ATTRIBUTES = ("cn", "name", "member", *UNDELETED, *GROUP_ATTRIBUTES)
"""Attributes whose GUIDs a situation needs."""


class Purpose(Enum):
    """What an operation is for, which decides how much it matters that it is not allowed."""

    WRITE = "write"
    MAIL = "mail"
    """Clearing mail attributes, which only groups of another making carry."""
    DELETE = "delete"
    """Deleting and bringing back: only where disable_by says delete."""
    MOVE = "move"
    """Handing groups over to Cloud Sync and taking them back: only where a parameter says move."""


@dataclass(frozen=True, slots=True)
class Need:
    """A right on one object.

    Attributes:
        name: An attribute, the class ``group`` or the extended right; empty for none.
        confirmed: Whether it is certain that AD asks for it. Where it is not, lacking it makes the answer unknown.
    """

    place: Place
    mask: AccessMask
    name: str = ""
    confirmed: bool = True

    @property
    def id(self) -> str:
        """Stable name, for example ``target-group:WP:member``."""
        return ":".join(filter(None, (self.place.value, letters(self.mask), self.name.lower().replace(" ", "-"))))


@dataclass(frozen=True, slots=True)
class ProductOperation:
    """Something that the product does. Every row of ``needs`` must hold; of the needs in a row one is enough."""

    id: str
    title: Text
    purpose: Purpose
    needs: tuple[tuple[Need, ...], ...]


def operations(attributes: Mapping[str, object]) -> tuple[ProductOperation, ...]:
    """Everything that the product does in AD, as far as the schema has the attributes (names as in ``types``)."""
    return tuple(_all(frozenset(attributes)))


def _all(known: frozenset[str]) -> Iterator[ProductOperation]:
    where = {Place.TARGET: t("the target OU"), Place.RETIRED: t("the retired OU")}
    changed = (*FOLLOWED_ATTRIBUTES, MARK_ATTRIBUTE)
    for ou, place in where.items():
        group, tail = GROUP_IN[ou], ou.value
        read = [name for name in (ANCHOR_ATTRIBUTE, *changed, "member") if name in known]
        yield ProductOperation(
            f"read:{tail}",
            t("List {ou} and read its groups", ou=place),
            Purpose.WRITE,
            ((Need(ou, AccessMask.LIST_CONTENTS),), *((Need(group, _READ, name),) for name in read)),
        )
        for name in (*changed, "member", *MAIL_ATTRIBUTES):
            if name in known:
                purpose = Purpose.MAIL if name in MAIL_ATTRIBUTES else Purpose.WRITE
                title = t("Add and remove members") if name == "member" else t("Change {name}", name=name)
                yield ProductOperation(
                    f"write:{tail}:{name}",
                    t("{what} in {ou}", what=title, ou=place),
                    purpose,
                    ((Need(group, _WRITE, name),),),
                )
        yield ProductOperation(f"delete:{tail}", t("Delete a group from {ou}", ou=place), Purpose.DELETE, (_leave(ou),))
        yield ProductOperation(
            f"undelete:{tail}", t("Bring a deleted group back to {ou}", ou=place), Purpose.DELETE, _undelete(ou, known)
        )
        rest = [name for name in RESTORED_ATTRIBUTES if name in known and name not in (*changed, *MAIL_ATTRIBUTES)]
        yield ProductOperation(
            f"put-back:{tail}",
            t("Put back what a deleted group of {ou} had", ou=place),
            Purpose.DELETE,
            tuple((Need(group, _WRITE, name),) for name in rest),
        )
    if EXTERNAL_ID_ATTRIBUTE in known:
        yield ProductOperation(
            "hand-over",
            t("Write Cloud Sync's anchor to groups in the target OU, and take it off"),
            Purpose.MOVE,
            ((Need(Place.TARGET_GROUP, _WRITE, EXTERNAL_ID_ATTRIBUTE),),),
        )
    yield ProductOperation("create", t("Create a group in the target OU"), Purpose.WRITE, (_enter(Place.TARGET),))
    yield ProductOperation(
        "retire", t("Move a group to the retired OU"), Purpose.WRITE, _move(Place.TARGET, Place.RETIRED)
    )
    yield ProductOperation(
        "restore", t("Move a group back to the target OU"), Purpose.WRITE, _move(Place.RETIRED, Place.TARGET)
    )
    listing = AccessMask.LIST_CONTENTS | _READ
    yield ProductOperation(
        LIST_DELETED, t("List deleted objects"), Purpose.DELETE, ((Need(Place.DELETED_OBJECTS, listing),),)
    )


def _enter(ou: Place) -> tuple[Need, ...]:
    return (Need(ou, AccessMask.CREATE_CHILD, "group"),)


def _leave(ou: Place) -> tuple[Need, ...]:
    return Need(GROUP_IN[ou], AccessMask.DELETE), Need(ou, AccessMask.DELETE_CHILD, "group")


def _move(start: Place, end: Place) -> tuple[tuple[Need, ...], ...]:
    renamed = tuple((Need(GROUP_IN[start], _WRITE, name),) for name in _RENAMED)
    return _leave(start), *renamed, _enter(end)


def _undelete(ou: Place, known: frozenset[str]) -> tuple[tuple[Need, ...], ...]:
    """Beside the right to reanimate: the new name, anchor and mark in the same modify, a place to stand."""
    written = (*_RENAMED, ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE)
    values = tuple((Need(GROUP_IN[ou], _WRITE, name),) for name in written)
    special = tuple((Need(GROUP_IN[ou], _WRITE, name, confirmed=False),) for name in UNDELETED if name in known)
    reanimate = (Need(Place.DOMAIN, AccessMask.CONTROL_ACCESS, "Reanimate Tombstones"),)
    return reanimate, *values, *special, _enter(ou)

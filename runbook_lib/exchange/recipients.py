"""Recipients in this domain: groups that a writer made for a cloud group, and who holds an address already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import Entry, all_of, any_of, equals, starts_with
from runbook_lib.model.anchor import ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE, group_id_of_anchor

_AT_ONCE = 40
"""Addresses asked for in one search; each is two equality tests on indexed attributes."""


@dataclass(frozen=True, slots=True)
class WrittenGroup:
    """A group with an anchor that leads to a cloud group, whoever wrote it.

    Attributes:
        group_id: Id of the cloud group, a lower-case GUID.
        in_address_book: Whether it has showInAddressBook: without it address lists do not show it.
    """

    group_id: str
    guid: str
    dn: str
    display_name: str
    mail: str | None
    target_address: str | None
    in_address_book: bool


@dataclass(frozen=True, slots=True)
class AddressHolder:
    """An object that holds an address which was asked for.

    Attributes:
        addresses: Those of the addresses that it holds, lower case.
        group_ids: Cloud groups that its anchors name.
    """

    dn: str
    object_class: str
    addresses: tuple[str, ...]
    group_ids: frozenset[str] = frozenset()


def read_written_groups(directory: Directory) -> tuple[WrittenGroup, ...]:
    """Every group of the domain that carries an anchor, sorted by DN.

    Raises:
        RunbookError: The search failed.
    """
    attributes = ("objectGUID", "displayName", "mail", "targetAddress", "showInAddressBook", ANCHOR_ATTRIBUTE)
    wanted = all_of(equals("objectClass", "group"), starts_with(ANCHOR_ATTRIBUTE, "Group_"))
    found = []
    for entry in directory.search(directory.controller.default_naming_context, wanted, attributes):
        group_id = group_id_of_anchor(entry.text(ANCHOR_ATTRIBUTE) or "")
        if group_id is not None:
            found.append(
                WrittenGroup(
                    group_id=group_id,
                    guid=entry.guid,
                    dn=entry.dn,
                    display_name=entry.text("displayName") or "",
                    mail=entry.text("mail"),
                    target_address=entry.text("targetAddress"),
                    in_address_book=bool(entry.texts("showInAddressBook")),
                )
            )
    return tuple(sorted(found, key=lambda group: group.dn.casefold()))


def read_address_holders(
    directory: Directory, addresses: Sequence[str], progress: Callable[[int, int], None] | None = None
) -> tuple[AddressHolder, ...]:
    """Every object of the domain that holds one of ``addresses`` (SMTP, without prefix), sorted by DN.

    Raises:
        RunbookError: A search failed.
    """
    asked = sorted({address.lower() for address in addresses})
    found: dict[str, AddressHolder] = {}
    for start in range(0, len(asked), _AT_ONCE):
        part = asked[start : start + _AT_ONCE]
        if progress is not None:
            progress(start, len(asked))
        wanted = any_of(
            *(equals("mail", address) for address in part),
            *(equals("proxyAddresses", f"smtp:{address}") for address in part),
        )
        attributes = ("objectClass", "mail", "proxyAddresses", ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE)
        for entry in directory.search(directory.controller.default_naming_context, wanted, attributes):
            found[entry.dn] = _holder(entry, set(asked))
    return tuple(found[dn] for dn in sorted(found, key=str.casefold))


def _holder(entry: Entry, asked: set[str]) -> AddressHolder:
    held = {(entry.text("mail") or "").lower()}
    held |= {value[5:].lower() for value in entry.texts("proxyAddresses") if value[:5].lower() == "smtp:"}
    anchors = (*entry.texts(ANCHOR_ATTRIBUTE), *entry.texts(EXTERNAL_ID_ATTRIBUTE))
    classes = entry.texts("objectClass")
    return AddressHolder(
        dn=entry.dn,
        object_class=classes[-1] if classes else "",
        addresses=tuple(sorted(held & asked)),
        group_ids=frozenset(group_id for anchor in anchors if (group_id := group_id_of_anchor(anchor)) is not None),
    )

"""Recipients in this domain: what the schema lets be one, groups of a writer that are, who holds an address already."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import ObjectMissing, RightsMissing
from runbook_lib.directory.search import Entry, all_of, any_of, equals, starts_with
from runbook_lib.errors import NoAccess
from runbook_lib.model.addresses import smtp_address, smtp_addresses
from runbook_lib.model.ids import (
    ANCHOR_ATTRIBUTE,
    EXTERNAL_ID_ATTRIBUTE,
    MARK_ATTRIBUTE,
    group_id_of_anchor,
    owner_of_mark,
)
from runbook_lib.model.text import Text, from_table, t

_CONTROL = "objectClass"
"""In every schema; where it does not show, the schema cannot be read."""


def names_in_schema(directory: Directory, wanted: Iterable[str]) -> frozenset[str]:
    """Those of ``wanted`` (LDAP display names of attributes and classes, spelled as there) that exist.

    Raises:
        NoAccess: ``schema-unreadable``: this account does not see the schema.
    """
    spelled = {name.lower(): name for name in (*wanted, _CONTROL)}
    context = directory.controller.schema_naming_context
    filter_ = any_of(*(equals("lDAPDisplayName", name) for name in spelled.values()))
    try:
        entries = list(directory.search(context, filter_, ("lDAPDisplayName", "isDefunct"), scope="one"))
    except (ObjectMissing, RightsMissing):
        entries = []
    found = {(entry.text("lDAPDisplayName") or "").lower() for entry in entries if not entry.truth("isDefunct")}
    if _CONTROL.lower() not in found:
        raise NoAccess(
            t("This account does not see the schema ({context}).", context=context),
            code="schema-unreadable",
            hint=t("Every account normally may read it; check the rights of the parameter bind_user's account."),
            values={"dn": context},
        )
    return frozenset(spelled[name] for name in found & spelled.keys() if name != _CONTROL.lower())


@dataclass(frozen=True, slots=True)
class GroupAttribute:
    """One attribute.

    Attributes:
        comes_with: ``base`` (Active Directory), ``exchange`` (Exchange's schema) or ``server-2016`` (Windows Server
            2016's schema, and Exchange's).
        routes: Routes that write it, as their names: ``connect-sync cloud-sync``.
        purpose: What is lost without it.
        confirmed: Whether a public text says that the route writes it; otherwise it is expected.
        source: That text.
    """

    attribute: str
    comes_with: str
    routes: tuple[str, ...]
    purpose: Text
    confirmed: bool
    source: str


def _load() -> tuple[GroupAttribute, ...]:
    text = files("runbook_lib.exchange").joinpath("group-attributes.csv").read_text(encoding="utf-8")
    return tuple(
        GroupAttribute(
            attribute=row["attribute"],
            comes_with=row["comes_with"],
            routes=tuple(row["routes"].split()),
            purpose=from_table(row["purpose"]),
            confirmed=row["confirmed"] == "yes",
            source=row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    )


EXCHANGE_GROUP_ATTRIBUTES = _load()


_AT_ONCE = 40
"""Addresses asked for in one search; each is two equality tests on indexed attributes."""


@dataclass(frozen=True, slots=True)
class WrittenGroup:
    """A group with an anchor that leads to a cloud group, whoever wrote it.

    Attributes:
        group_id: Id of the cloud group, a lower-case GUID.
        in_address_book: Whether it has showInAddressBook: without it address lists do not show it.
        hidden: Whether msExchHideFromAddressLists keeps it out of address lists.
        by_connect: Whether Connect Sync wrote it: neither this runbook's mark nor Cloud Sync's anchor is on it.
    """

    group_id: str
    guid: str
    dn: str
    display_name: str
    mail: str | None
    target_address: str | None
    in_address_book: bool
    hidden: bool = False
    by_connect: bool = True


@dataclass(frozen=True, slots=True)
class AddressOwner:
    """An object that holds an address which was asked for.

    Attributes:
        addresses: Those of the addresses that it holds, lower case.
        group_ids: Cloud groups that its anchors name.
        target_address: Where mail to it is forwarded to, without prefix, lower case; empty: nowhere.
    """

    dn: str
    object_class: str
    addresses: tuple[str, ...]
    group_ids: frozenset[str] = frozenset()
    target_address: str = ""


def read_written_groups(directory: Directory) -> tuple[WrittenGroup, ...]:
    """Every group of the domain that carries an anchor, sorted by DN.

    Raises:
        RunbookError: The search failed.
    """
    named = ("objectGUID", "displayName", "mail", "targetAddress", "showInAddressBook", "msExchHideFromAddressLists")
    attributes = (*named, ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE, MARK_ATTRIBUTE)
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
                    hidden=entry.truth("msExchHideFromAddressLists"),
                    by_connect=not entry.texts(EXTERNAL_ID_ATTRIBUTE)
                    and owner_of_mark(entry.texts(MARK_ATTRIBUTE)) is None,
                )
            )
    return tuple(sorted(found, key=lambda group: group.dn.casefold()))


def read_address_holders(
    directory: Directory, addresses: Sequence[str], progress: Callable[[int, int], None] | None = None
) -> tuple[AddressOwner, ...]:
    """Every object of the domain that holds one of ``addresses`` (SMTP, without prefix), sorted by DN.

    Raises:
        RunbookError: A search failed.
    """
    asked = sorted({address.lower() for address in addresses})
    found: dict[str, AddressOwner] = {}
    for start in range(0, len(asked), _AT_ONCE):
        part = asked[start : start + _AT_ONCE]
        if progress is not None:
            progress(start, len(asked))
        wanted = any_of(
            *(equals("mail", address) for address in part),
            *(equals("proxyAddresses", f"smtp:{address}") for address in part),
        )
        named = ("objectClass", "mail", "proxyAddresses", "targetAddress")
        attributes = (*named, ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE)
        for entry in directory.search(directory.controller.default_naming_context, wanted, attributes):
            found[entry.dn] = _holder(entry, set(asked))
    return tuple(found[dn] for dn in sorted(found, key=str.casefold))


def _holder(entry: Entry, asked: set[str]) -> AddressOwner:
    held = set(smtp_addresses(entry.text("mail"), entry.texts("proxyAddresses")))
    anchors = (*entry.texts(ANCHOR_ATTRIBUTE), *entry.texts(EXTERNAL_ID_ATTRIBUTE))
    classes = entry.texts("objectClass")
    return AddressOwner(
        dn=entry.dn,
        object_class=classes[-1] if classes else "",
        addresses=tuple(sorted(held & asked)),
        group_ids=frozenset(group_id for anchor in anchors if (group_id := group_id_of_anchor(anchor)) is not None),
        target_address=smtp_address(entry.text("targetAddress") or ""),
    )

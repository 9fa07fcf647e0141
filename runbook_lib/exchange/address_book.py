"""Written-back groups and the address book: who is in it, who waits for ``Update-Recipient``. Pure.

Connect Sync writes groups without showInAddressBook, so that address lists show none of them until Update-Recipient has
run on premises for each (MicrosoftDocs/OfficeDocs-Exchange, set-up-microsoft-365-groups.md, 2021); a Microsoft engineer
writes that transport needs it too (timmcmic, 2018).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runbook_lib.exchange.recipients import WrittenGroup
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.ids import EXTERNAL_ID_ATTRIBUTE, MARK_ATTRIBUTE, GroupId, owner_of_mark
from runbook_lib.model.text import Text, counted, joined, t


def written_group(group: DirectoryGroup, group_id: GroupId) -> WrittenGroup:
    """A group of a directory snapshot as the address book sees it.

    Args:
        group: The AD object.
        group_id: Id of the cloud group that it stands for.
    """
    return WrittenGroup(
        group_id=group_id,
        guid=group.guid,
        dn=group.dn,
        display_name=group.text("displayName") or "",
        mail=group.text("mail"),
        target_address=group.text("targetAddress"),
        in_address_book=bool(group.attributes.get("showInAddressBook")),
        hidden=(group.text("msExchHideFromAddressLists") or "").upper() == "TRUE",
        by_connect=not group.attributes.get(EXTERNAL_ID_ATTRIBUTE)
        and owner_of_mark(group.attributes.get(MARK_ATTRIBUTE, ())) is None,
    )


@dataclass(frozen=True, slots=True)
class AddressBook:
    """Where written-back groups stand.

    Attributes:
        listed: showInAddressBook has a value: Update-Recipient has run.
        waiting: They have an address, and showInAddressBook is empty.
        hidden: msExchHideFromAddressLists keeps them out, so that showInAddressBook proves nothing.
        without_address: They are no recipients: mail is empty.
    """

    listed: tuple[WrittenGroup, ...] = ()
    waiting: tuple[WrittenGroup, ...] = ()
    hidden: tuple[WrittenGroup, ...] = ()
    without_address: tuple[WrittenGroup, ...] = ()

    @property
    def to_update(self) -> tuple[WrittenGroup, ...]:
        """Those that Update-Recipient is to be run for: hidden ones too, for nothing shows whether it was."""
        return (*self.waiting, *self.hidden)

    @property
    def text(self) -> Text:
        """How many stand where; empty states are left out."""
        told = (
            (self.listed, t("in the address book")),
            (self.waiting, t("waiting for Update-Recipient")),
            (self.hidden, t("hidden from address lists, so that nothing shows whether Update-Recipient has run")),
            (self.without_address, t("without an address")),
        )
        return joined(
            (t("{count} {where}", count=counted(len(some), "group"), where=w) for some, w in told if some), "; "
        )


def address_book_of(groups: Iterable[WrittenGroup]) -> AddressBook:
    """Sort written-back groups by what AD shows of them; each keeps its place in the order."""
    listed, waiting, hidden, without = [], [], [], []
    for group in groups:
        if not group.mail:
            without.append(group)
        elif group.in_address_book:
            listed.append(group)
        elif group.hidden:
            hidden.append(group)
        else:
            waiting.append(group)
    return AddressBook(tuple(listed), tuple(waiting), tuple(hidden), tuple(without))

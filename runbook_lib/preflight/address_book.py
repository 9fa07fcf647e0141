"""What is left to do so that written-back groups stand in the address book: the finding, with lines to copy. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.exchange.address_book import AddressBook
from runbook_lib.exchange.recipients import WrittenGroup
from runbook_lib.model.finding import Finding, HandOff, Severity
from runbook_lib.model.text import counted, first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.hand_off import UpdateRecipients

_SOURCE = (
    "MicrosoftDocs/OfficeDocs-Exchange, set-up-microsoft-365-groups.md (2021); "
    'timmcmic, "Office 365: A different approach to handling Office 365 group mail flow" (Microsoft, 2018)'
)


def address_book_finding(book: AddressBook, *, has_shell: bool, more: tuple[HandOff, ...] = ()) -> Finding | None:
    """The finding where ``Update-Recipient`` is still to be run; None where every group with an address is listed.

    Args:
        book: Where the groups stand.
        has_shell: Whether the organization has an Exchange Management Shell.
        more: Other ways out, to be handed over beside it.
    """
    if book.waiting:
        return Finding(
            id="mail-not-in-address-book",
            severity=Severity.WARNING,
            seen=t(
                "{count} with an address, but not in the address book (showInAddressBook is empty): {some}.",
                count=counted(len(book.waiting), "written-back group"),
                some=first_of(_names(book.waiting), 5),
            ),
            expected=t("Groups that address lists show."),
            why=t("Nobody finds them in Outlook; a Microsoft engineer writes that full transport needs it too."),
            to_do=t(
                "Run Update-Recipient for each, as often as groups arrive, or use mail contacts; the "
                "hand-offs have the lines."
            )
            if has_shell
            else t("Let the Recipient Update Service of Exchange System Manager run, or make mail contacts there."),
            source=_SOURCE,
            values={"count": len(book.waiting), "hidden": len(book.hidden)},
            hand_offs=(update_recipients(book), *more),
            acknowledgeable=True,
        )
    if book.hidden:
        return Finding(
            id="mail-hidden-from-address-book",
            severity=Severity.INFO,
            seen=t(
                "{count} hidden from address lists (msExchHideFromAddressLists): {some}.",
                count=counted(len(book.hidden), "written-back group"),
                some=first_of(_names(book.hidden), 5),
            ),
            why=t("Such a group has no showInAddressBook, so nothing in AD shows whether Update-Recipient has run."),
            to_do=t("Run Update-Recipient for each once; the hand-off has the lines."),
            source=_SOURCE,
            values={"count": len(book.hidden)},
            hand_offs=(update_recipients(book),),
        )
    return None


def update_recipients(book: AddressBook) -> UpdateRecipients:
    """The lines for every group that ``Update-Recipient`` is to be run for."""
    return UpdateRecipients(tuple(group.dn for group in book.to_update))


def _names(groups: Sequence[WrittenGroup]) -> list[str]:
    return [printable(group.display_name or group.dn, limit=120) for group in groups]

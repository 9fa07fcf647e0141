"""Written-back groups and the address book: from AD objects to what is left to do, and never more than AD shows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.exchange.address_book import address_book_of, written_group
from runbook_lib.exchange.recipients import WrittenGroup
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.finding import Severity
from runbook_lib.model.ids import as_group_id, as_object_guid
from runbook_lib.preflight.address_book import address_book_finding
from runbook_lib.preflight.hand_off import UpdateRecipients

GROUP = as_group_id("11111111-1111-4111-8111-111111111111")


def in_ad(**attributes: tuple[str, ...]) -> DirectoryGroup:
    return DirectoryGroup(as_object_guid(b"\x01" * 16), "CN=Sales,OU=G", None, attributes)


def group(name: str, *, mail: str | None = "a@x.example", book: bool = False, hidden: bool = False) -> WrittenGroup:
    return WrittenGroup(GROUP, name, f"CN={name},OU=G", name, mail, None, book, hidden)


ANY = st.builds(
    WrittenGroup,
    st.just(GROUP),
    st.text(max_size=3),
    st.text(max_size=3),
    st.text(max_size=3),
    st.sampled_from([None, "", "a@x.example"]),
    st.none(),
    st.booleans(),
    st.booleans(),
)


def test_what_ad_shows_of_a_group() -> None:
    seen = written_group(
        in_ad(
            displayName=("Sales",),
            mail=("sales@x.example",),
            showInAddressBook=("CN=All Groups,CN=All Address Lists",),
            targetAddress=("SMTP:sales@x.mail.onmicrosoft.com",),
        ),
        GROUP,
    )
    assert (seen.display_name, seen.mail, seen.in_address_book, seen.hidden) == (
        "Sales",
        "sales@x.example",
        True,
        False,
    )
    assert seen.target_address == "SMTP:sales@x.mail.onmicrosoft.com"
    bare = written_group(in_ad(msExchHideFromAddressLists=("TRUE",)), GROUP)
    assert (bare.mail, bare.in_address_book, bare.hidden) == (None, False, True)
    assert not written_group(in_ad(msExchHideFromAddressLists=("FALSE",), showInAddressBook=()), GROUP).hidden


def test_each_state() -> None:
    book = address_book_of(
        [group("A"), group("B", book=True), group("C", mail=None), group("D", hidden=True), group("E")]
    )
    assert [one.display_name for one in book.waiting] == ["A", "E"]
    assert [one.display_name for one in book.to_update] == ["A", "E", "D"]
    assert book.text == (
        "1 group in the address book; 2 groups waiting for Update-Recipient; 1 group hidden from address lists, so "
        "that nothing shows whether Update-Recipient has run; 1 group without an address"
    )


@given(st.lists(ANY, max_size=8))
def test_every_group_has_one_state_and_a_listed_one_is_never_handed_over(groups: list[WrittenGroup]) -> None:
    book = address_book_of(groups)
    states = (*book.listed, *book.waiting, *book.hidden, *book.without_address)
    assert sorted(states, key=repr) == sorted(groups, key=repr)
    assert all(one.mail and one.in_address_book for one in book.listed)
    assert all(one.mail and not one.in_address_book for one in book.to_update)
    finding = address_book_finding(book, has_shell=True)
    assert (finding is None) is (not book.to_update)
    if finding is not None:
        assert finding.hand_offs == (UpdateRecipients(tuple(one.dn for one in book.to_update)),)


def test_hidden_groups_alone_are_told_and_do_not_alarm() -> None:
    finding = address_book_finding(address_book_of([group("D", hidden=True)]), has_shell=True)
    assert finding is not None
    assert (finding.id, finding.severity) == ("mail-hidden-from-address-book", Severity.INFO)
    (lines,) = finding.hand_offs
    assert lines.title == "Address book: 1 group"
    assert lines.text().count("Update-Recipient") == 1
    assert "'CN=D,OU=G'" in lines.text()

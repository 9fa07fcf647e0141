"""Mail contacts that stand for groups: what AD shows of each, and that only one that leads to its group counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.inventory.index import index_directory
from runbook_lib.inventory.mail_contacts import (
    ContactState,
    GroupContact,
    group_contacts,
    routing_address,
    routing_domain_of,
)
from runbook_lib.model.cloud import CloudGroup, CloudKind
from runbook_lib.model.directory import DirectoryObject
from tests.support import builders as b

ROUTING = "contoso.mail.onmicrosoft.com"
ADDRESS, FORWARD = "sales@groups.contoso.com", f"sales@{ROUTING}"
SALES = b.cloud_group("Sales", mail="Sales@groups.contoso.com", proxy_addresses=("SMTP:Sales@groups.contoso.com",))


def contact(name: str = "Sales", **more: object) -> DirectoryObject:
    whole = b.ad_user(
        f"contact {name}",
        object_class="contact",
        sid=None,
        sam_account_name=None,
        mail=ADDRESS,
        proxy_addresses=(f"SMTP:{ADDRESS}", f"smtp:{FORWARD}"),
        target_address=f"SMTP:{FORWARD}",
        in_address_book=True,
    )
    return replace(whole, **more)  # type: ignore[arg-type]


def seen(*objects: DirectoryObject, group: CloudGroup = SALES, routing: str = ROUTING) -> list[GroupContact]:
    return list(group_contacts([group], index_directory(b.directory_side(objects)), routing))


def test_one_that_stands() -> None:
    (one,) = seen(contact())
    assert (one.state, one.address, one.routing, one.why) == (ContactState.STANDING, ADDRESS, FORWARD, "")
    assert one.dn == contact().dn
    (one,) = seen(contact(in_address_book=False))
    assert one.state is ContactState.UNLISTED
    assert one.state.forwards


@pytest.mark.parametrize(
    ("objects", "state", "why"),
    [
        ((), ContactState.MISSING, ""),
        ((contact(target_address=None),), ContactState.WRONG, "It forwards to nowhere (targetAddress is empty)"),
        ((contact(target_address="SMTP:x@other.example"),), ContactState.WRONG, "It forwards to SMTP:x@other.example"),
        ((contact(target_address=FORWARD),), ContactState.WRONG, f"It forwards to {FORWARD}, not to"),
        (
            (contact(mail=FORWARD, proxy_addresses=(f"SMTP:{FORWARD}",)),),
            ContactState.WRONG,
            f"It lacks the address {ADDRESS}.",
        ),
        ((contact(), contact("Twin")), ContactState.WRONG, "Several contacts have its addresses"),
        ((b.ad_user("Kim", mail=ADDRESS),), ContactState.TAKEN, f"{b.user_dn('Kim')} holds its address."),
        ((b.ad_user("Kim", mail=ADDRESS), contact()), ContactState.WRONG, "holds its address."),
    ],
)
def test_what_does_not_lead_to_the_group_is_not_called_right(
    objects: tuple[DirectoryObject, ...], state: ContactState, why: str
) -> None:
    (one,) = seen(*objects)
    assert (one.state, state.forwards) == (state, False)
    assert why in one.why


def test_other_groups_and_groups_that_are_written_for_mail_need_none() -> None:
    assert seen(group=replace(SALES, mail=None)) == []
    assert seen(group=replace(SALES, kind=CloudKind.SECURITY)) == []
    assert seen(routing="") == []
    own = b.written(SALES, attributes={"mail": (ADDRESS,)})
    assert list(group_contacts([SALES], index_directory(b.directory_side((), [own])), ROUTING)) == []
    bare = b.written(SALES)
    (one,) = group_contacts([SALES], index_directory(b.directory_side((), [bare])), ROUTING)
    assert one.state is ContactState.MISSING


def test_an_address_that_the_group_has_in_the_routing_domain_is_the_one() -> None:
    group = replace(SALES, proxy_addresses=(*SALES.proxy_addresses, f"smtp:team7@{ROUTING}"))
    assert routing_address(group, ROUTING) == f"team7@{ROUTING}"
    (one,) = seen(contact(), group=group)
    assert one.state is ContactState.WRONG
    (one,) = seen(contact(target_address=f"smtp:TEAM7@{ROUTING}"), group=group)
    assert one.state is ContactState.STANDING


@given(st.text(max_size=20), st.text(max_size=20))
def test_nothing_but_the_groups_own_address_is_ever_called_right(target: str, address: str) -> None:
    (one,) = seen(contact(target_address=f"SMTP:{target}", mail=address, proxy_addresses=(f"smtp:{FORWARD}",)))
    right = target.strip().lower() == FORWARD and address.strip().lower() == ADDRESS
    assert one.state.forwards is right


def test_the_routing_domain() -> None:
    assert routing_domain_of(["b.example", "Contoso.mail.onmicrosoft.com"])[0] == ROUTING
    made, how = routing_domain_of(["contoso.onmicrosoft.com", "contoso.com"])
    assert (made, how) == (ROUTING, "Made from the tenant's initial domain contoso.onmicrosoft.com.")
    assert routing_domain_of(["a.onmicrosoft.com", "b.onmicrosoft.com"]) == ("", "")
    assert routing_domain_of([]) == ("", "")

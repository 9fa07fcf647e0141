"""Contacts beside a plan of the route direct: offered where groups are written, taken back where they are not."""

from __future__ import annotations

from dataclasses import replace

from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.mail_contacts import ContactState
from runbook_lib.model.cloud import CloudGroup, Tenant
from runbook_lib.model.directory import GROUP_ATTRIBUTES, DirectoryGroup, DirectoryObject
from runbook_lib.model.finding import Severity
from runbook_lib.preflight.hand_off import MailContact, MakeMailContacts, RemoveMailContacts, StandingContact
from runbook_lib.routes.direct.mail_contacts import MOST_CONTACTS, contacts_of_plan
from runbook_lib.routes.direct.payload import DIRECT_TYPES
from runbook_lib.routes.direct.plan_disable import plan_disable
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.shown.hand_offs import hand_offs_of_plan_view, hand_offs_text, mail_contacts_view
from tests.support import builders as b

ROUTING = "contoso.mail.onmicrosoft.com"


def group(name: str) -> CloudGroup:
    address = f"{name.lower()}@groups.contoso.com"
    return b.cloud_group(name, mail=address, proxy_addresses=(f"SMTP:{address}",))


def contact(name: str, target: str = "") -> DirectoryObject:
    address, forward = f"{name.lower()}@groups.contoso.com", f"{name.lower()}@{ROUTING}"
    return b.ad_user(
        f"contact {name}",
        object_class="contact",
        sid=None,
        sam_account_name=None,
        mail=address,
        proxy_addresses=(f"SMTP:{address}", f"smtp:{forward}"),
        target_address=f"SMTP:{target or forward}",
        in_address_book=True,
    )


def both(
    groups: list[CloudGroup],
    objects: tuple[DirectoryObject, ...] = (),
    written: tuple[DirectoryGroup, ...] = (),
    *,
    exchange: bool = True,
) -> Inventory:
    cloud = b.cloud_side(groups, {one.display_name: [] for one in groups})
    cloud = replace(cloud, tenant=Tenant(b.TENANT, "Contoso", verified_domains=("contoso.com", ROUTING)))
    names = GROUP_ATTRIBUTES if exchange else [name for name in GROUP_ATTRIBUTES if name != "mailNickname"]
    return b.inventory_of(cloud, b.directory_side(objects, written, attributes=names))


def test_groups_that_are_written_are_offered_contacts_those_in_step_too() -> None:
    sales, team, crew = group("Sales"), group("Team"), group("Crew")
    inventory = both([sales, team, crew], (contact("Team"),), (b.written(crew), b.written(team)))
    policy = b.policy("Sales", "Team", "Crew")
    plan = plan_enable(inventory, policy).plan
    assert {change.display_name for change in plan.changes} == {"Sales"}
    contacts = contacts_of_plan(inventory, DIRECT_TYPES.plan(plan), policy)
    assert {one.display_name: one.state for one in contacts.staying} == {
        "Sales": ContactState.MISSING,
        "Team": ContactState.STANDING,
        "Crew": ContactState.MISSING,
    }
    assert contacts.leaving == ()
    (offered,) = contacts.findings
    assert (offered.id, offered.severity) == ("mail-contacts", Severity.INFO)
    assert "2 groups without a mail contact on premises, 1 with one" in offered.seen
    (lines,) = offered.hand_offs
    assert lines == MakeMailContacts(
        (
            MailContact("Sales", "sales@groups.contoso.com", f"sales@{ROUTING}"),
            MailContact("Crew", "crew@groups.contoso.com", f"crew@{ROUTING}"),
        )
    )
    view = hand_offs_of_plan_view(contacts.findings)
    assert view is not None
    assert "New-MailContact" in view.html
    text = hand_offs_text(contacts.hand_offs)
    assert text.startswith("# Mail contacts for 2 groups, in: Exchange Online PowerShell")
    assert text.endswith(lines.text())


def test_a_contact_that_forwards_to_its_group_is_no_foreign_holder_of_the_address() -> None:
    sales = group("Sales")
    good, bad = (both([sales], (one,)) for one in (contact("Sales"), contact("Sales", "x@other.example")))
    policy = b.policy("Sales")
    assert "mail-address-taken" not in {one.id for one in plan_enable(good, policy).findings}
    assert "mail-address-taken" in {one.id for one in plan_enable(bad, policy).findings}
    (wrong,) = contacts_of_plan(bad, DIRECT_TYPES.plan(plan_enable(bad, policy).plan), policy).findings
    assert (wrong.id, wrong.severity) == ("mail-contact-wrong", Severity.WARNING)
    assert "Sales: It forwards to SMTP:x@other.example" in wrong.seen


def test_contacts_of_disabled_groups_are_handed_over_until_they_are_gone() -> None:
    sales, team = group("Sales"), group("Team")
    policy = b.disable_policy("Sales", "Team")
    retired = (b.written(sales, parent=b.RETIRED_OU, retired=True), b.written(team))
    inventory = both([sales, team], (contact("Sales"), contact("Team")), retired)
    plan = plan_disable(inventory, policy).plan
    assert [change.display_name for change in plan.changes] == ["Team"]
    (left,) = contacts_of_plan(inventory, DIRECT_TYPES.plan(plan), policy).findings
    assert (left.id, left.severity) == ("mail-contacts-left", Severity.WARNING)
    (lines,) = left.hand_offs
    assert isinstance(lines, RemoveMailContacts)
    assert set(lines.contacts) == {
        StandingContact(contact("Sales").dn, "sales@groups.contoso.com"),
        StandingContact(contact("Team").dn, "team@groups.contoso.com"),
    }
    gone = both([sales, team], (), retired)
    assert contacts_of_plan(gone, DIRECT_TYPES.plan(plan_disable(gone, policy).plan), policy).findings == ()
    elsewhere = both([sales, team], (contact("Sales", "x@other.example"),), retired)
    found = contacts_of_plan(elsewhere, DIRECT_TYPES.plan(plan_disable(elsewhere, policy).plan), policy)
    assert found.findings == (), "a contact of somebody else is not ours to remove"


def test_nothing_is_offered_where_nobody_could_make_a_contact() -> None:
    sales, policy = group("Sales"), b.policy("Sales")
    without = both([sales], exchange=False)
    assert contacts_of_plan(without, DIRECT_TYPES.plan(plan_enable(without, policy).plan), policy).all == ()
    unknown = replace(without, directory=replace(without.directory, group_attributes=frozenset(GROUP_ATTRIBUTES)))
    unknown = replace(unknown, cloud=replace(unknown.cloud, tenant=Tenant(b.TENANT, "Contoso")))
    assert contacts_of_plan(unknown, DIRECT_TYPES.plan(plan_enable(unknown, policy).plan), policy).all == ()


def test_the_table_says_how_each_contact_stands() -> None:
    sales, team = group("Sales"), group("Team")
    inventory, policy = both([sales, team], (contact("Team", "x@other.example"),)), b.policy("Sales", "Team")
    contacts = contacts_of_plan(inventory, DIRECT_TYPES.plan(plan_enable(inventory, policy).plan), policy)
    view = mail_contacts_view(contacts.all)
    assert view.text == "0 of 2 groups with a mail contact that forwards to the group."
    assert "not right. It forwards to SMTP:x@other.example" in view.html


def test_a_large_plan_shows_some_lines_and_keeps_all() -> None:
    names = [f"Team{number}" for number in range(MOST_CONTACTS + 7)]
    inventory, policy = both([group(name) for name in names]), b.policy("Team*", limits=replace(b.WIDE, creates=100))
    contacts = contacts_of_plan(inventory, DIRECT_TYPES.plan(plan_enable(inventory, policy).plan), policy)
    (offered,) = contacts.findings
    (lines,) = offered.hand_offs
    assert lines.text().count("New-MailContact ") == MOST_CONTACTS
    assert offered.values["count"] == len(names)
    assert "57 groups without a mail contact" in offered.seen
    assert hand_offs_text(contacts.hand_offs).count("New-MailContact ") == len(names)

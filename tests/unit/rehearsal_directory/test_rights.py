"""Descriptors at work: who may do what, by which entry, inherited from where."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rehearsal.directory import DirectoryStore, deletion, lifecycle
from rehearsal.directory.changes import DELETE, REPLACE, Modification
from rehearsal.directory.descriptors import DACL, OWNER
from rehearsal.directory.failures import LdapError
from rehearsal.directory.tree import Guid
from runbook_lib.directory.rights.constants import AccessMask, GuidKind, WellKnownSid, guid_of
from runbook_lib.directory.rights.descriptor import Ace, AceFlag, Control, SecurityDescriptor, parse_security_descriptor
from runbook_lib.directory.rights.sddl import parse_sddl
from tests.unit.rehearsal_directory.conftest import BASE, GROUPS, STAFF

ADMINISTRATOR = f"CN=Administrator,CN=Users,{BASE}"
BOB = f"CN=bob,{STAFF}"
GROUP = guid_of(GuidKind.CLASS, "group")
TEAM = f"CN=Team,{GROUPS}"


def _attribute(name: str) -> str:
    return guid_of(GuidKind.ATTRIBUTE, name)


def _act(store: DirectoryStore, who: str, what: str) -> None:
    """One operation in an account's name, on the group Team or around it."""
    account = store.node(who).guid
    if what == "create":
        store.add(f"CN=New,{GROUPS}", {"objectClass": ["group"]}, as_system=False, account=who)
    elif what == "create user":
        store.add(f"CN=New,{GROUPS}", {"objectClass": ["user"]}, as_system=False, account=who)
    elif what == "delete":
        deletion.delete(store, account, store.node(TEAM))
    elif what == "rename":
        lifecycle.rename(store, account, store.node(TEAM), "CN=Other", None)
    elif what == "move":
        lifecycle.rename(store, account, store.node(TEAM), "CN=Team", store.node(STAFF))
    elif what == "undelete":
        gone = next(node for node in store.tree.nodes.values() if node.deleted and "group" in node.classes)
        deletion.undelete(store, account, gone, TEAM, ())
    else:
        lifecycle.modify(store, account, store.node(TEAM), [Modification(REPLACE, what, (b"text",))])


def _allowed(store: DirectoryStore, who: str, what: str) -> bool:
    """Whether an operation is allowed; afterwards everything is as it was."""
    before = store.snapshot()
    try:
        _act(store, who, what)
    except LdapError as refused:
        assert refused.code == 50  # noqa: PT017 - any other refusal is a fault of the test
        assert store.usn == before.usn
        return False
    store.restore(before)
    return True


@pytest.fixture
def team(store: DirectoryStore) -> DirectoryStore:
    """With a group that administrators made; Bob holds nothing."""
    store.add(TEAM, {"objectClass": ["group"], "sAMAccountName": "team"})
    return store


def _give(store: DirectoryStore, dn: str, *entries: str) -> None:
    sid = store.sid(BOB)
    store.descriptors.add_entries(dn, "".join(entry.replace("BOB", sid) for entry in entries))


@pytest.mark.parametrize(
    ("what", "needed"),
    [
        ("create", [(GROUPS, f"(OA;;CC;{GROUP};;BOB)")]),
        ("create", [(BASE, f"(OA;CI;CC;{GROUP};;BOB)")]),
        ("create user", [(GROUPS, f"(OA;;CC;{guid_of(GuidKind.CLASS, 'user')};;BOB)")]),
        ("delete", [(TEAM, "(A;;SD;;;BOB)")]),
        ("delete", [(GROUPS, f"(OA;;DC;{GROUP};;BOB)")]),
        ("delete", [(GROUPS, f"(OA;CIIO;SD;;{GROUP};BOB)")]),
        ("description", [(TEAM, f"(OA;;WP;{_attribute('description')};;BOB)")]),
        ("description", [(TEAM, f"(OA;;WP;{guid_of(GuidKind.PROPERTY_SET, 'Public-Information')};;BOB)")]),
        ("description", [(TEAM, f"(OA;;WP;{GROUP};;BOB)")]),
        ("description", [(GROUPS, f"(OA;CIIO;GW;;{GROUP};BOB)")]),
        ("info", [(TEAM, f"(OA;;WP;{guid_of(GuidKind.PROPERTY_SET, 'Personal-Information')};;BOB)")]),
        ("rename", [(TEAM, f"(OA;;WP;{_attribute('name')};;BOB)"), (TEAM, f"(OA;;WP;{_attribute('cn')};;BOB)")]),
        (
            "move",
            [
                (TEAM, f"(OA;;WP;{_attribute('name')};;BOB)"),
                (TEAM, f"(OA;;WP;{_attribute('cn')};;BOB)"),
                (GROUPS, f"(OA;;DC;{GROUP};;BOB)"),
                (STAFF, f"(OA;;CC;{GROUP};;BOB)"),
            ],
        ),
    ],
)
def test_exactly_these_rights(team: DirectoryStore, what: str, needed: list[tuple[str, str]]) -> None:
    """With all of them the operation is allowed; without any one of them, or with a deny in its place, it is not."""
    assert not _allowed(team, BOB, what)
    for left_out in range(len(needed)):
        before = team.snapshot()
        for number, (dn, entry) in enumerate(needed):
            if number != left_out:
                _give(team, dn, entry)
        assert not _allowed(team, BOB, what)
        team.restore(before)
    for dn, entry in needed:
        _give(team, dn, entry)
    assert _allowed(team, BOB, what)
    dn, entry = needed[0]
    _give(team, dn, entry.replace("(OA", "(OD").replace("(A", "(D"))
    assert not _allowed(team, BOB, what)


@pytest.mark.parametrize(
    ("what", "entry"),
    [
        ("create user", (GROUPS, f"(OA;;CC;{GROUP};;BOB)")),
        ("delete", (GROUPS, f"(OA;;DC;{guid_of(GuidKind.CLASS, 'user')};;BOB)")),
        ("delete", (GROUPS, f"(OA;CIIO;SD;;{guid_of(GuidKind.CLASS, 'user')};BOB)")),
        ("delete", (TEAM, "(A;CIIO;SD;;;BOB)")),
        ("description", (TEAM, f"(OA;;WP;{_attribute('info')};;BOB)")),
        ("description", (GROUPS, "(A;;WP;;;BOB)")),
        ("description", (BASE, f"(OA;CINPIO;WP;;{GROUP};BOB)")),
        ("move", (TEAM, "(A;;WPSD;;;BOB)")),
    ],
)
def test_rights_that_are_not_enough(team: DirectoryStore, what: str, entry: tuple[str, str]) -> None:
    """Of another class, another attribute, one level only, for children only, for one end of a move only."""
    _give(team, *entry)
    assert not _allowed(team, BOB, what)


def test_entries_near_come_before_entries_from_afar(team: DirectoryStore) -> None:
    """An explicit allow wins over an inherited deny; among explicit ones the deny does."""
    _give(team, GROUPS, "(D;CI;SD;;;BOB)")
    assert not _allowed(team, BOB, "delete")
    _give(team, TEAM, "(A;;SD;;;BOB)")
    assert _allowed(team, BOB, "delete")
    _give(team, TEAM, "(D;;SD;;;BOB)")
    assert not _allowed(team, BOB, "delete")


def test_rights_of_groups(team: DirectoryStore) -> None:
    """A right of a group is every member's, through nested groups too; not a distribution group's."""
    outer, inner = f"CN=outer,{GROUPS}", f"CN=inner,{GROUPS}"
    team.add(inner, {"objectClass": ["group"], "groupType": "-2147483646", "member": [BOB]})
    team.add(outer, {"objectClass": ["group"], "groupType": "-2147483640", "member": [inner]})
    team.descriptors.add_entries(TEAM, f"(A;;SD;;;{team.sid(outer)})")
    assert _allowed(team, BOB, "delete")
    team.modify(outer, {"groupType": "8"})
    assert not _allowed(team, BOB, "delete")
    team.modify(outer, {"groupType": "-2147483640"})
    team.modify(inner, {"member": []})
    assert not _allowed(team, BOB, "delete")


@pytest.mark.parametrize("sid", ["AU", "WD", "DU", "BU"])
def test_rights_of_everybody(team: DirectoryStore, sid: str) -> None:
    """Authenticated users, everyone, the primary group, and the group that authenticated users are in."""
    team.descriptors.add_entries(TEAM, f"(A;;SD;;;{sid})")
    assert _allowed(team, BOB, "delete")


def test_self(store: DirectoryStore) -> None:
    """SELF is the object's own account: people may change their own telephone number, and nobody else's."""
    change = [Modification(REPLACE, "telephoneNumber", (b"1",))]
    lifecycle.modify(store, store.node(BOB).guid, store.node(BOB), change)
    with pytest.raises(LdapError, match="00002098"):
        lifecycle.modify(store, store.node(BOB).guid, store.node(f"CN=ann,{STAFF}"), change)


def test_owners(team: DirectoryStore) -> None:
    """Who creates an object owns it and may change its DACL, unless OWNER RIGHTS says otherwise."""
    _give(team, GROUPS, f"(OA;;CC;{GROUP};;BOB)")
    team.add(f"CN=Own,{GROUPS}", {"objectClass": ["group"]}, as_system=False, account=BOB)
    own, bob = team.node(f"CN=Own,{GROUPS}"), team.node(BOB).guid
    assert team.descriptors.of(own).owner == team.sid(BOB)
    assert team.rights.may(bob, own, AccessMask.WRITE_DAC)
    assert not team.rights.may(bob, own, AccessMask.WRITE_PROPERTY)
    assert not team.rights.may(bob, team.node(TEAM), AccessMask.WRITE_DAC)
    team.descriptors.add_entries(f"CN=Own,{GROUPS}", "(A;;RP;;;OW)")
    assert not team.rights.may(bob, team.node(f"CN=Own,{GROUPS}"), AccessMask.WRITE_DAC)
    assert team.descriptors.of(team.node(TEAM)).owner == f"{team.domain_sid}-512"


def test_protection_from_deletion(team: DirectoryStore) -> None:
    """What the check box in Active Directory Users and Computers writes stops administrators too."""
    assert _allowed(team, ADMINISTRATOR, "delete")
    team.descriptors.add_entries(TEAM, "(D;;SDDT;;;WD)")
    team.descriptors.add_entries(GROUPS, "(D;;DC;;;WD)")
    assert not _allowed(team, ADMINISTRATOR, "delete")
    assert not _allowed(team, ADMINISTRATOR, "move")
    assert _allowed(team, ADMINISTRATOR, "rename")


def test_whole_trees_take_one_right_on_their_root(team: DirectoryStore) -> None:
    """DELETE TREE on the root is enough, whatever protects what is below; without it nothing is."""
    team.descriptors.add_entries(TEAM, "(D;;SDDT;;;WD)")
    _give(team, GROUPS, "(A;;SD;;;BOB)")
    bob, before = team.node(BOB).guid, team.dump()
    with pytest.raises(LdapError, match="4003"):
        deletion.delete(team, bob, team.node(GROUPS), tree_delete=True)
    assert team.dump() == before
    _give(team, GROUPS, "(A;;DT;;;BOB)")
    deletion.delete(team, bob, team.node(GROUPS), tree_delete=True)
    assert team.tree.find(TEAM) is None


def test_undeleting_takes_three_rights(team: DirectoryStore) -> None:
    """Reanimate at the naming context's head, the name, and creation where it goes."""
    right = guid_of(GuidKind.EXTENDED_RIGHT, "Reanimate-Tombstones")
    needed = [
        (BASE, f"(OA;;CR;{right};;BOB)"),
        (GROUPS, f"(OA;;CC;{GROUP};;BOB)"),
        (GROUPS, f"(OA;CIIO;WP;;{GROUP};BOB)"),
    ]
    for left_out in range(len(needed) + 1):
        before = team.snapshot()
        for number, (dn, entry) in enumerate(needed):
            if number != left_out:
                _give(team, dn, entry)
        team.delete(TEAM)
        assert _allowed(team, BOB, "undelete") == (left_out == len(needed))
        team.restore(before)


def test_deleted_objects_are_for_administrators(team: DirectoryStore) -> None:
    """Nobody else may list them, until told."""
    team.delete(TEAM)
    gone = next(node.guid for node in team.tree.nodes.values() if node.deleted and "group" in node.classes)
    assert team.rights.may_see(team.node(ADMINISTRATOR).guid, gone)
    assert not team.rights.may_see(team.node(BOB).guid, gone)
    team.grant_reanimation(BOB)
    assert team.rights.may_see(team.node(BOB).guid, gone)


# inheritance


def _inherited(store: DirectoryStore, dn: str, sid: str) -> list[Ace]:
    return [ace for ace in store.descriptors.of(store.node(dn)).entries if ace.sid == sid and ace.inherited]


def test_what_is_granted_above_reaches_what_is_below(team: DirectoryStore) -> None:
    """At once, at every depth, for the class it is meant for; to new objects and to those moved there."""
    inner = f"OU=inner,{GROUPS}"
    team.add(inner, {"objectClass": ["organizationalUnit"]})
    team.add(f"CN=deep,{inner}", {"objectClass": ["group"]})
    usn = team.usn
    _give(team, GROUPS, f"(OA;CIIO;RPWP;;{GROUP};BOB)")
    assert team.usn == usn + 1
    (on_ou,) = _inherited(team, inner, team.sid(BOB))
    assert on_ou.flags == AceFlag.INHERITED | AceFlag.CONTAINER_INHERIT | AceFlag.INHERIT_ONLY
    team.add(f"CN=later,{inner}", {"objectClass": ["group"]})
    for dn in (TEAM, f"CN=deep,{inner}", f"CN=later,{inner}"):
        (ace,) = _inherited(team, dn, team.sid(BOB))
        assert (ace.applies_here, ace.inherited_object_type) == (True, GROUP)
    lifecycle.rename(team, team.node(ADMINISTRATOR).guid, team.node(inner), "OU=inner", team.node(STAFF))
    assert _inherited(team, f"CN=deep,OU=inner,{STAFF}", team.sid(BOB)) == []
    lifecycle.rename(team, team.node(ADMINISTRATOR).guid, team.node(f"OU=inner,{STAFF}"), "OU=inner", team.node(GROUPS))
    assert len(_inherited(team, f"CN=deep,{inner}", team.sid(BOB))) == 1


def test_a_list_written_by_a_client_is_handed_down(team: DirectoryStore) -> None:
    """Whoever may change an OU's list changes what its groups inherit."""
    given = parse_sddl(f"D:(A;CI;DT;;;{team.sid(BOB)})", team.domain_sid)
    change = Modification(REPLACE, "nTSecurityDescriptor", (given.to_bytes(),))
    lifecycle.modify(team, team.node(ADMINISTRATOR).guid, team.node(GROUPS), [change], parts=DACL)
    assert [ace.mask for ace in _inherited(team, TEAM, team.sid(BOB))] == [AccessMask.DELETE_TREE]


def test_a_protected_list_takes_nothing_from_above(team: DirectoryStore) -> None:
    """Inherited entries go when the list is protected, and come back when it is not; its own stay."""
    _give(team, TEAM, "(A;;LC;;;BOB)")
    _give(team, GROUPS, "(A;CI;DTLO;;;BOB)")
    assert len(_inherited(team, TEAM, team.sid(BOB))) == 1
    whole = team.descriptors.of(team.node(TEAM))
    for control, count in ((whole.control | Control.DACL_PROTECTED, 0), (whole.control, 1)):
        wanted = SecurityDescriptor(dacl=whole.dacl, control=control).to_bytes()
        change = Modification(REPLACE, "nTSecurityDescriptor", (wanted,))
        lifecycle.modify(team, team.node(ADMINISTRATOR).guid, team.node(TEAM), [change], parts=DACL)
        assert len(_inherited(team, TEAM, team.sid(BOB))) == count
        own = [ace for ace in team.descriptors.of(team.node(TEAM)).entries if ace.sid == team.sid(BOB)]
        assert any(ace.mask == AccessMask.LIST_CONTENTS and not ace.inherited for ace in own)
        assert team.descriptors.of(team.node(TEAM)).owner == whole.owner


def test_creator_owner_becomes_the_creator(team: DirectoryStore) -> None:
    """An inheritable entry for CREATOR OWNER means whoever creates what is below, and is handed on as it is."""
    team.descriptors.add_entries(GROUPS, "(A;CI;SD;;;CO)")
    _give(team, GROUPS, f"(OA;;CC;{GROUP};;BOB)")
    team.add(f"CN=Own,{GROUPS}", {"objectClass": ["group"]}, as_system=False, account=BOB)
    (ace,) = _inherited(team, f"CN=Own,{GROUPS}", team.sid(BOB))
    assert (ace.mask, ace.flags) == (AccessMask.DELETE, AceFlag.INHERITED)
    kept = _inherited(team, f"CN=Own,{GROUPS}", WellKnownSid.CREATOR_OWNER)
    assert [ace.applies_here for ace in kept if ace.mask == AccessMask.DELETE] == [False]


def test_protected_accounts_inherit_nothing(store: DirectoryStore) -> None:
    """Administrators and their groups have AdminSDHolder's list."""
    _give(store, BASE, "(A;CI;GA;;;BOB)")
    for dn in (ADMINISTRATOR, f"CN=Domain Admins,CN=Users,{BASE}"):
        assert store.descriptors.of(store.node(dn)).protected
        assert _inherited(store, dn, store.sid(BOB)) == []
    assert len(_inherited(store, GROUPS, store.sid(BOB))) == 1


# the descriptor as an attribute


def _writes(value: SecurityDescriptor, parts: int) -> Callable[[DirectoryStore, Guid], None]:
    change = Modification(REPLACE, "nTSecurityDescriptor", (value.to_bytes(),))
    return lambda store, account: lifecycle.modify(store, account, store.node(TEAM), [change], parts=parts)


def test_parts_of_the_descriptor_take_their_own_rights(team: DirectoryStore) -> None:
    """WRITE DAC for the list, WRITE OWNER for the owner; write property on everything is neither."""
    bob, whole = team.node(BOB).guid, team.descriptors.of(team.node(TEAM))
    owner = _writes(SecurityDescriptor(owner=team.sid(BOB)), OWNER)
    dacl = _writes(SecurityDescriptor(dacl=whole.dacl), DACL)
    _give(team, TEAM, "(A;;GW;;;BOB)")
    for write, right in ((dacl, "WD"), (owner, "WO")):
        with pytest.raises(LdapError, match="4003"):
            write(team, bob)
        before = team.snapshot()
        _give(team, TEAM, f"(A;;{right};;;BOB)")
        write(team, bob)
        after = team.descriptors.of(team.node(TEAM))
        assert after.dacl is not None
        assert {ace for ace in whole.entries if not ace.inherited} <= set(after.entries)
        assert after.owner == (team.sid(BOB) if write is owner else whole.owner)
        team.restore(before)


@pytest.mark.parametrize(
    "change",
    [
        Modification(REPLACE, "nTSecurityDescriptor", (b"nonsense",)),
        Modification(REPLACE, "nTSecurityDescriptor", ()),
        Modification(DELETE, "nTSecurityDescriptor", ()),
    ],
)
def test_an_object_keeps_a_descriptor(team: DirectoryStore, change: Modification) -> None:
    """Nonsense is refused, and so is taking it away."""
    with pytest.raises(LdapError) as refused:
        lifecycle.modify(team, team.node(ADMINISTRATOR).guid, team.node(TEAM), [change])
    assert refused.value.code in {21, 53}


def test_reading_the_descriptor(team: DirectoryStore) -> None:
    """Parts that were asked for, no others; the system list takes an administrator."""
    node, bob, administrator = team.node(TEAM), team.node(BOB).guid, team.node(ADMINISTRATOR).guid
    owner = parse_security_descriptor(team.descriptors.part(node, OWNER))
    assert (owner.owner, owner.group, owner.dacl) == (f"{team.domain_sid}-512", None, None)
    dacl = parse_security_descriptor(team.descriptors.part(node, DACL))
    assert dacl.owner is None
    assert dacl.dacl == team.descriptors.of(node).dacl
    assert team.rights.may_read_descriptor(bob, node, 7)
    assert not team.rights.may_read_descriptor(bob, node, 15)
    assert team.rights.may_read_descriptor(administrator, node, 15)
    assert [team.rights.writable_parts(account, node) for account in (bob, administrator)] == [0, 15]


def test_attributes_that_may_not_be_read(team: DirectoryStore) -> None:
    """One attribute is hidden by a deny for it, everything by one for all; members count as the link they are."""
    bob = team.node(BOB).guid
    team.modify(TEAM, {"member": [BOB], "info": "secret"})
    assert team.rights.hidden_attributes(bob, team.node(TEAM)) == frozenset()
    _give(team, TEAM, f"(OD;;RP;{_attribute('member')};;BOB)")
    assert team.rights.hidden_attributes(bob, team.node(TEAM)) & {"member", "info"} == {"member"}
    _give(team, TEAM, "(D;;RP;;;BOB)")
    assert {"member", "info", "cn"} <= team.rights.hidden_attributes(bob, team.node(TEAM))
    assert team.rights.hidden_attributes(team.node(ADMINISTRATOR).guid, team.node(TEAM)) == frozenset()


# SDDL


def test_sddl() -> None:
    """Owner, group, flags, aliases, pairs of letters, hexadecimal masks; a system list is passed over."""
    read = parse_sddl(
        f"O:DAG:EAD:PAI(OA;CIIO;RPWP;{GROUP};{GROUP};AU)(D;;0x10000;;;S-1-5-21-9)S:(AU;SA;WD;;;WD)", "S-1", "S-2"
    )
    assert (read.owner, read.group, read.sacl) == ("S-1-512", "S-2-519", None)
    assert read.control == Control.DACL_PROTECTED | Control.DACL_AUTO_INHERITED
    first, second = read.entries
    assert (first.mask, first.object_type) == (AccessMask.READ_PROPERTY | AccessMask.WRITE_PROPERTY, GROUP)
    assert (second.allows, second.mask, second.sid) == (False, AccessMask.DELETE, "S-1-5-21-9")


@pytest.mark.parametrize(
    "text",
    ["D:(A;;RP;;;XX)", "D:(A;;QQ;;;AU)", "D:(A;;RP;;AU)", "D:(Z;;RP;;;AU)", "D:(A;;RP;;;AU", "X:", "(A;;RP;;;AU)"],
)
def test_malformed_sddl(text: str) -> None:
    """Refused."""
    with pytest.raises(ValueError):  # noqa: PT011
        parse_sddl(text, "S-1-5-21-1")

"""Tombstones, the Recycle Bin, lifetimes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from rehearsal.directory import DirectoryStore, deletion
from rehearsal.directory.changes import REPLACE, Modification
from rehearsal.directory.failures import LdapError
from rehearsal.directory.rights import SYSTEM
from rehearsal.directory.tree import Node
from tests.unit.rehearsal_directory.conftest import BASE, GROUPS, NOW, STAFF

TEAM, HOLDER, ANN = f"CN=Team,{GROUPS}", f"CN=Holder,{GROUPS}", f"CN=ann,{STAFF}"


@pytest.fixture
def team(store: DirectoryStore) -> Iterator[DirectoryStore]:
    """A group with a member, a manager and everything else, that is itself a member."""
    values = {"sAMAccountName": "team", "adminDescription": "Group_x", "mail": "team@contoso.com", "managedBy": ANN}
    store.add(TEAM, {"objectClass": ["group"], "groupType": "8", "member": [ANN], "description": "ours", **values})
    store.add(HOLDER, {"objectClass": ["group"], "groupType": "8", "member": [TEAM]})
    clock = store.clock
    yield store
    store.clock = clock


def _deleted(store: DirectoryStore) -> Node:
    guid = store.node(TEAM).guid
    store.delete(TEAM)
    return store.tree.nodes[guid]


def _later(store: DirectoryStore, days: int) -> None:
    store.clock = lambda: NOW + timedelta(days=days)
    deletion.collect_garbage(store)


def test_a_tombstone_keeps_little(team: DirectoryStore) -> None:
    """Identifiers, names, type, descriptor, last place; neither anchor nor mail, nor links in any direction."""
    before = team.node(TEAM)
    gone = _deleted(team)
    kept = {"objectGUID", "objectSid", "sAMAccountName", "groupType", "objectClass", "nTSecurityDescriptor"}
    assert {name: gone.attributes[name] for name in kept} == {name: before.attributes[name] for name in kept}
    assert not {"adminDescription", "mail", "description", "sAMAccountType", "isRecycled"} & gone.attributes.keys()
    assert list(gone.links) == ["lastKnownParent"]
    assert gone.text("msDS-LastKnownRDN") == "Team"
    assert "member" not in team.node(HOLDER).links
    assert gone.vanished == 1


def test_the_recycle_bin_keeps_everything(team: DirectoryStore) -> None:
    """Attributes stay, links are hidden, and all come back with one modify, on the side of the holder too."""
    team.recycle_bin = True
    before = team.node(TEAM)
    gone = _deleted(team)
    assert (gone.text("adminDescription"), gone.text("mail")) == ("Group_x", "team@contoso.com")
    assert "member" not in gone.links
    assert "member" not in team.node(HOLDER).links
    deletion.undelete(team, SYSTEM, gone, TEAM, [Modification(REPLACE, "description", (b"back",))])
    back = team.node(TEAM)
    for name in ("member", "managedBy", "objectCategory"):
        assert back.links[name] == before.links[name]
    assert back.attributes.keys() - {"msDS-LastKnownRDN"} == before.attributes.keys()
    assert back.text("description") == "back"
    assert team.node(HOLDER).links["member"] == {back.guid: None}


@pytest.mark.parametrize("order", [(HOLDER, TEAM), (TEAM, HOLDER)], ids=["the holder", "the member"])
@pytest.mark.parametrize("first_back", [HOLDER, TEAM])
def test_a_link_between_two_deleted_objects_returns_with_the_second(
    team: DirectoryStore, order: tuple[str, str], first_back: str
) -> None:
    """Whichever is deleted or brought back first; deleted again in between, the link waits on."""
    team.recycle_bin = True
    team.modify(HOLDER, {"member": [TEAM, HOLDER]})
    guids = {dn: team.node(dn).guid for dn in order}
    for dn in order:
        team.delete(dn)

    def back(dn: str) -> None:
        deletion.undelete(team, SYSTEM, team.tree.nodes[guids[dn]], dn, ())

    second_back = TEAM if first_back == HOLDER else HOLDER
    back(first_back)
    team.delete(first_back)
    back(first_back)
    assert guids[TEAM] not in team.tree.nodes[guids[HOLDER]].links.get("member", {})
    back(second_back)
    assert set(team.node(HOLDER).links["member"]) == {guids[TEAM], guids[HOLDER]}
    assert team.node(TEAM).parked == team.node(HOLDER).parked == ()


def test_a_link_to_a_recycled_object_is_lost(team: DirectoryStore) -> None:
    """It does not come back with its holder, and waits for nobody."""
    team.recycle_bin = True
    holder, gone = team.node(HOLDER).guid, _deleted(team)
    team.delete(HOLDER)
    deletion.delete(team, SYSTEM, team.tree.nodes[gone.guid])
    deletion.undelete(team, SYSTEM, team.tree.nodes[holder], HOLDER, ())
    assert "member" not in team.node(HOLDER).links
    assert team.tree.nodes[gone.guid].parked == ()


def test_deleting_a_deleted_object_recycles_it(team: DirectoryStore) -> None:
    """It becomes like a tombstone, shows only to who asks for recycled objects, and never comes back."""
    team.recycle_bin = True
    gone = _deleted(team)
    deletion.delete(team, SYSTEM, gone)
    recycled = team.tree.nodes[gone.guid]
    assert recycled.vanished == 2
    assert not {"adminDescription", "mail"} & recycled.attributes.keys()
    for attempt in _attempts(team, recycled):
        with pytest.raises(LdapError) as refused:
            attempt()
        assert refused.value.code == 53


def _attempts(store: DirectoryStore, node: Node) -> list[Callable[[], None]]:
    return [
        lambda: deletion.delete(store, SYSTEM, node),
        lambda: deletion.undelete(store, SYSTEM, node, TEAM, ()),
    ]


def test_tombstones_are_deleted_once(team: DirectoryStore) -> None:
    """A second deletion is refused; bringing it back is not."""
    gone = _deleted(team)
    with pytest.raises(LdapError) as refused:
        deletion.delete(team, SYSTEM, gone)
    assert refused.value.code == 53
    deletion.undelete(team, SYSTEM, gone, TEAM, ())
    assert team.node(TEAM).links.keys() == {"objectCategory", "lastKnownParent"}


def test_switching_the_recycle_bin_on_ends_all_tombstones(team: DirectoryStore) -> None:
    """What was deleted before cannot come back after; the containers stay what they are."""
    gone = _deleted(team)
    team.recycle_bin = True
    assert team.tree.nodes[gone.guid].recycled
    assert not team.tree.nodes[team.deleted_objects].recycled


@pytest.mark.parametrize(
    ("lifetimes", "recycled_after", "gone_after"),
    [
        ({}, 180, 180),
        ({"msDS-deletedObjectLifetime": "10"}, 10, 180),
        ({"msDS-deletedObjectLifetime": "10", "tombstoneLifetime": "20"}, 10, 20),
        ({"tombstoneLifetime": []}, 60, 60),
    ],
)
def test_lifetimes(
    team: DirectoryStore, lifetimes: dict[str, str | list[str]], recycled_after: int, gone_after: int
) -> None:
    """With the Recycle Bin: deleted, then recycled, then gone for good; each time counts from the last change."""
    team.recycle_bin = True
    service = f"CN=Directory Service,CN=Windows NT,CN=Services,{team.configuration_dn}"
    team.modify(service, lifetimes)
    guid = _deleted(team).guid
    _later(team, recycled_after)
    assert not team.tree.nodes[guid].recycled
    _later(team, recycled_after + 1)
    assert team.tree.nodes[guid].recycled
    _later(team, recycled_after + 1 + gone_after)
    assert guid in team.tree.nodes
    _later(team, recycled_after + 2 + gone_after)
    assert guid not in team.tree.nodes
    assert team.tree.find(f"CN=Deleted Objects,{BASE}") is not None


def test_what_is_gone_for_good_leaves_nothing_behind(team: DirectoryStore) -> None:
    """Last parents that are gone are named no more; the name, the account name and the SID are free."""
    inner = f"OU=inner,{GROUPS}"
    team.add(inner, {"objectClass": ["organizationalUnit"]})
    team.add(f"CN=deep,{inner}", {"objectClass": ["group"], "sAMAccountName": "deep"})
    deep = team.node(f"CN=deep,{inner}")
    deletion.delete(team, SYSTEM, team.node(inner), tree_delete=True)
    ou = next(node for node in team.tree.nodes.values() if node.text("msDS-LastKnownRDN") == "inner")
    team.tree.remove(ou.guid)
    assert team.tree.nodes[deep.guid].links == {}
    _later(team, 181)
    assert deep.guid not in team.tree.nodes
    assert team.tree.indexed("objectSid", deep.attributes["objectSid"][0]) == {}
    assert f"CN=deep,{inner}" not in team.dump()

"""Predicted rights against the rehearsal's own enforcement, which shares with them the binary form and no rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rehearsal.directory import DirectoryStore
from rehearsal.directory.state import StoreSnapshot
from runbook_lib.directory.rights.constants import AccessMask, GuidKind, WellKnownSid, guid_of
from runbook_lib.directory.rights.descriptor import Ace, AceFlag, AceType, Acl, Control, OpaqueAce, SecurityDescriptor
from runbook_lib.directory.rights.evaluate import GroupHolder, Holder, Place, decide, predicted, protects_from_deletion
from runbook_lib.directory.rights.needs import GROUP_CLASS, REANIMATE, UNDELETED, Purpose, operations
from runbook_lib.directory.rights.table import OperationRight, lacking_on, needed_grants, rights_table
from runbook_lib.model.cloud import Switch
from runbook_lib.model.text import t
from tests.unit.directory import rights_world as world
from tests.unit.directory.rights_world import BASE, BOB, DELETED, FRIENDS, RETIRED, TARGET, TYPES, Trial

_STRANGER = "S-1-5-21-1-2-3-9999"
_OBJECT_TYPES = (
    GROUP_CLASS,
    REANIMATE,
    guid_of(GuidKind.CLASS, "user"),
    *(guid for guids in TYPES.values() for guid in guids),
)


@pytest.fixture(scope="module")
def built() -> tuple[DirectoryStore, StoreSnapshot]:
    store = world.build()
    return store, store.snapshot()


@pytest.fixture
def store(built: tuple[DirectoryStore, StoreSnapshot]) -> DirectoryStore:
    made, snapshot = built
    made.restore(snapshot)
    return made


def _aces(store: DirectoryStore) -> st.SearchStrategy[list[Ace]]:
    """Entries in any order, for Bob, his group, everybody, the creator, the owner, and somebody else."""
    sids = st.sampled_from(
        [
            store.sid(BOB),
            store.sid(FRIENDS),
            _STRANGER,
            WellKnownSid.EVERYONE,
            WellKnownSid.AUTHENTICATED_USERS,
            WellKnownSid.CREATOR_OWNER,
            WellKnownSid.OWNER_RIGHTS,
            WellKnownSid.SELF,
        ]
    ).map(str)
    bits = st.sampled_from([0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x40, 0x100, 0x10000, 0x20000, 0x10000000, 0x40000000])
    masks = st.lists(bits, min_size=1, max_size=4).map(lambda some: AccessMask(sum(set(some))))
    flags = st.sampled_from([0x0, 0x2, 0x2, 0xA, 0x6, 0x1, 0xE]).map(AceFlag)
    kinds = st.sampled_from([AceType.ALLOWED_OBJECT, AceType.ALLOWED_OBJECT, AceType.DENIED_OBJECT])
    types = st.none() | st.sampled_from(_OBJECT_TYPES)
    inheriting = st.sampled_from([None, GROUP_CLASS, guid_of(GuidKind.CLASS, "user")])
    return st.lists(st.builds(Ace, kinds, sids, masks, flags, types, inheriting), max_size=8)


def _row(rows: tuple[OperationRight, ...], operation: str) -> OperationRight:
    (found,) = (row for row in rows if row.operation.id == operation)
    return found


# Without shrinking: each example tries every operation, and minutes of shrinking tell no more.
@settings(max_examples=30, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_predicted_is_what_is_allowed(built: tuple[DirectoryStore, StoreSnapshot], data: st.DataObject) -> None:
    """Every operation, over random lists on both OUs, the domain and the container of deleted objects.

    Where the table names entries that would help, writing them makes the operation possible.
    """
    store, fresh = built
    store.restore(fresh)
    entries = _aces(store)
    for dn in (TARGET, RETIRED, BASE, DELETED):
        world.explicit(store, dn, data.draw(entries, label=dn), keep=dn == BASE)
    rows = rights_table(world.situation(store))
    trial = Trial(store)
    predicted_rows = {row.operation.id: row.granted for row in rows}
    tried = {row.operation.id: Switch.ON if trial.allows(row.operation.id) else Switch.OFF for row in rows}
    unknown = {name for name, state in predicted_rows.items() if state is Switch.UNKNOWN}
    assert unknown <= {"undelete:target", "undelete:retired"}, "where an unconfirmed right is missing"
    assert {**predicted_rows, **dict.fromkeys(unknown)} == {**tried, **dict.fromkeys(unknown)}
    refused = [row for row in rows if row.granted is Switch.OFF]
    assert all(row.missing for row in refused)
    row = data.draw(st.sampled_from(refused)) if refused else None
    if row and all(missing.grant for missing in row.missing):
        for missing in row.missing:
            assert missing.grant is not None
            world.add_grant(store, missing.grant)
        assert trial.allows(row.operation.id)


@pytest.mark.parametrize("purposes", [(Purpose.WRITE, Purpose.MAIL), tuple(Purpose)])
def test_the_dedicated_account_needs_each_of_its_entries(store: DirectoryStore, purposes: tuple[Purpose, ...]) -> None:
    """With exactly the entries of ``needed_grants`` everything is allowed; without one, something is not."""
    grants = needed_grants(world.situation(store), *purposes)
    for grant in grants:
        world.add_grant(store, grant)
    whole, trial = store.snapshot(), Trial(store)
    names = [operation.id for operation in operations(TYPES) if operation.purpose in purposes]
    assert {name for name in names if not trial.allows(name)} == set()
    rows = [row for row in rights_table(world.situation(store)) if row.operation.purpose in purposes]
    assert {row.granted for row in rows} == {Switch.ON}
    for grant in grants:
        own = [ace for ace in store.descriptors.of(store.node(grant.dn)).entries if not ace.inherited]
        world.explicit(store, grant.dn, [ace for ace in own if ace != grant.ace(store.sid(BOB))])
        rows = [row for row in rights_table(world.situation(store)) if row.operation.purpose in purposes]
        lost = [row for row in rows if row.granted is Switch.OFF]
        if grant.name in UNDELETED:
            unsure = {row.operation.id for row in rows if row.granted is Switch.UNKNOWN}
            assert (lost, len(unsure)) == ([], 1)
            store.restore(whole)
            continue
        assert lost, grant
        assert {missing.grant for row in lost for missing in row.missing} == {grant}
        assert not trial.allows(lost[0].operation.id)
        store.restore(whole)


def test_administrators_may_do_everything_and_ordinary_accounts_nothing(store: DirectoryStore) -> None:
    """An ordinary account reads by the defaults of a domain, and by them it lists no deleted objects."""
    administrator = rights_table(world.situation(store, f"CN=Administrator,CN=Users,{BASE}"))
    assert {row.operation.id for row in administrator if row.granted is not Switch.ON} == set()
    rows = rights_table(world.situation(store))
    assert {row.operation.id for row in rows if row.granted is Switch.ON} == {"read:target", "read:retired"}
    assert "no entry allows it" in _row(rows, "create").because


def test_what_was_not_read_is_unknown(store: DirectoryStore) -> None:
    """A descriptor without a list answers nothing; what is surely missing is still said."""
    whole = world.situation(store)
    unread = Holder(RETIRED, SecurityDescriptor(owner=_STRANGER))
    rows = rights_table(replace(whole, places={**whole.places, Place.RETIRED: unread}))
    assert _row(rows, "write:retired:member").granted is Switch.UNKNOWN
    assert _row(rows, "delete:retired").granted is Switch.UNKNOWN
    assert _row(rows, "retire").granted is Switch.OFF
    nothing = replace(whole, places={place: Holder(one.dn, None, t("it hides")) for place, one in whole.places.items()})
    assert {row.granted for row in rights_table(nothing)} == {Switch.UNKNOWN}
    assert "it hides" in _row(rights_table(nothing), "create").because
    rows = rights_table(replace(whole, group_default=None))
    assert _row(rows, "write:target:member").granted is Switch.UNKNOWN
    assert _row(rows, "create").granted is Switch.OFF


def test_what_was_seen_counts_where_a_list_cannot_be_read(store: DirectoryStore) -> None:
    """Of the container of deleted objects, which by default not even administrators may look into that way."""
    whole = world.situation(store)
    hidden = replace(whole, places={**whole.places, Place.DELETED_OBJECTS: Holder(DELETED, None, t("it hides"))})
    for listed in Switch:
        row = _row(rights_table(replace(hidden, listed=listed)), "list-deleted")
        assert row.granted is listed
        grants = {missing.grant.rights() for missing in row.missing if missing.grant}
        assert grants == ({"LCRP"} if listed is Switch.OFF else set())
    assert _row(rights_table(replace(whole, listed=Switch.ON)), "list-deleted").granted is Switch.OFF


def test_conditional_entries_are_unknown_only_where_they_could_turn_the_answer() -> None:
    """A conditional deny may take what is granted, a conditional allow may give what is missing."""
    allow = Ace(AceType.ALLOWED, _STRANGER, AccessMask.DELETE)
    for conditional, entries, expected in (
        (10, (allow,), None),
        (10, (), False),
        (9, (), None),
        (9, (allow,), True),
    ):
        descriptor = SecurityDescriptor(dacl=Acl((OpaqueAce(conditional, AceFlag(0), bytes(8)), *entries)))
        found = decide(descriptor, frozenset({_STRANGER}), AccessMask.DELETE)
        assert (found and found.granted) is expected
        handed = OpaqueAce(conditional, AceFlag.CONTAINER_INHERIT, bytes(8))
        below = predicted(SecurityDescriptor(dacl=Acl((handed,))), descriptor, GROUP_CLASS, _STRANGER)
        assert below is not None
        assert handed in (below.dacl or Acl()).aces


def test_the_null_list_allows_and_an_entry_that_denies_is_named(store: DirectoryStore) -> None:
    """No grant is offered where an entry that denies would still win."""
    null = SecurityDescriptor(control=Control.DACL_PRESENT)
    found = decide(null, frozenset(), AccessMask.DELETE)
    assert found is not None
    assert found.everything
    denied = Ace(AceType.DENIED, store.sid(BOB), AccessMask.CREATE_CHILD)
    world.explicit(store, TARGET, [denied])
    row = _row(rights_table(world.situation(store)), "create")
    (missing,) = row.missing
    assert (missing.against, missing.grant, missing.on) == (denied, None, TARGET)
    assert "denied by the entry that denies 0x1" in row.because


def test_the_lists_of_groups_that_exist_are_judged_themselves(store: DirectoryStore) -> None:
    """A group whose list takes nothing from its OU; a group that denies; a list that was not read."""
    for grant in needed_grants(world.situation(store), Purpose.WRITE):
        world.add_grant(store, grant)
    whole = world.situation(store)
    dn = Trial(store).group(TARGET)
    good = store.descriptors.of(store.node(dn))
    assert lacking_on(GroupHolder(dn, None, good), Place.TARGET_GROUP, whole) == ()
    assert lacking_on(GroupHolder(dn, None, None), Place.TARGET_GROUP, whole) is None
    bare = replace(good, dacl=Acl(tuple(ace for ace in good.entries if not ace.inherited)))
    lost = {one.id for one in lacking_on(GroupHolder(dn, None, bare), Place.TARGET_GROUP, whole) or ()}
    assert lost == {"write:target:description", "write:target:extensionName", "write:target:member", "retire"}
    own = "S-1-5-21-1-2-3-1234"
    itself = replace(bare, dacl=Acl((Ace(AceType.ALLOWED, WellKnownSid.SELF, AccessMask.GENERIC_ALL),)))
    inside = replace(whole, account=replace(whole.account, token=whole.account.token | {own}))
    assert lacking_on(GroupHolder(dn, own, itself), Place.TARGET_GROUP, inside) == ()
    assert lacking_on(GroupHolder(dn, own, itself), Place.TARGET_GROUP, whole)


def test_protection_from_deletion_is_everyones_deny() -> None:
    deny = Ace(AceType.DENIED, WellKnownSid.EVERYONE, AccessMask.DELETE | AccessMask.DELETE_TREE)
    assert protects_from_deletion(SecurityDescriptor(dacl=Acl((deny,))))
    for other in (replace(deny, sid=_STRANGER), replace(deny, flags=AceFlag.INHERIT_ONLY)):
        assert not protects_from_deletion(SecurityDescriptor(dacl=Acl((other,))))


@pytest.mark.parametrize(
    ("operation", "rights"),
    [
        ("create", {"CC;group"}),
        ("delete:target", {"DC;group"}),
        ("retire", {"CC;group", "DC;group", "WP;name;group", "WP;cn;group"}),
        ("write:target:member", {"WP;member;group"}),
        ("list-deleted", {"LCRP"}),
        (
            "undelete:target",
            {
                "CC;group",
                "CA;Reanimate Tombstones",
                *(f"WP;{n};group" for n in ("name", "cn", "adminDescription", "extensionName")),
            },
        ),
    ],
)
def test_as_dsacls_writes_it(store: DirectoryStore, operation: str, rights: set[str]) -> None:
    """Every missing right of an ordinary account."""
    row = _row(rights_table(world.situation(store)), operation)
    assert {missing.grant.rights() for missing in row.missing if missing.grant} == rights

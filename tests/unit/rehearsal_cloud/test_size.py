"""Rehearsals of a given size: both sides hold as many as was asked for, fit each other, and depend on the seed only."""

from __future__ import annotations

import base64
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.cloud.store import CloudStore
from rehearsal.contoso import names, size
from rehearsal.contoso.administrators import ADMINISTRATORS, add_administrators
from rehearsal.contoso.awkward import awkward_names
from rehearsal.contoso.cloud import populate_cloud
from rehearsal.contoso.crowd import NOBODY, Crowd, crowd_of
from rehearsal.contoso.directory import DirectoryIndex, populate_directory
from rehearsal.contoso.people import STAFF, everyone
from rehearsal.contoso.size import Size, size_of
from rehearsal.contoso.specification import Kind, Writer
from rehearsal.directory import DirectoryStore
from rehearsal.options import LEAST_STAFF
from runbook_lib.directory.search import sid_text
from tests.unit.rehearsal_cloud.test_process import error_of, gwb

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
WANTED = Size(groups=900, users=4000, memberships=14_000, seed=7)
World = tuple[DirectoryStore, CloudStore, DirectoryIndex]


def crowd(wanted: Size | None) -> Crowd:
    return crowd_of(wanted, administrators=len(ADMINISTRATORS))


def build(people: Crowd) -> World:
    directory = DirectoryStore(names.DOMAIN, names.NETBIOS, clock=lambda: NOW)
    index = populate_directory(directory, bind_password="b", administrator_password="a", exchange=False, crowd=people)
    cloud = CloudStore(clock=lambda: NOW)
    populate_cloud(cloud, index, people)
    add_administrators(cloud)
    return directory, cloud, index


@pytest.fixture(scope="module")
def drawn() -> Crowd:
    return crowd(WANTED)


@pytest.fixture(scope="module")
def world(drawn: Crowd) -> World:
    return build(drawn)


def memberships(cloud: CloudStore) -> int:
    return sum(len(cloud.members(group)) for group in cloud.groups)


def test_the_tenant_has_exactly_what_was_asked_for(world: World) -> None:
    _, cloud, _ = world
    assert (len(cloud.groups), len(cloud.users), memberships(cloud)) == (900, 4000, 14_000)


def test_the_domain_has_as_many_groups_and_memberships(world: World) -> None:
    directory, _, _ = world
    groups = [node for node in directory.tree.nodes.values() if "group" in node.classes]
    assert 900 <= len(groups) <= 950, "some are built in"
    assert 14_000 <= sum(len(node.links.get("member", ())) for node in groups) <= 14_500


def test_the_least_numbers_are_what_contoso_always_has() -> None:
    _, cloud, _ = build(NOBODY)
    usual = (len(cloud.groups), len(cloud.users), memberships(cloud))
    for told, least in zip(usual, (size.LEAST_GROUPS, size.LEAST_USERS, size.LEAST_MEMBERSHIPS), strict=True):
        assert told <= least <= told * 1.2


def test_a_seed_decides_everything(drawn: Crowd) -> None:
    assert crowd(WANTED) == drawn
    other = crowd(Size(900, 4000, 14_000, seed=8))
    assert {group.key for group in other.groups} != {group.key for group in drawn.groups}
    assert crowd(None) is NOBODY


def test_synchronized_people_lead_to_their_accounts(world: World, drawn: Crowd) -> None:
    directory, cloud, index = world
    synchronized = [person for person in drawn.people if person.has_account]
    assert len(synchronized) > 0.8 * len(drawn.people) > 0
    for person in synchronized:
        user, account = cloud.users[names.user_id(person.key)], directory.node(index.people[person.key].dn)
        anchor = base64.b64decode(str(user["onPremisesImmutableId"]))
        assert anchor == account.attributes["mS-DS-ConsistencyGuid"][0] == account.guid
        assert user["onPremisesSecurityIdentifier"] == sid_text(account.attributes["objectSid"][0])
        assert len(person.key) <= 20
    kinds = Counter(cloud.users[names.user_id(person.key)]["userType"] for person in drawn.people)
    assert kinds["Guest"] > 0.02 * len(drawn.people)


def test_every_name_of_an_account_is_there_once(world: World) -> None:
    directory, _, _ = world
    accounts = Counter(
        node.text("sAMAccountName").casefold() for node in directory.tree.nodes.values() if node.text("sAMAccountName")
    )
    assert [name for name, count in accounts.items() if count > 1] == []
    assert len({directory.tree.dn(guid).casefold() for guid in directory.tree.nodes}) == len(directory.tree.nodes)


def test_groups_are_of_every_kind_size_and_history(world: World, drawn: Crowd) -> None:
    directory, cloud, index = world
    assert {group.kind for group in drawn.groups} == set(Kind)
    assert {group.writer for group in drawn.groups} >= {
        Writer.NOBODY,
        Writer.SYNCHRONIZED,
        Writer.CONNECT,
        Writer.CLOUD_SYNC,
    }
    sizes = sorted(len(group.members) for group in drawn.groups)
    assert sizes[0] == 0
    assert sizes[-1] > 100 * sizes[len(sizes) // 2] > 0
    shown = {str(group["displayName"]) for group in cloud.groups.values()}
    assert {"<script>alert(1)</script>", awkward_names()[6]} <= shown
    assert any("營" in name or "営" in name for name in shown)
    assert any("فريق" in name for name in shown)
    assert any("group:" in member for group in drawn.groups for member in group.members)
    for group in drawn.groups:
        if group.writer is Writer.CLOUD_SYNC:
            anchor = directory.node(index.groups[group.key].dn).text("msDS-ExternalDirectoryObjectId")
            assert anchor == f"Group_{group.id}"
    assigned = {str(row["principalId"]) for row in cloud.table("assignments").values()}
    assert {group.id for group in drawn.groups if group.writer is Writer.CLOUD_SYNC} <= assigned


def test_members_of_a_written_group_are_those_of_the_cloud_that_have_an_account(world: World, drawn: Crowd) -> None:
    directory, _, index = world
    checked = 0
    for group in drawn.groups:
        if group.writer is Writer.NOBODY:
            continue
        wanted = {
            uuid.UUID((index.groups.get(key) or index.people[key]).guid).bytes_le
            for key in (member.rpartition(":")[2] for member in group.members)
            if key in index.groups or key in index.people
        }
        assert set(directory.node(index.groups[group.key].dn).links.get("member", ())) == wanted
        checked += 1
    assert checked > 100


def test_one_group_has_more_than_five_thousand_members() -> None:
    people = crowd(Size(1000, 20_000, 40_000))
    largest = max(people.groups, key=lambda group: len(group.members))
    assert len(largest.members) > 5000
    assert largest.writer is Writer.CONNECT, "so it is on both sides"


@pytest.mark.parametrize(
    ("told", "whole"),
    [
        ((10_000, None, None), (10_000, 20_000, 101_500)),
        ((None, 20_000, None), (10_000, 20_000, 101_500)),
        ((None, None, 100_000), (10_000, 20_000, 100_000)),
        ((None, 2200, None), (1100, 2200, 12_500)),
        ((500, 3000, 5000), (500, 3000, 5000)),
    ],
)
def test_what_is_left_out_fits_what_is_told(
    told: tuple[int | None, int | None, int | None], whole: tuple[int, int, int]
) -> None:
    found = size_of(*told, seed=3)
    assert found == Size(*whole, seed=3)
    assert size_of(None, None, None, None) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--groups", "5"), "--groups 5 is too few"),
        (("--users", "0"), "--users 0 is too few"),
        (("--memberships", "-1"), "--memberships -1 is too few"),
        (("--groups", "50001"), "--groups 50001 is too many"),
        (("--groups", "100", "--users", "2500", "--memberships", "900000"), "900,000 memberships do not fit"),
        (("--groups", "90", "--users", "2200", "--memberships", "7801"), "At most 7,800 here"),
        (("--seed", "4"), "--seed alone changes nothing"),
    ],
)
def test_sizes_that_cannot_be_are_refused_at_once(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    error = error_of(gwb("start", "--free-ports", *arguments, folder=tmp_path))
    assert error.code == "rehearsal-size"
    assert said in f"{error.message} {error.hint}"
    assert not (tmp_path / "default").exists()


@settings(max_examples=12)
@given(
    st.integers(size.LEAST_GROUPS, 400), st.integers(size.LEAST_USERS, 3000), st.floats(0, 1), st.integers(0, 1 << 40)
)
def test_whatever_is_allowed_can_be_drawn(groups: int, users: int, share: float, seed: int) -> None:
    room = (groups - size.LEAST_GROUPS) * (users // 4)
    wanted = Size(groups, users, size.LEAST_MEMBERSHIPS + int(min(room, 30_000) * share), seed)
    assert size_of(wanted.groups, wanted.users, wanted.memberships, seed) == wanted
    people = crowd(wanted)
    usual = 78, 2276
    assert len(people.groups) + usual[0] == groups
    assert sum(len(group.members) for group in people.groups) + usual[1] == wanted.memberships
    for group in (*people.groups, *people.local_groups):
        assert len(set(group.members)) == len(group.members)


def test_the_most_that_fits_can_be_drawn() -> None:
    wanted = Size(90, 2200, size.LEAST_MEMBERSHIPS + 10 * 550)
    assert size_of(wanted.groups, wanted.users, wanted.memberships, 0) == wanted
    assert sum(len(group.members) for group in crowd(wanted).groups) == wanted.memberships - 2276


def test_a_smaller_company_has_the_same_groups_and_stories() -> None:
    """Only ordinary people are fewer, and with them the group of everybody."""
    _, full, _ = build(NOBODY)
    directory, small, index = build(crowd_of(None, administrators=len(ADMINISTRATORS), ordinary=LEAST_STAFF))
    assert len(small.users) == len(full.users) - (STAFF - LEAST_STAFF)
    assert {group["id"] for group in small.groups.values()} == {group["id"] for group in full.groups.values()}
    for group in full.groups:
        if group != full.find_group(names.LARGE_GROUP):
            assert small.members(group) == full.members(group)
    assert len(small.members(small.find_group(names.LARGE_GROUP))) == LEAST_STAFF
    assert {person.key for person in everyone() if person.story and person.has_account} <= set(index.people)
    assert len(list(directory.tree.children(directory.node(names.STAFF_OU).guid))) < 300

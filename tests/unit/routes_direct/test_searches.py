"""What carrying out and reading back asks a domain controller: nothing that makes it look at every object it has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from runbook_lib.change.carry_out import carry_out
from runbook_lib.change.journal import Journal, JournalFile, read_journal
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.schema import indexed_attributes
from runbook_lib.errors import Refused
from runbook_lib.model.change import Change
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.ids import GroupId, ObjectGuid
from runbook_lib.routes.direct.backup_and_verify import read_back
from runbook_lib.routes.direct.live import find_created, read_two_ous
from runbook_lib.routes.direct.payload import DirectChange, DirectPayload
from runbook_lib.routes.direct.work import DirectWork
from runbook_lib.routes.registry import ROUTES
from tests.unit.directory.embedded import ADMINISTRATOR, BASE, RETIRED, TARGET, running
from tests.unit.routes_direct.test_apply_lost import World, group_id

ROOT = Path(__file__).resolve().parents[3]
INDEXED = {"sAMAccountName", "objectClass", "lDAPDisplayName", "cn", "name", "objectGUID"}
"""Attributes of the filters here that the schema of Windows indexes; adminDescription and extensionName are not."""


class Search(NamedTuple):
    """One search as it was sent."""

    base: str
    filter: str
    scope: str


class Log:
    """Every search of a connection."""

    def __init__(self, directory: Directory) -> None:
        self.searches: list[Search] = []
        request = directory._line.request

        def logged(method: str, *arguments: Any, **named: Any) -> Any:
            if method == "search":
                self.searches.append(Search(arguments[0], arguments[1], named["search_scope"]))
            return request(method, *arguments, **named)

        directory._line.request = logged  # type: ignore[method-assign]

    def of_domain(self) -> list[Search]:
        """Searches of the whole domain."""
        return [search for search in self.searches if search.scope == "SUBTREE" and search.base == BASE]

    def scans(self) -> list[Search]:
        """Searches below something by attributes that no index serves."""
        return [search for search in self.searches if search.scope == "SUBTREE" and not served(search.filter)]


def served(text: str) -> bool:
    """Whether indexes narrow a filter down: one part of an AND has to be indexed, every part of an OR."""
    text = text[1:-1]
    if text[:1] in "&|":
        parts = list(_parts(text[1:]))
        # Every group of the domain has its class: an index of it narrows nothing down.
        parts = [part for part in parts if not part.casefold().startswith("(objectclass=")] or parts
        return any(map(served, parts)) if text[0] == "&" else all(map(served, parts))
    name = re.split("[~<>:]?=", text, maxsplit=1)[0]
    return text[:1] != "!" and name in INDEXED and name != "objectClass"


def _parts(text: str) -> Iterator[str]:
    depth = start = 0
    for at, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "(" and depth == 1:
            start = at
        if depth == 0:
            yield text[start : at + 1]


def test_the_judgement_of_filters() -> None:
    assert served("(sAMAccountName=x)")
    assert served("(&(objectClass=group)(|(sAMAccountName=x)(cn=y)))")
    assert not served("(objectClass=group)")
    assert not served("(&(objectClass=group)(adminDescription=Group_x))")
    assert not served("(&(objectClass=group)(|(sAMAccountName=x)(adminDescription=y)))")
    assert not served("(!(cn=x))")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("directory")) as embedded:
        yield World(embedded)


def applied(
    world: World, folder: Path, changes: tuple[Change, ...], earlier: list[JournalFile]
) -> tuple[Log, JournalFile]:
    """Carry changes out, read them back, and say what was asked."""
    folder.mkdir()
    dn_of = {ref.guid: ref.dn for ref in world.people}
    target = world.plan.target
    with (
        world.embedded.open(bind_user=ADMINISTRATOR) as directory,
        Journal(folder / "journal.jsonl", lambda: "2026-11-25T00:00:00Z") as journal,
    ):
        log = Log(directory)
        journal.open(approved=[change.digest for change in changes], resumes=None)
        carry_out(DirectWork(directory, target, changes, dn_of=dn_of), journal, earlier=earlier)
        read = read_journal(folder, ROUTES)
        assert read is not None
        guid_of = {effect.change: effect.object_id for file in (*earlier, read) for effect in file.effects}
        assert not any(item.differences for item in read_back(directory, changes, target, guid_of, dn_of))
    return log, read


def test_no_step_searches_the_domain_by_what_is_not_indexed(world: World, tmp_path: Path) -> None:
    """Every kind of write, the undelete too, their resume, and the read-back of all."""
    store = world.embedded.store
    store.restore(world.start)
    log, first = applied(world, tmp_path / "all", world.plan.changes, [])
    creates = sum(change.kind is ChangeKind.CREATE for change in world.plan.changes)
    assert len(log.of_domain()) == creates
    # A controller may go through all groups for the class before it looks for the name.
    assert not any("objectClass" in search.filter for search in log.of_domain())
    again, _ = applied(world, tmp_path / "again", world.plan.changes, [first])
    undelete = DirectChange(
        ChangeKind.UNDELETE,
        GroupId(group_id("third")),
        "third",
        DirectPayload(
            f"CN=third,{TARGET}",
            ObjectGuid(world.third),
            "CN=third",
            parent_guid=world.plan.target.target_ou_guid,
            attributes=tuple(
                AttributeDelta(delta.name, added=delta.removed) for delta in world.plan.changes[-1].payload.attributes
            ),
            deletion=world.lost,
        ),
    )
    back, _ = applied(world, tmp_path / "back", (undelete,), [])
    assert again.of_domain() == back.of_domain() == []
    assert [one.scans() for one in (log, again, back)] == [[], [], []]
    # The schema is asked once per run, however many groups are created; the two OUs are looked up twice: the read-back
    # does not believe the run.
    schema = [search for search in log.searches if "lDAPDisplayName" in search.filter]
    assert len(schema) == 1
    ous = [search for search in log.searches if world.plan.target.target_ou_guid in search.base]
    assert len(ous) == 2


def test_the_first_look_at_members_is_one_request(world: World, tmp_path: Path) -> None:
    """Marks and members come together; what the run itself changed is not read again."""
    world.embedded.store.restore(world.start)
    change = next(one for one in world.plan.changes if one.payload.members_added and one.payload.object_guid)
    with (
        world.embedded.open(bind_user=ADMINISTRATOR) as directory,
        Journal(tmp_path / "journal.jsonl", lambda: "2026-11-25T00:00:00Z") as journal,
    ):
        work = DirectWork(directory, world.plan.target, (change,), dn_of={ref.guid: ref.dn for ref in world.people})
        journal.open(approved=[change.digest], resumes=None)
        log = Log(directory)
        carry_out(work, journal)
    looks = [search for search in log.searches if change.payload.object_guid in search.base]
    assert len(looks) == len(work.steps)


def test_an_account_with_the_name_of_a_new_group_is_no_group_of_ours(world: World, tmp_path: Path) -> None:
    store = world.embedded.store
    store.restore(world.start)
    create = world.plan.changes[1]
    values = {delta.name: delta.added[0] for delta in create.payload.attributes}
    kept = {name: values[name] for name in ("sAMAccountName", "adminDescription", "extensionName")}
    store.add(f"CN=an account,OU=Staff,{BASE}", {"objectClass": "user", **kept})
    with world.embedded.open(bind_user=ADMINISTRATOR) as directory:
        target = world.plan.target
        ous = read_two_ous(directory, target)
        assert find_created(directory, create, target, ous, frozenset({"sAMAccountName"})) is None


def test_which_attributes_are_indexed_is_read_from_the_schema(world: World) -> None:
    with world.embedded.open() as directory:
        names = ("adminDescription", "SAMACCOUNTNAME", "extensionName", "msDS-ExternalDirectoryObjectId", "nothing")
        assert indexed_attributes(directory, names) == {"SAMACCOUNTNAME", "msDS-ExternalDirectoryObjectId"}


@pytest.mark.parametrize("where", ["elsewhere", "in the target OU", "in the retired OU"])
def test_a_group_with_the_same_anchor_that_was_moved_or_renamed_is_found_by_its_account_name(
    world: World, tmp_path: Path, where: str
) -> None:
    """It is drift, or the create's own, and never a second group."""
    store = world.embedded.store
    store.restore(world.start)
    create = world.plan.changes[1]
    values = {delta.name: delta.added[0] for delta in create.payload.attributes}
    parent = {"elsewhere": f"OU=Staff,{BASE}", "in the target OU": TARGET, "in the retired OU": RETIRED}[where]
    store.add(f"CN=renamed by hand,{parent}", {"objectClass": "group", **values})
    if where == "in the target OU":
        _, journal = applied(world, tmp_path / "run", (create,), [])
        (effect, *_) = journal.effects
        assert effect.data == {}  # others made it: an undo does not take it back
        return
    with pytest.raises(Refused, match="its AD object stands at CN=renamed by hand") as caught:
        applied(world, tmp_path / "run", (create,), [])
    assert caught.value.code == "drift"


def test_where_the_schema_indexes_nothing_the_name_in_the_target_ou_is_looked_at_alone(
    world: World, tmp_path: Path
) -> None:
    store = world.embedded.store
    store.restore(world.start)
    create = world.plan.changes[1]
    values = {delta.name: delta.added[0] for delta in create.payload.attributes}
    store.add(f"{create.payload.rdn},{TARGET}", {"objectClass": "group", **values})
    with patch("runbook_lib.routes.direct.object_steps.indexed_attributes", lambda *_: frozenset()):
        log, journal = applied(world, tmp_path / "run", (create,), [])
    assert log.of_domain() == []
    assert journal.effects[0].data == {}


def test_a_group_of_somebody_else_with_its_anchor_is_drift(world: World, tmp_path: Path) -> None:
    store = world.embedded.store
    store.restore(world.start)
    create = world.plan.changes[1]
    anchor = {delta.name: delta.added[0] for delta in create.payload.attributes if delta.name != "extensionName"}
    store.add(f"{create.payload.rdn},{TARGET}", {"objectClass": "group", **anchor})
    with pytest.raises(Refused, match="that this runbook did not write"):
        applied(world, tmp_path / "run", (create,), [])


def test_whoever_searches_in_a_route_or_its_loop_is_known_here() -> None:
    """A new search has to be met by the tests above: this list names every one."""
    found = set()
    for package in ("routes", "change"):
        for path in (ROOT / "runbook_lib" / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in ("search", "collect", "search_once")
                    and not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re")
                ):
                    found.add((path.relative_to(ROOT / "runbook_lib").as_posix(), ast.unparse(node.args[0])))
    assert found == {
        ("routes/direct/live.py", "directory.controller.default_naming_context"),
        ("routes/direct/object_steps.py", "entry.dn"),
        # The OU of written groups alone, by its anchor: once for each group that comes back.
        ("routes/connect_sync/deleted_groups.py", "ou"),
        # Every group by objectClass, which is indexed: one look of twenty, tests/unit/routes_connect_sync counts them.
        ("routes/connect_sync/watch_gone.py", "base"),
    }

"""Which groups stood in the domain before v1 went: kept beside the hand-over, and believed only as it was written."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.connect.uses import Use, UseKind, Uses
from runbook_lib.errors import Refused
from runbook_lib.model.text import verbatim
from runbook_lib.routes.connect_sync.read_uses import (
    BEFORE_FILE,
    GOING_COLUMNS,
    USE_COLUMNS,
    going_table,
    groups_before,
    read_groups_before,
    uses_table,
)
from tests.support import builders as b
from tests.unit.routes_connect_sync.leaving_world import going
from tests.unit.routes_connect_sync.world import OU

GROUPS = [b.ad_group(name) for name in ("One", "Zwei – \u202e", "Three")]


def kept(folder: Path, name: str, content: str | None) -> Path:
    run = folder / name
    run.mkdir()
    if content is not None:
        (run / BEFORE_FILE).write_text(content, encoding="utf-8")
    return run


def test_the_first_run_that_wrote_it_counts(tmp_path: Path) -> None:
    planned = kept(tmp_path, "run1", None)
    first = kept(tmp_path, "run2", groups_before(GROUPS))
    second = kept(tmp_path, "run3", groups_before(GROUPS[:1]))
    assert read_groups_before([planned, first, second], "") == {group.guid: group.dn for group in GROUPS}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "it is missing"),
        ("[]", "it holds no list of groups"),
        ("{", "it is not JSON"),
        ('{"CN=x": "y"}', "something else than its GUID"),
        ('{"a": 1, "a": 2}', "a key is given twice"),
    ],
)
def test_what_is_not_what_was_written_is_refused(tmp_path: Path, content: str | None, why: str) -> None:
    with pytest.raises(Refused) as caught:
        read_groups_before([kept(tmp_path, "run1", content)], "")
    assert (caught.value.code, why in caught.value.message) == ("groups-before-unread", True), caught.value.message


@given(names=st.lists(st.text(min_size=1), unique=True, max_size=5))
def test_whatever_a_group_is_called_it_is_read_back(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    groups = [b.ad_group(f"group {number}", parent=f"OU={name!a},{b.BASE}") for number, name in enumerate(names)]
    run = kept(tmp_path_factory.mktemp("before"), "run", groups_before(groups))
    assert read_groups_before([run], "") == {group.guid: group.dn for group in groups}
    assert json.loads((run / BEFORE_FILE).read_text(encoding="ascii")) or not groups


def test_tables_name_each_group_and_each_use_once() -> None:
    mine = going("One", "Two", ou=OU)
    uses = Uses((Use(mine[0].guid, UseKind.NESTED, "CN=H", verbatim("has it as a member")),))
    told = going_table(mine, {}, uses)
    assert list(told.columns) == list(GOING_COLUMNS)
    assert list(told["uses"]) == [1, 0]
    assert list(told["certain"]) == ["yes", "yes"]
    rows = uses_table(uses, {mine[0].guid: mine[0].dn})
    assert list(rows.columns) == list(USE_COLUMNS)
    assert rows.iloc[0].tolist() == [mine[0].dn, mine[0].guid, "member-of", "CN=H", "has it as a member"]


def test_the_file_that_the_journal_names_counts_and_no_other_one(tmp_path: Path) -> None:
    text, other = groups_before(GROUPS), groups_before(GROUPS[:1])
    before, handed = kept(tmp_path, "run1", other), kept(tmp_path, "run2", text)
    named = sha256(text.encode()).hexdigest()
    assert read_groups_before([before, handed], named) == {group.guid: group.dn for group in GROUPS}
    (handed / BEFORE_FILE).write_text(other, encoding="utf-8")
    with pytest.raises(Refused) as caught:
        read_groups_before([before, handed], named)
    assert caught.value.code == "groups-before-unread"
    assert "another SHA-256" in caught.value.message

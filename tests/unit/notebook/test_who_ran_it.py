"""A record names account, host and who was signed in to both sides, and holds nothing that could sign anybody in."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

import pytest

from rehearsal.process import RunningRehearsal
from runbook_lib.graph.sign_in.tokens import signed_in
from runbook_lib.notebook import open_run
from runbook_lib.parameters.load import load_parameters
from runbook_lib.record.run_record import run_by
from runbook_lib.record.seal import seal
from tests.support import builders as b
from tests.support.plain import ROOT
from tests.support.schemas import problems


@pytest.mark.skipif(sys.platform == "win32", reason="accounts have other names there")
def test_the_account_is_the_systems_and_not_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    said = run_by()
    assert said["account"] == pwd.getpwuid(os.geteuid()).pw_name
    assert said["host"]


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        (None, None),
        ({}, None),
        ({"idtyp": "app", "appid": "A", "oid": "O"}, ("app", "A", "O", None)),
        ({"idtyp": "app", "azp": "A", "oid": "O", "upn": "x"}, ("app", "A", "O", None)),
        ({"idtyp": "user", "appid": "A", "oid": "O", "upn": "kim@x.com", "scp": "x"}, ("user", "A", "O", "kim@x.com")),
        ({"scp": "x", "preferred_username": "kim@contoso.com"}, ("user", None, None, "kim@contoso.com")),
        ({"oid": 7, "appid": ["A"], "roles": []}, ("app", None, None, None)),
    ],
)  # fmt: skip
def test_who_a_token_stands_for(claims: dict[str, object] | None, said: tuple[object, ...] | None) -> None:
    found = signed_in(claims)
    assert (tuple(found.values()) if found else None) == said


def test_a_record_names_who_was_signed_in_to_both_sides(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    given = {"records_dir": str(tmp_path), "change_id": "CHG-WHO"}
    names = dict(load_parameters([fresh_rehearsal.parameters_file], given, project_root=ROOT).given)
    run = open_run(names, notebook="20-inventory-groups")
    run.read_inventory()
    token = run.context.connect_graph()._tokens.token().reveal()
    run.finish()
    facts = run.record.folder.read_json("record.json")
    assert problems("record", facts) == []
    who = facts["ran_by"]
    assert isinstance(who, dict)
    assert who["cloud"]["kind"] == "app"
    assert who["cloud"]["client_id"] == names["client_id"]
    assert who["cloud"]["object_id"]
    assert who["directory"]["method"] == "password"
    assert who["directory"]["identity"].casefold().startswith("u:contoso\\")
    page = seal(run.record.folder, None, clock=lambda: b.NOW).page.read_text(encoding="utf-8")
    for text in (who["account"], who["host"], who["cloud"]["client_id"], who["directory"]["identity"]):
        assert text in page
    assert all(token.encode() not in path.read_bytes() for path in run.record.folder.path.iterdir())

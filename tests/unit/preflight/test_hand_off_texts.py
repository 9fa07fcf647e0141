"""The text of every hand-off, line by line: what people have been given so far is what they get."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from jinja2 import DictLoader, UndefinedError

from runbook_lib.model.finding import Finding, HandOff, Severity
from runbook_lib.model.text import t
from runbook_lib.preflight.hand_off import (
    KINDS,
    AddAutodiscoverRecord,
    AddMxRecord,
    MakeMailContacts,
    MakeSendConnector,
    templates,
)
from runbook_lib.preflight.hand_off.templates import HAND_OFF_FOLDER, _environment, in_zone, rendered
from tests.unit.preflight.hand_off_cases import FIXED, hand_off, texts

ROOT = Path(__file__).resolve().parents[3]
NAMES = {kind.kind for kind in KINDS}
GOLDEN = Path(__file__).with_name("hand_offs.json")
TEXTS = {
    "plain": "contoso.com",
    "name": "O'Brien & Søns (50 %)",
    "syntax": '$(Get-Date); `x` | Out-Null #> "a" \u2019b\u201a',
    "dn": 'CN="a\\"b",OU=x\\, y',
    "unseen": "a\r\nGet-Date\u2028\u202e\x00\U000e0041b\ud83d",
    "template": "{{ 7*7 }}{% raw %}{# #}",
    "empty": "",
}


def values_of(kind: str, text: str) -> dict[str, object]:
    """The values of a hand-off as records have them, with ``text`` wherever one goes."""
    given: dict[str, dict[str, object]] = {
        "accepted-domain": {"domain": text},
        "relay-type": {"name": text},
        "address-spaces": {"connector": text, "spaces": [f"smtp:{text};1", text]},
        "send-connector": {"servers": [text, f"{text}2"], "spaces": [f"smtp:{text};1"]},
        "address-book": {"dns": [text, f"CN={text}"]},
        "mail-contact": {"groups": [[text, f"{text}@x", f"{text}@y"], [text * 20, f"{text}@z", f"{text}@y"]]},
        "remove-mail-contact": {"contacts": [[text, f"{text}@x"], [f"CN={text}", f"{text}@y"]]},
        "group-address-policy": {"domain": text},
        "test-mail": {"address": text},
        "mx": {"domain": text},
        "autodiscover": {"domain": text},
        "connect-server": {},
        "cloud-sync-agent": {},
        "group-dn": {"groups": [[text, f"CN={text}"]]},
        "sync-cycle": {},
        "connector-rights": {"account": text, "forest": text, "ou": f"OU={text}"},
        "delta-cycle": {},
        "choose-groups": {"groups": [[text, text], [f"{text}2", text]], "chosen": 3},
        "rights": {
            "what": text,
            "account": f"CONTOSO\\{text}",
            "grants": [
                {"dn": text, "rights": "WP;member;group", "on_groups": True, "take_ownership": False},
                {"dn": f"CN={text},DC=x", "rights": "LCRP", "on_groups": False, "take_ownership": True},
                {"dn": f"CN={text},DC=x", "rights": "SD", "on_groups": False, "take_ownership": True},
                {"dn": text, "rights": "WP;member;group", "on_groups": True, "take_ownership": False},
            ],
        },
    }
    return {"kind": kind, **given[kind]}


LONG = f"{'a' * 60}.{'b' * 60}.example"
CASES: dict[str, HandOff] = {
    **{f"{one} {name}": hand_off(one, text) for one in sorted(NAMES - FIXED) for name, text in TEXTS.items()},
    **{one: hand_off(one, "") for one in sorted(FIXED)},
    "send-connector without servers": MakeSendConnector((), ("smtp:contoso.com;1",)),
    "mail-contact of no group": MakeMailContacts(()),
    "mx of a long name": AddMxRecord(LONG),
}


@pytest.mark.parametrize("name", CASES)
def test_a_hand_off_says_what_it_always_said(name: str) -> None:
    found = [{"title": one.title, "where": one.where, "text": one.text.split("\n")} for one in texts(CASES[name])]
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))[name]


@pytest.mark.parametrize("kind", sorted(NAMES))
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_record_has_its_kind_and_its_values_as_it_always_had(kind: str, text: str) -> None:
    one = hand_off(kind, text)
    finding = Finding("found", Severity.WARNING, t("s"), values={"a": 1}, hand_offs=(one,))
    assert finding.as_json()["values"] == {"a": 1, "hand_off": values_of(kind, text)}
    both = replace(finding, hand_offs=(one, one))
    assert both.as_json()["values"] == {"a": 1, "hand_off": [values_of(kind, text)] * 2}
    assert replace(finding, hand_offs=()).as_json()["values"] == {"a": 1}


def test_every_kind_has_a_name_and_templates_of_its_own() -> None:
    assert [hand_off(kind.kind, "x.example").__class__ for kind in KINDS] == list(KINDS)
    assert len(NAMES) == len(KINDS)
    folder = Path(templates.__file__).parent
    shared = {"dsacls.ps1.j2"}
    assert {path.name for path in folder.glob("*.j2")} == {kind.template for kind in KINDS} | shared


def test_the_templates_are_in_the_wheel() -> None:
    packed = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {f"runbook_lib/preflight/hand_off/{kind.template}" for kind in KINDS} <= packed


@pytest.mark.parametrize(
    "value", ["{{ domain }}", "{{ domain ~ 'x' }}", "{{ 'x' }}", "{{ domain | upper }}", "{{ 7 }}"]
)
def test_a_value_without_a_filter_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_environment(HAND_OFF_FOLDER), "loader", DictLoader({"odd.ps1.j2": f"Get-Thing {value}\n"}))
    with pytest.raises(TypeError, match="without a filter"):
        rendered("odd.ps1.j2", domain="x")


def test_a_value_that_nobody_gives_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        _environment(HAND_OFF_FOLDER), "loader", DictLoader({"a": "{{ domian | quoted }}", "b": "{{ domian }}"})
    )
    for name in ("a", "b"):
        with pytest.raises(UndefinedError, match="domian"):
            rendered(name, domain="x")


@pytest.mark.parametrize("text", [" ", "a b", "a;b", "A.example", "a\n", "ä.example", ""])
def test_a_zone_takes_names_alone(text: str) -> None:
    with pytest.raises(ValueError, match="no name that a zone can hold"):
        in_zone(text)
    assert AddMxRecord(text).text() == AddAutodiscoverRecord(text).text() == ""

"""The text of every hand-off, line by line: what people have been given so far is what they get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import t
from runbook_lib.preflight.hand_off import KINDS, hand_offs

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

FIXED = {"connect-server", "cloud-sync-agent"}
"""Kinds without a value."""


def way(kind: str, text: str) -> dict[str, object]:
    """A hand-off with ``text`` wherever a value goes, as checks carry it."""
    given: dict[str, dict[str, object]] = {
        "accepted-domain": {"domain": text},
        "relay-type": {"name": text},
        "address-spaces": {"connector": text, "spaces": [f"smtp:{text};1", text]},
        "send-connector": {"servers": [text, f"{text}2"], "spaces": [f"smtp:{text};1"]},
        "address-book": {"dns": [text, f"CN={text}"]},
        "mail-contact": {"groups": [[text, f"{text}@x", f"{text}@y"], [text * 20, f"{text}@z", f"{text}@y"]]},
        "mx": {"domain": text},
        "autodiscover": {"domain": text},
        "connect-server": {},
        "cloud-sync-agent": {},
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


CASES = {
    **{f"{kind} {name}": way(kind, text) for kind in sorted(KINDS - FIXED) for name, text in TEXTS.items()},
    **{kind: way(kind, "") for kind in sorted(FIXED)},
    "send-connector without servers": {"kind": "send-connector", "servers": [], "spaces": ["smtp:contoso.com;1"]},
    "mail-contact of no group": {"kind": "mail-contact", "groups": []},
    "mx of a long name": way("mx", f"{'a' * 60}.{'b' * 60}.example"),
}


def made(name: str) -> list[dict[str, object]]:
    found = hand_offs([Finding("found", Severity.WARNING, t("s"), values={"hand_off": CASES[name]})])
    return [{"title": one.title, "where": one.where, "text": one.text.split("\n")} for one in found]


@pytest.mark.parametrize("name", CASES)
def test_a_hand_off_says_what_it_always_said(name: str) -> None:
    assert made(name) == json.loads(GOLDEN.read_text(encoding="utf-8"))[name]

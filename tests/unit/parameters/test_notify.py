"""Entries of ``notify`` that nobody could be told by are refused before anything runs, each with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runbook_lib.errors import UsageError
from runbook_lib.parameters.load import parameters_from_values

HOOK = {"name": "a", "by": "webhook", "address": "https://h.test/x", "sign_with": "env:KEY"}
CARD = {"name": "a", "by": "teams", "address_from": "env:WHERE", "hosts": ["h.test"]}
MAIL = {"name": "a", "by": "email", "address": "smtp://h.test:587", "sender": "a@b.test", "recipients": ["c@d.test"]}


@pytest.mark.parametrize("good", [HOOK, CARD, {**CARD, "by": "slack"}, MAIL, {**MAIL, "address": "smtps://h.test"}])
def test_a_whole_entry_is_taken(good: dict[str, Any]) -> None:
    assert parameters_from_values({"notify": [good]}, source="test").notify[0].by == good["by"]


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        ({**HOOK, "address": "http://h.test/x"}, "address"),
        ({**HOOK, "address": ""}, "address"),
        ({**HOOK, "sign_with": ""}, "sign_with"),
        ({**HOOK, "sign_with": "the key itself"}, "sign_with"),
        ({**HOOK, "sign_with": "vault:https://x.vault.azure.net/secrets/x"}, "sign_with"),
        ({**HOOK, "sender": "a@b.test"}, "sender"),
        ({**HOOK, "quiet": "22:00-07:00"}, "quiet"),
        ({**HOOK, "address_from": "env:X", "hosts": ["h.test"]}, "address"),
        ({**CARD, "hosts": []}, "hosts"),
        ({**CARD, "hosts": ["https://h.test"]}, "hosts"),
        ({**CARD, "address": "https://h.test/x", "address_from": ""}, "address"),
        ({**CARD, "sign_with": "env:KEY"}, "sign_with"),
        ({**MAIL, "address": "h.test:25"}, "address"),
        ({**MAIL, "address": "smtp://user@h.test"}, "address"),
        ({**MAIL, "sender": "a\nb@c.test"}, "sender"),
        ({**MAIL, "recipients": []}, "recipients"),
        ({**MAIL, "recipients": ["Adele <a@b.test>"]}, "recipients"),
        ({**MAIL, "user": "u"}, "password_from"),
        ({**MAIL, "hosts": ["h.test"]}, "hosts"),
    ],
)
def test_what_cannot_work_is_named_and_a_secret_never_quoted(entry: dict[str, Any], part: str) -> None:
    with pytest.raises(UsageError) as caught:
        parameters_from_values({"notify": [entry]}, source="test")
    assert f"notify, item 1, {part}" in json.dumps(dict(caught.value.values))
    assert "the key itself" not in str(caught.value)


def test_two_entries_have_two_names() -> None:
    with pytest.raises(UsageError, match="the name of another entry"):
        parameters_from_values({"notify": [HOOK, HOOK]}, source="test")

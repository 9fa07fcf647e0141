"""Secrets go, identifiers stay."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import uuid
import zipfile
from urllib.parse import quote

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.record.tables import workbook_bytes
from runbook_lib.secrets.redact import _SHAPES, Redactor

JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2dyYXBoIn0.c2lnbmF0dXJlLXBhcnQ"
ENTRA = "aB3" + "8Q~" + "x1Y_.z-" * 4 + "abcdef"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq+/=\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"token {JWT} end", JWT),
        (f"Authorization: Bearer {'q' * 40}", "q" * 40),
        (f"secret is {ENTRA}.", ENTRA),
        (f"'{ENTRA}'", ENTRA),
        (PEM, "MIIEvQIBADANBgkq"),
        (json.dumps(PEM), "hkiG9w0BAQEFAASC"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBgkq", "MIIEvQIBADANBgkq"),
        ("https://x.blob/c?sv=1&sig=abcDEF%2F123456789012345%3D&x=1", "abcDEF%2F123456789012345"),
        ("https://x.blob/c?sv=1&amp;sig=abcDEF%2F123456789012345%3D", "abcDEF%2F123456789012345"),
        ("Server=x;Password=Sommer;Database=y", "Sommer"),
        ("bind(password='hunter two')", "hunter two"),
        ('{"client_secret": "a\\"b c"}', "b c"),
        ("bind_password: hunter2", "hunter2"),
        (json.dumps(json.dumps({"password": "hunter two"})), "hunter two"),
        (html.escape('password="hunter two"'), "hunter two"),
        ("https://x/?password=Winter&y=1", "Winter"),
        ("dn: CN=x\nunicodePwd:: IgBhAGIAYwAiAA==\n IgBh\ncn: x", "IgBhAGIAYwAiAA"),
        ("GWB_CLIENT_SECRET=abcdef", "abcdef"),
        ("X: api_key=abcdefgh", "abcdefgh"),
        ('{"ApiKey": "abcdefgh"}', "abcdefgh"),
    ],
)
def test_shapes(text: str, secret: str) -> None:
    redactor = Redactor()
    clean = redactor.text(text, "out.txt")
    assert secret not in clean
    assert "[redacted: " in clean
    assert redactor.findings()
    assert Redactor().text(clean, "out.txt") == clean
    assert secret not in repr(redactor) + repr(redactor.findings())


@given(st.uuids(), st.binary(max_size=40), st.integers(0, 2**32))
def test_identifiers_survive(guid: uuid.UUID, data: bytes, number: int) -> None:
    text = (
        f"{guid} {hashlib.sha256(data).hexdigest()} S-1-5-21-{number}-{number}-{number}-512 "
        f"{base64.b64encode(guid.bytes_le).decode()} gwb:{guid}:{guid} Group_{guid} "
        f"CN=a\\,b,OU=Staff,DC=contoso,DC=com "
        f"bind_password_file: /x/bind-password.txt sign_in: certificate, or secret (GWB_CLIENT_SECRET) "
        f"password: wrong, expired or locked; password=parameters.bind_password secret = secret_file(path)"
    )
    redactor = Redactor()
    assert redactor.text(text, "x") == text
    assert redactor.findings() == ()


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0x17F), min_size=8, max_size=30))
def test_known_values_in_every_form(secret: str) -> None:
    redactor = Redactor([secret])
    for form in (
        secret, json.dumps(secret), html.escape(secret), quote(secret), base64.b64encode(secret.encode()).decode()
    ):  # fmt: skip
        assert form.strip('"') not in redactor.text(f"« {form} »", "x")


_KEYS = (
    "password",
    "PassWord",
    "client_secret",
    "clientſecret",
    "ſecret",
    "x-api_key",
    "access_to\u212aen",
    "tok",
    "a",
)
_QUOTES = ("", "'", '"', '\\"', "&quot;")
GIVEN = st.builds(
    "{0}{1}{2}{3}{2}{4}{2}{5}".format,
    st.sampled_from(("", "İ" * 30 + " ", "x", "x1_", "x-", ". ", "\n")),
    st.sampled_from(_KEYS),
    st.sampled_from(_QUOTES),
    st.sampled_from(("=", ": ", " =\n", "")),
    st.sampled_from(("hunter2", "None", "a b", "password=abc", "x")),
    st.sampled_from(("", " ", "\n", "<")),
)


@given(st.lists(GIVEN, max_size=4).map("".join))
def test_patterns_are_tried_only_where_they_can_match_and_find_the_same(text: str) -> None:
    expected = text
    for shape in _SHAPES:
        expected = shape.pattern.sub(
            lambda match: f"{match.groupdict().get('keep') or ''}[redacted: {shape.kind}]",  # noqa: B023
            expected,
        )
    assert Redactor().text(text, "x") == expected


def test_empty_or_tiny_known_secret_wrecks_nothing() -> None:
    assert Redactor(["", "a"]).text("banana", "x") == "banana"


def test_json_stays_json_and_keys_give_values_away() -> None:
    value = {"password": "hunter2", "n": [1, {"note": f"Bearer {'q' * 30}"}], "plan": "ab" * 32}
    clean = json.loads(Redactor().file("plan.json", json.dumps(value).encode()))
    assert clean == {
        "password": "[redacted: password]",
        "n": [1, {"note": "Bearer [redacted: bearer token]"}],
        "plan": "ab" * 32,
    }
    twice = Redactor(["canary-4711"]).file(
        "x.json", b'[{"canary-4711": 1}, {"canary-4711": 2}, {"secret": 1}, {"secret": "x"}, {"secret": "y"}]'
    )
    assert [list(one) for one in json.loads(twice)] == [["[redacted: known secret]"]] * 2 + [["secret"]] * 3
    assert b'"x"' not in twice
    assert b'"y"' not in twice
    lines = Redactor().file("journal.jsonl", b'{"a":1}\n{"secret":"abc"}\n{"torn": "password=hunter')
    assert lines.splitlines()[0] == b'{"a":1}'
    assert json.loads(lines.splitlines()[1]) == {"secret": "[redacted: password]"}
    assert b"hunter" not in lines


def test_clean_file_is_left_alone() -> None:
    data = b'{ "b":1,"a" : 2}'
    assert Redactor(["other secret"]).file("x.json", data) is data


def test_workbook_is_searched() -> None:
    data = workbook_bytes({"groups": pd.DataFrame({"d": ["ok", "canary-4711 & more"]})})
    redactor = Redactor(["canary-4711 & more"])
    clean = redactor.file("inventory.xlsx", data)
    with zipfile.ZipFile(io.BytesIO(clean)) as book:
        assert b"[redacted: known secret]" in book.read("xl/sharedStrings.xml")
        assert not any(b"canary" in book.read(name) for name in book.namelist())
    assert redactor.findings()[0].values == {"place": "inventory.xlsx", "kind": "known secret", "count": 1}
    assert redactor.file("inventory.xlsx", clean) is clean


def test_bytes_that_are_not_utf8_are_searched_too() -> None:
    assert b"hunter2" not in Redactor(["hunter2"]).file("x.txt", b"\xff hunter2")

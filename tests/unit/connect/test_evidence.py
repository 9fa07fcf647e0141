"""Evidence of a Connect server is believed as it was written, or refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.connect.document import COLLECTED_PARTS
from runbook_lib.connect.evidence import collector_sha256, read_connect_evidence
from runbook_lib.errors import UsageError
from tests.support.connect_evidence import CONTAINER, evidence, file_of, written


def refused(path: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_connect_evidence(path)
    return caught.value


def test_a_file_of_the_collector_is_read(tmp_path: Path) -> None:
    read = read_connect_evidence(written(tmp_path))
    assert read.at.isoformat() == "2026-11-30T08:00:00+00:00"
    assert read.tenant_domains == ("contoso.onmicrosoft.com",)
    assert read.collector_known
    assert read.setting("Microsoft.GroupWriteBack.Container") == CONTAINER
    assert read.setting("Microsoft.Synchronize.StagingMode") is None
    forest = read.forest_of(CONTAINER)
    assert forest is not None
    assert forest.name == "contoso.com"
    run = read.last_export(forest)
    assert run is not None
    assert run.counted("ExportAdd") == 6


def test_what_mail_and_editors_do_to_line_ends_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    path.write_bytes(b"\xef\xbb\xbf" + file_of(evidence()).replace(b"\n", b"\r\n"))
    assert read_connect_evidence(path).evidence.server == "CONNECT01"


FILE = file_of(evidence()).decode()
BODY = FILE.index("{", FILE.index('"evidence"'))


@settings(max_examples=300)
@given(
    at=st.integers(min_value=BODY, max_value=len(FILE) - 4),
    char=st.characters(min_codepoint=32, max_codepoint=126),
    insert=st.booleans(),
)
def test_no_changed_character_goes_unnoticed(
    tmp_path_factory: pytest.TempPathFactory, at: int, char: str, insert: bool
) -> None:
    changed = FILE[:at] + char + FILE[at if insert else at + 1 :]
    if changed == FILE:
        return
    path = tmp_path_factory.mktemp("changed") / "evidence.json"
    path.write_text(changed, encoding="utf-8", newline="\n")
    assert refused(path).code in ("connect-evidence-edited", "connect-evidence-damaged")


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (b"", "connect-evidence-damaged", "does not begin"),
        (b"\xff\xfe{\x00", "connect-evidence-damaged", "not UTF-8"),
        (FILE[:-200].encode(), "connect-evidence-damaged", "cut off"),
        ((FILE + "{}").encode(), "connect-evidence-damaged", "something follows"),
        (FILE.replace('"version": 1', '"version": 2').encode(), "connect-evidence-version", "version 2"),
        (FILE.replace("CONNECT01", "CONNECT02").encode(), "connect-evidence-edited", "was changed"),
    ],
)
def test_a_file_that_is_none_is_named_as_such(tmp_path: Path, content: bytes, code: str, told: str) -> None:
    path = tmp_path / "evidence.json"
    path.write_bytes(content)
    error = refused(path)
    assert error.code == code
    assert told in error.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.json").code == "connect-evidence-missing"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"build": 7}, "build"),
        ({"collected": "2026-11-30 08:00"}, "collected"),
        ({"features": {"v1": "True", "v2": False}}, "features.v1"),
        ({"unread": [{"part": "runs"}]}, "unread.0.why"),
    ],
)
def test_what_does_not_fit_the_format_is_named_with_its_place(
    tmp_path: Path, changed: dict[str, Any], told: str
) -> None:
    error = refused(written(tmp_path, evidence(**changed)))
    assert error.code == "connect-evidence-damaged"
    assert told in error.message


@pytest.mark.parametrize("part", COLLECTED_PARTS)
def test_a_part_that_is_missing_needs_its_reason(tmp_path: Path, part: str) -> None:
    assert part in refused(written(tmp_path, evidence(**{part: None}))).message
    named = evidence(**{part: None, "unread": [{"part": part, "why": "Access is denied."}]})
    assert getattr(read_connect_evidence(written(tmp_path, named)).evidence, part) is None


def test_a_key_given_twice_is_no_evidence(tmp_path: Path) -> None:
    import hashlib

    body = json.dumps(evidence()).replace('"server":', '"server": "OTHER", "server":', 1)
    digest = hashlib.sha256(body.encode()).hexdigest()
    path = tmp_path / "evidence.json"
    head = f'{{"format": "gwb-connect-evidence", "version": 1, "sha256": "{digest}", "evidence": '
    path.write_text(head + body + "}", encoding="utf-8")
    assert "twice" in refused(path).message


def test_a_collector_that_was_changed_is_known_as_such(tmp_path: Path) -> None:
    assert not read_connect_evidence(written(tmp_path, evidence(script_sha256="0" * 64))).collector_known
    assert not read_connect_evidence(written(tmp_path, evidence(script_sha256=None))).collector_known
    assert read_connect_evidence(written(tmp_path, evidence(script_sha256=collector_sha256()))).collector_known


@pytest.mark.parametrize(
    ("dn", "inside"),
    [
        ("OU=Staff,DC=contoso,DC=com", True),
        ("ou=sales,OU=staff,dc=contoso,dc=com", True),
        ("OU=Leavers,OU=Staff,DC=contoso,DC=com", False),
        ("OU=2026,OU=Leavers,OU=Staff,DC=contoso,DC=com", False),
        ("OU=Other,DC=contoso,DC=com", False),
        ("DC=contoso,DC=com", False),
        ("OU=Staff,DC=fabrikam,DC=com", None),
        ("no name", None),
    ],
)
def test_the_nearest_container_that_the_filter_names_decides(tmp_path: Path, dn: str, inside: bool | None) -> None:
    assert read_connect_evidence(written(tmp_path)).in_filter(dn) is inside


def test_an_export_that_did_not_end_is_no_last_export(tmp_path: Path) -> None:
    told = evidence()
    newer = {**told["runs"][0], "number": 26286, "complete": False, "ended": None}
    read = read_connect_evidence(written(tmp_path, {**told, "runs": [newer, *told["runs"]]}))
    forest = read.forest_of(CONTAINER)
    assert forest is not None
    run = read.last_export(forest)
    assert run is not None
    assert run.number == 26285

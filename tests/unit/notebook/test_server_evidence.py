"""An app may not read whether v1 is on; the collector's file says so, and counts as a reading."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook_lib.errors import Refused, UsageError
from runbook_lib.graph.tenant.parts import ConnectReport
from runbook_lib.model.cloud import OtherWriters, Switch, Tenant
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import verbatim
from runbook_lib.notebook.authority_way import with_server_build
from runbook_lib.notebook.reading import with_server_evidence
from runbook_lib.parameters.model import Parameters
from tests.support.builders import cloud_side
from tests.support.connect_evidence import evidence, written

COLLECTED = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
CONTOSO = Tenant(
    "11111111-1111-4111-8111-111111111111",
    display_name="Contoso",
    verified_domains=("contoso.com", "contoso.onmicrosoft.com"),
)


def given(file: Path | None, hours: int = 24) -> Parameters:
    return Parameters.model_validate({"connect_evidence": str(file or ""), "connect_evidence_hours": hours})


@pytest.mark.parametrize(("told", "expected"), [(True, Switch.ON), (False, Switch.OFF), (None, Switch.UNKNOWN)])
def test_what_graph_does_not_say_the_server_does(tmp_path: Path, told: bool | None, expected: Switch) -> None:
    file = written(tmp_path, evidence(features={"v1": told, "v2": False}))
    unknown = replace(cloud_side(), tenant=CONTOSO, writers=OtherWriters(connect_v1=Switch.UNKNOWN))
    after, collected = with_server_evidence(given(file), unknown, COLLECTED + timedelta(hours=1))
    assert after.writers.connect_v1 is expected
    assert collected is not None
    assert collected.file == file.read_bytes()
    assert after == replace(unknown, writers=after.writers)


@pytest.mark.parametrize("read", [Switch.ON, Switch.OFF])
def test_what_graph_says_needs_no_evidence(tmp_path: Path, read: Switch) -> None:
    known = replace(cloud_side(), tenant=CONTOSO, writers=OtherWriters(connect_v1=read))
    assert with_server_evidence(given(tmp_path / "absent.json"), known, COLLECTED) == (known, None)
    unknown = replace(known, writers=OtherWriters(connect_v1=Switch.UNKNOWN))
    assert with_server_evidence(given(None), unknown, COLLECTED) == (unknown, None)


@pytest.mark.parametrize(
    ("said", "build"),
    [
        (Unreadable("connect", "app-only", verbatim("for people only")), (2, 5, 76, 0)),
        (ConnectReport(), (2, 5, 76, 0)),
        (ConnectReport("2.6.92.0"), (2, 6, 92, 0)),
    ],
)
def test_a_build_that_graph_does_not_say_the_server_does(
    tmp_path: Path, said: ConnectReport | Unreadable, build: tuple[int, ...]
) -> None:
    file = written(tmp_path, evidence(build="2.5.76.0"))
    found = with_server_build(said, given(file), CONTOSO, COLLECTED)
    assert isinstance(found, ConnectReport)
    assert found.build == build
    assert with_server_build(said, given(None), CONTOSO, COLLECTED) == said


def test_evidence_that_does_not_count_ends_the_run(tmp_path: Path) -> None:
    file = written(tmp_path, evidence())
    unknown = replace(cloud_side(), tenant=CONTOSO, writers=OtherWriters(connect_v1=Switch.UNKNOWN))
    with pytest.raises(Refused, match="evidence counts for 2 hours") as old:
        with_server_evidence(given(file, 2), unknown, COLLECTED + timedelta(hours=3))
    assert old.value.code == "connect-evidence-old"
    other = replace(unknown, tenant=replace(CONTOSO, verified_domains=("fabrikam.com",)))
    with pytest.raises(Refused, match="another tenant"):
        with_server_evidence(given(file), other, COLLECTED)
    with pytest.raises(UsageError, match="no file of evidence"):
        with_server_evidence(given(tmp_path / "absent.json"), unknown, COLLECTED)

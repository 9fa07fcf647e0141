"""What counts until a hand-over and what counts since: readings, evidence, what a person attests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_lib.connect.evidence import ConnectEvidence, read_connect_evidence
from runbook_lib.connect.predicted import NamingMode
from runbook_lib.connect.settings import WritebackSettings
from runbook_lib.model.cloud import Switch
from runbook_lib.notebook.connect_sync_reading import ServerRead, settings_now
from runbook_lib.notebook.context import RunContext
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import RunRecord
from tests.support.connect_evidence import CONTAINER, evidence, written

COLLECTED = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
ATTESTED = {"attest_connect_v1_off_by": "Kim", "attest_connect_v1_off_until": "2099-01-01"}


@pytest.fixture
def server(tmp_path: Path) -> ConnectEvidence:
    """Evidence of a server where v1 is on, with names by id."""
    return read_connect_evidence(written(tmp_path, evidence()))


@pytest.fixture
def settings_of(tmp_path: Path) -> Callable[..., WritebackSettings]:
    """What decides in a run with these parameters."""
    record = RunRecord.begin(
        RecordFolder.create(tmp_path / "records", "CHG0012345", "run-1"),
        notebook_name="30-enable-writeback.ipynb",
        notebook_sha256="ab" * 32,
        mode="record",
        started=COLLECTED,
        parameters={"change_id": "CHG0012345"},
        versions={"python": "3.11.2"},
    )

    def settings(read: ServerRead, since: datetime | None = None, **given: object) -> WritebackSettings:
        told = Parameters.model_validate({"target_ou": CONTAINER, **given})
        context = RunContext(parameters=told, record=record, environment={}, clock=lambda: LATER)
        return settings_now(context, read, since)

    return settings


def test_before_the_hand_over_the_wizards_choice_is_that_of_the_parameters(
    settings_of: Callable[..., WritebackSettings],
) -> None:
    off = ServerRead(Switch.OFF, Switch.OFF)
    found = settings_of(off, rdn_style="id")
    assert (found.v1, found.naming, found.container.value) == (Switch.OFF, NamingMode.ID, CONTAINER)
    assert settings_of(off).naming is NamingMode.DISPLAY_NAME


def test_what_a_person_attests_counts_until_the_hand_over_alone(settings_of: Callable[..., WritebackSettings]) -> None:
    unknown = ServerRead(Switch.UNKNOWN, Switch.UNKNOWN)
    assert settings_of(unknown).v1 is Switch.UNKNOWN
    assert settings_of(unknown, **ATTESTED).v1 is Switch.OFF
    # Afterwards nothing tells: what is predicted is what the wizard was told.
    since = settings_of(unknown, COLLECTED, **ATTESTED, rdn_style="id")
    assert (since.naming, since.container.value) == (NamingMode.ID, CONTAINER)


def test_rules_from_before_the_hand_over_say_nothing_of_the_time_since(
    settings_of: Callable[..., WritebackSettings], server: ConnectEvidence
) -> None:
    fresh = settings_of(ServerRead(Switch.ON, Switch.OFF, CONTAINER, server), COLLECTED)
    assert fresh.naming is NamingMode.ID, "the server has no rule for display names"
    old = settings_of(ServerRead(Switch.ON, Switch.OFF, CONTAINER, server, before=True), LATER)
    assert old.naming is NamingMode.DISPLAY_NAME, "as the wizard was told"
    assert old.evidence is None


def test_what_is_known_of_the_server_is_of_the_time_since(server: ConnectEvidence) -> None:
    fresh = ServerRead(Switch.ON, Switch.OFF, evidence=server).now
    assert (fresh.evidence, fresh.older) == (server, None)
    old = ServerRead(Switch.UNKNOWN, Switch.OFF, evidence=server, before=True).now
    assert (old.evidence, old.older, old.v1) == (None, server, Switch.UNKNOWN)

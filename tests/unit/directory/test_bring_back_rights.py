"""Whether an account may bring groups back to v1's OU, told before anything goes."""

from __future__ import annotations

from rehearsal.directory.store import DirectoryStore
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Severity
from runbook_lib.routes.connect_sync.deleted_groups import bring_back_findings, read_bring_back_right
from tests.unit.directory.embedded import ADMINISTRATOR, TARGET, WRITER, Embedded


def test_an_administrator_may(embedded: Embedded) -> None:
    with embedded.open(bind_user=ADMINISTRATOR) as admin:
        row, account = read_bring_back_right(admin, TARGET)
    assert row.granted is not Switch.OFF
    assert list(bring_back_findings(row, account, now=True)) == []


def test_an_account_without_the_rights_is_told_which_and_how_to_get_them(embedded: Embedded) -> None:
    with embedded.open() as writer:
        row, account = read_bring_back_right(writer, TARGET)
    (now,) = bring_back_findings(row, account, now=True)
    (later,) = bring_back_findings(row, account, now=False)
    assert (now.severity, later.severity) == (Severity.BLOCKING, Severity.WARNING)
    assert now.acknowledgeable
    assert "svc-gwb" in now.seen
    assert "extensionName" not in now.seen, "what v1 wrote carries no mark"
    (lines,) = now.hand_offs
    assert "Reanimate Tombstones" in lines.text()
    store: DirectoryStore = embedded.store
    store.grant(WRITER, TARGET)
    store.grant_reanimation(WRITER)
    with embedded.open() as writer:
        row, account = read_bring_back_right(writer, TARGET)
    assert list(bring_back_findings(row, account, now=True)) == []

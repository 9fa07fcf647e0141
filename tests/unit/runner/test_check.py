"""``gwb check``: exit codes, table, JSON, on the shared rehearsal and on plain assessments."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import CliRunner, Result

from rehearsal.process import RunningRehearsal
from runbook_lib.deadline import Allowance
from runbook_lib.errors import NoAccess
from runbook_lib.graph.sign_in.cache import SignInCache
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import t
from runbook_lib.preflight.assess import Assessment, Check, assess, on
from runbook_lib.preflight.parts import EXCHANGE
from runbook_lib.runner.cli import cli
from runbook_lib.runner.commands import check as command_check
from runbook_lib.shown import terminal
from tests.docs.markdown import ROOT, section, table_rows
from tests.unit.preflight.test_framework import EVIDENCE

GUIDE = (ROOT / "docs" / "operator-guide.md").read_text(encoding="utf-8")


def gwb_check(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["check", *arguments], prog_name="gwb")


def answering(severity: Severity, judged: Sequence[str] = ("direct",)) -> Assessment:
    finding = Finding("odd\x1b[2J", severity, t("Seen \x1b]0;x\x07 here."), to_do=t("Look."), source="A page")
    routes = on(direct=Severity.INFO, connect_sync=Severity.BLOCKING)
    return assess(EVIDENCE, [Check("c", t("C"), (EXCHANGE,), routes, lambda _: iter([finding]))], judged=judged)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "p.yaml"
    path.write_text('dc_host: "localhost"\n', encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("severity", "code", "verdict"),
    [
        (Severity.INFO, 0, "Ready"),
        (Severity.WARNING, 0, "Ready with warnings"),
        (Severity.UNKNOWN, 8, "Unknown"),
        (Severity.BLOCKING, 5, "Not ready"),
    ],
)
def test_exit_codes(monkeypatch: pytest.MonkeyPatch, file: str, severity: Severity, code: int, verdict: str) -> None:
    monkeypatch.setattr(command_check, "_assess", lambda *_: answering(severity))
    assert gwb_check(file).exit_code == 0, "direct decides unless told otherwise"
    done = gwb_check(file, "--route", "connect-sync")
    assert done.exit_code == code
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("connect-sync")]
    assert verdict in row
    assert gwb_check(file, "-p", "check_routes", '["connect-sync"]').exit_code == code
    assert gwb_check(file, "--route", "direct", "--route", "connect-sync", "--json").exit_code == code
    told = {row[0]: row[1] for row in table_rows(section(GUIDE, "### Pre-flight"))}
    assert verdict.lower() in told[str(code)]


def test_nothing_that_was_read_reaches_the_terminal_as_a_control_character(
    monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    monkeypatch.setattr(command_check, "_assess", lambda _a, _b, judged, _c: answering(Severity.BLOCKING, judged))
    for route in ("direct", "connect-sync"):
        shown = gwb_check(file, "--route", route).stdout
        assert "\x1b" not in shown
        assert "\x07" not in shown
        assert "\\u001b[2J" in shown
    assert "BLOCKING  odd" in shown
    for line in ("Seen: Seen", "What to do: Look.", "Source: A page"):
        assert f"  {line}" in shown
    assert json.loads(gwb_check(file, "--json").stdout)["findings"][0]["id"] == "odd\x1b[2J"


def test_lines_fit_and_name_what_was_not_read() -> None:
    text = [line.text for line in terminal.lines(answering(Severity.WARNING), ["direct"])]
    assert any(line.startswith("direct *") for line in text)
    assert max(map(len, text)) <= 120


@pytest.mark.parametrize(
    ("least", "shown"), [(Severity.INFO, True), (Severity.WARNING, True), (Severity.BLOCKING, False)]
)
def test_milder_findings_than_those_asked_for_are_counted(least: Severity, shown: bool) -> None:
    text = [line.text for line in terminal.lines(answering(Severity.WARNING), ["direct"], least=least)]
    assert any("odd" in line and line.startswith("WARNING") for line in text) is shown
    assert ("Findings that are milder than blocking: 1." in text) is not shown


def test_severity_filters_what_a_terminal_shows_and_not_the_exit_code(file: str) -> None:
    everything, graver = gwb_check(file), gwb_check(file, "--severity", "blocking")
    assert (graver.exit_code, everything.exit_code) == (graver.exit_code,) * 2
    assert len(graver.stdout) <= len(everything.stdout)


def test_wrong_parameters_are_wrong_use(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text('dc_hots: "x"\n', encoding="utf-8")
    assert CliRunner().invoke(cli, ["check", str(path)]).exit_code == 2
    assert gwb_check().exit_code == 2


def test_nothing_answers(file: str) -> None:
    done = gwb_check(file, "-p", "dc_port", "1", "-p", "bind_user", "a@b.example", "--route", "connect-sync")
    assert done.exit_code == 8
    assert "part-unreadable:exchange" in done.stdout


def test_a_pre_flight_ends_in_its_time_and_what_it_did_not_reach_is_unknown(
    monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """A step that hangs is left behind, with what it holds; later ones are not begun."""
    freed, closed = threading.Event(), []

    class Held:
        def __enter__(self) -> object:
            freed.wait(30)
            return self

        def __exit__(self, *_: object) -> None:
            closed.append(self)

    monkeypatch.setattr("runbook_lib.preflight.whole.open_directory", lambda *_, **__: Held())
    begun = time.monotonic()
    try:
        done = gwb_check(file, "--timeout", "1", "-p", "bind_user", "a@b.example", "--json")
    finally:
        freed.set()
    assert time.monotonic() - begun < 20
    assert done.exit_code == 8
    (cause,) = [one for one in json.loads(done.stdout)["findings"] if "time-limit" in str(one["values"].get("code"))]
    assert "(1 s) was over" in cause["seen"]
    assert "--timeout" in cause["to_do"]
    assert len(cause["values"]["parts"]) > 5
    assert closed == []


def test_an_allowance_hands_on_what_its_steps_do() -> None:
    allowance = Allowance(60.0)
    assert allowance.run(lambda: 7) == 7
    with pytest.raises(NoAccess, match="no"):
        allowance.run(lambda: _raise(NoAccess(t("no"), code="x")))
    assert not allowance.over
    asked: list[int] = []
    for moment in (61.0, 62.0):
        late = Allowance(60.0, monotonic=iter([0.0, moment]).__next__)
        with pytest.raises(TimeoutError):
            late.run(lambda: asked.append(1))
        assert (late.over, asked) == (True, [])


def _raise(error: Exception) -> NoReturn:
    raise error


def test_a_sign_in_that_is_not_kept_is_a_finding(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    """As in runs: the store fails while a token is asked for, so it shows only after reading."""
    lost = SignInCache()
    opened: list[object] = []

    def open_graph(*_: object, cache: SignInCache, **__: object) -> NoReturn:
        opened.append(cache)
        cache.tokens.trouble = "no keyring"
        raise NoAccess(t("No sign-in."), code="no-sign-in")

    monkeypatch.setattr("runbook_lib.preflight.whole.sign_in_cache", lambda *_: lost)
    monkeypatch.setattr("runbook_lib.preflight.whole.open_graph", open_graph)
    answer = json.loads(
        gwb_check(file, "-p", "sign_in", "device-code", "-p", "bind_user", "a@b.example", "--json").stdout
    )
    assert opened == [lost]
    (one,) = [finding for finding in answer["findings"] if finding["id"] == "sign-in-not-kept"]
    assert (one["severity"], one["routes"]) == ("warning", {})
    assert all("sign-in-not-kept" not in verdict["because"] for verdict in answer["verdicts"].values())
    beside = assess(EVIDENCE, [], beside=SignInCache(lost.tokens).findings)
    text = "\n".join(line.text for line in terminal.lines(beside, ["direct"]))
    assert "WARNING  sign-in-not-kept\n" in text


def test_on_the_rehearsal(fresh_rehearsal: RunningRehearsal) -> None:
    done = gwb_check(str(fresh_rehearsal.parameters_file), "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["judged"] == ["direct"]
    assert set(answer["verdicts"]) == {"direct", "cloud-sync", "connect-sync"}
    assert {part["part"]: part["code"] for part in answer["unreadable"]} == dict.fromkeys(
        ("tenant.features", "tenant.containers", "tenant.connect", "tenant.agents"), "app-only"
    ), "what Graph shows to people"
    assert {"subject", "fact", "value"} == set(answer["tenant"][0])
    ids = {finding["id"]: finding["severity"] for finding in answer["findings"]}
    assert ids["connect-v1-attested"] == "info"
    assert not {i for i in ids if i.startswith(("permissions-", "licence-", "synchronization-", "cloud-sync-late"))}
    assert answer["exchange"]["product"] == "Exchange Server SE RTM"
    assert fresh_rehearsal.control.writes()["count"] == 0

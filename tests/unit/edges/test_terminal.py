"""The terminal and errors on their way to it: from an answer of Graph or LDAP to the last byte that is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from runbook_lib.directory.errors import bind_error, ldap_error_of
from runbook_lib.errors import Refused, RunbookError
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import verbatim
from runbook_lib.preflight.assess import Assessment, Check, assess, on
from runbook_lib.preflight.hand_off import RelayAcceptedDomain
from runbook_lib.record.executed import clean
from runbook_lib.record.page import record_html
from runbook_lib.record.run_record import RunRecord
from runbook_lib.runner import console
from runbook_lib.runner.cli import cli
from runbook_lib.runner.commands import check
from runbook_lib.runner.kernel.execution import CellStep
from tests.support import hostile
from tests.unit.edges.pages import tree_of
from tests.unit.edges.readers import assert_quiet
from tests.unit.graph.fake_cloud import Reply, client_with
from tests.unit.preflight.builders import evidence
from tests.unit.record.conftest import make_run  # noqa: F401 - a fixture
from tests.unit.record.notebooks import code, notebook


@hostile.each()
def test_every_line_of_a_command_is_quiet(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    console.print_line(verbatim(text))
    console.warn(verbatim(text))
    console.show_error(Refused(verbatim(text), code="x", hint=verbatim(text)))
    problems = [{"where": text, "text": text, "hint": text}] * 2
    console.show_error(Refused(verbatim(text), code="x", values={"problems": problems}))
    progress = console.CellProgress(quiet=False)
    progress(CellStep(1, 2, text))
    progress.notice(verbatim(text))
    said = capsys.readouterr()
    assert_quiet(said.out + said.err)
    assert said.out.count("\n") == 1
    assert said.err.count("\n") == 1 + (2 if text else 1) + 3 + 2


@hostile.each()
def test_the_pre_flight_is_quiet_as_table_json_and_hand_offs(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(check, "_assess", lambda *_: _assessment(text))
    path = tmp_path / "p.yaml"
    path.write_text('dc_host: "localhost"\n', encoding="utf-8")
    for options in ([], ["--json"], ["--hand-offs"]):
        done = CliRunner().invoke(cli, ["check", str(path), *options], prog_name="gwb")
        assert done.exit_code in (0, 5), done.output
        assert_quiet(done.stdout + done.stderr)
        if options == ["--json"]:
            assert [f["seen"] for f in json.loads(done.stdout)["findings"]] == [text]


def _assessment(text: str) -> Assessment:
    finding = Finding(
        text,
        Severity.BLOCKING,
        verbatim(text),
        verbatim(text),
        verbatim(text),
        verbatim(text),
        text,
        hand_offs=(RelayAcceptedDomain(text),),
    )
    return assess(
        evidence(), [Check("c", verbatim(text), (), on(connect_sync=Severity.BLOCKING), lambda _: iter([finding]))]
    )


def _graph_error(reply: Reply) -> RunbookError:
    client, _, _ = client_with(lambda _: reply)
    try:
        client.get("/groups")
    except RunbookError as error:
        return error
    raise AssertionError("that is no error")


def _ldap_error(text: str, number: int) -> RunbookError:
    result = {"result": number, "message": hostile.ldap_message(text), "referrals": [text], "description": text}
    return bind_error(result, user=text) if number == 49 else ldap_error_of(result, operation="modify", dn=f"CN={text}")


def _answers(text: str) -> list[RunbookError]:
    """Errors of both services with ``text`` in whatever they answered."""
    replies = [Reply(status, raw=hostile.graph_body(text)) for status in (400, 401, 403, 404, 500)]
    replies += [Reply(200, raw=hostile.proxy_page(text)), Reply(502, raw=hostile.proxy_page(text))]
    return [*map(_graph_error, replies), *(_ldap_error(text, number) for number in (19, 49, 50, 53, 68))]


@hostile.each()
def test_an_error_body_reaches_terminal_and_notebook_quietly(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for error in _answers(text):
        console.show_error(error)
        said = capsys.readouterr().err
        assert_quiet(said)
        assert said.count("\n") <= 2
        assert_quiet("".join(error._render_traceback_()), breaks="")
        assert_quiet(str(error))
        json.dumps(dict(error.values))


def test_error_bodies_are_text_in_a_record(make_run: Callable[..., RunRecord]) -> None:  # noqa: F811
    shapes: list[tuple[str, ...]] = []
    for texts in (hostile.TEXTS, ("dull",) * len(hostile.TEXTS)):
        graph = [_graph_error(Reply(400, raw=hostile.graph_body(text))) for text in texts]
        errors = [*graph, *(_ldap_error(text, 50) for text in texts)]
        cleaned = clean(notebook(code("x", *map(_output, errors))), Outcome.FAILED, places={}, reason="")
        record = make_run(f"run-{len(shapes)}")
        record.finish(Outcome.FAILED, ended=datetime(2026, 11, 22, tzinfo=UTC), error=errors[0])
        page = record_html(record.facts, cleaned, files=[], sealed_at="2026-11-22T10:00:00Z", place="records/x")
        assert_quiet(page)
        shapes.append(tree_of(page).elements)
        assert_quiet(record.folder.file("record.json").read_bytes().decode("utf-8"))
    assert shapes[0].count("div>pre") > 2 * len(hostile.TEXTS)
    assert shapes[0] == shapes[1]


def _output(error: RunbookError) -> dict[str, object]:
    """What a kernel keeps of an error."""
    lines = error._render_traceback_()
    return {"output_type": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": lines}

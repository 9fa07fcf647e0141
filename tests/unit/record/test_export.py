"""gwb export: page 1 for a ticket, without names for support, and where it may be written."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mistune
import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given

from runbook_lib.errors import ServiceFailed, UsageError
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.beside import Beside, DriftRow
from runbook_lib.record.export_text import markdown_text, summary_json, summary_markdown
from runbook_lib.record.first_page import FirstPage, first_page
from runbook_lib.record.pdf import browser_here, pdf_of
from runbook_lib.record.redacted import redacted
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.seal import seal
from runbook_lib.runner.cli import cli
from tests.support import hostile
from tests.unit.record.markup import parsed

_shown = mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "url", "math"])


def _facts(name: str) -> dict[str, Any]:
    """Facts in which every text is ``name``."""
    said = verbatim(name)
    return {
        "change_id": name, "run_id": name, "notebook": {"name": name, "sha256": name}, "mode": "record",
        "ran_by": {
            "account": name, "host": name, "cloud": {"user_principal_name": name}, "directory": {"identity": name}
        },
        "outcome": "awaiting-approval", "started": name, "ended": name, "schema": name, "exit_code": 4,
        "target": {"tenant": name, "domain": name, "dc": name, "ou": name},
        "parameters": {"reason": name, "requested_by": name, "select_names": [name], "tenant_id": name, "route": name},
        "snapshots": {"cloud": {"proof": [name], "gaps": [name], "complete": True, "seconds": 1.5, "requests": 3}},
        "plan": {"digest": name, "phrase": name, "operation": name, "counts": {"create": 1}, "groups": 1,
                 "members": [{"group": name, "in_cloud": 2, "left_out": 1, "who": [name]}]},
        "approval": {"approver": name, "approved": name, "until": name, "file": name},
        "changes": {"planned": 1, "done": 0},
        "findings": [Finding(name, Severity.BLOCKING, said, said, said, said, name).as_json()],
        "steps": [{"title": name, "at": "2026-11-22T10:00:00Z"}], "versions": {"python": "3.11", name: name},
        "gaps": [name], "error": {"code": name, "message": name, "hint": name},
    }  # fmt: skip


def _page(name: str) -> FirstPage:
    beside = Beside(differences=(DriftRow(name, name, name, name, name),))
    return first_page(_facts(name), beside, place=name, local=datetime.astimezone)


@given(hostile.anything(min_size=1, max_size=40))
@example(" ")
@example("".join(hostile.TEXTS))
@example("https://evil.example www.evil.example @everyone | <b> `x` $x$ [a](b) ![a](b) ~~x~~ &lt; # - 1. ")
def test_names_never_become_markdown(name: str) -> None:
    markdown = summary_markdown(_page(name), record=name, digest=name)
    dull = summary_markdown(_page("dull"), record="dull", digest="dull")
    assert markdown.count("\n") == dull.count("\n")
    assert parsed(str(_shown(markdown))).tags == parsed(str(_shown(dull))).tags


def test_a_name_is_read_as_it_is() -> None:
    name = r"a_b*c`d\e|f[g](h)<i> &amp; $j$ @k https://l www.m"
    assert "".join(parsed(str(_shown(f"x {markdown_text(name)}"))).text).strip() == f"x {printable(name)}"


def test_the_table_of_groups_and_the_ticket_in_json() -> None:
    page = _page("Sales")
    assert "| Sales | – | 2 | – | – | – | 1 | Sales |" in summary_markdown(page, record="r", digest="")
    told = json.loads(json.dumps(summary_json(page, record="r", digest="")))
    assert (told["schema"], told["digest"], told["outcome"]) == ("gwb-summary/1", None, "awaiting-approval")
    assert told["groups"][0]["left_out"] == 1
    assert (told["reason"], told["requested_by"]) == ("Sales", "Sales")
    assert told["differences"][0]["in_ad"] == "Sales"


CANARY = "Zoe Canary-4711"


def test_nothing_that_names_anybody_is_in_the_redacted_record() -> None:
    facts = _facts(CANARY)
    facts["parameters"] = dict.fromkeys(Parameters.model_fields, CANARY) | {"max_creates": 7, "route": "direct"}
    facts["findings"][0]["id"] = f"drift:{CANARY}"
    told = redacted(facts, None, None, sealed=True)
    text = json.dumps(told)
    assert "anary" not in text
    assert told["findings"] == [{"id": "drift", "severity": "blocking", "number": 1}]
    parameters = told["parameters"]
    assert isinstance(parameters, dict)
    assert (parameters["max_creates"], parameters["route"]) == (7, "direct")
    assert parameters["tenant_id"] == {"given": True}
    assert told["error"] is None
    assert told["steps"] == ["2026-11-22T10:00:00Z"]
    assert told["versions"] == {"python": "3.11"}


@given(hostile.anything(min_size=1, max_size=40))
def test_whatever_stands_in_a_record_redacting_it_breaks_nothing(name: str) -> None:
    json.dumps(redacted(_facts(name), None, None, sealed=False))
    json.dumps(redacted({"findings": name, "steps": [name], "snapshots": {name: name}}, None, None, sealed=False))


@pytest.fixture
def sealed(make_run: Callable[..., RunRecord], clock: Callable[[], datetime]) -> Path:
    record = make_run(reason="File servers")
    record.finish(Outcome.NOTHING_TO_DO, ended=datetime(2026, 11, 22, 10, 0, 9, tzinfo=UTC))
    return seal(record.folder, None, clock=clock).folder.path


def _gwb(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["export", *map(str, arguments)], prog_name="gwb")


def test_a_text_goes_to_the_terminal_or_to_a_file(sealed: Path, tmp_path: Path) -> None:
    shown = _gwb(sealed, "--markdown")
    assert shown.exit_code == 0, shown.output
    assert "- Why: File servers" in shown.output
    assert json.loads(_gwb(sealed, "--json").output)["digest"]
    target = tmp_path / "out.json"
    assert _gwb(sealed, "--redacted", "-o", target).exit_code == 0
    assert json.loads(target.read_text("utf-8"))["sealed"] is True
    before = {path: path.read_bytes() for path in sealed.iterdir()}
    assert {path: path.read_bytes() for path in sealed.iterdir()} == before


@pytest.mark.parametrize("form", ["--markdown", "--json", "--pdf"])
def test_an_altered_record_is_written_out_for_support_alone(sealed: Path, tmp_path: Path, form: str) -> None:
    record = sealed / "record.json"
    record.write_text(record.read_text("utf-8").replace("File servers", "File serverz"), "utf-8")
    done = _gwb(sealed, form, "-o", tmp_path / "out")
    assert done.exit_code == 5
    assert "is not what was sealed: record.json" in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()
    assert _gwb(sealed, "--redacted").exit_code == 0


def test_no_file_is_replaced_and_none_is_put_into_a_record(sealed: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.md"
    target.write_text("mine")
    again = _gwb(sealed, "--markdown", "-o", target)
    assert again.exit_code == 2
    assert "already" in again.output
    assert target.read_text() == "mine"
    assert _gwb(sealed, "--markdown", "-o", target, "--overwrite").exit_code == 0
    assert target.read_text("utf-8").startswith("# ")
    inside = _gwb(sealed, "--markdown", "-o", sealed / "x.md")
    assert inside.exit_code == 2
    assert "folder of a record" in inside.output
    assert not (sealed / "x.md").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--pdf, --markdown"),
        (["--json", "--markdown"], "One of --pdf, --markdown"),
        (["--json", "--browser", "x"], "for --pdf alone"),
        (["--pdf", "--browser", "/no"], "/no"),
    ],
)
def test_wrong_use_is_said(sealed: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    extra = ["-o", str(tmp_path / "x.pdf")] if "--pdf" in arguments else []
    done = _gwb(sealed, *arguments, *extra)
    assert done.exit_code == 2
    assert said in done.output


def test_what_is_no_record_is_said(tmp_path: Path) -> None:
    done = _gwb(tmp_path, "--json")
    assert done.exit_code == 2
    assert "There is no record" in done.output


def test_a_browser_that_is_not_there_or_prints_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        browser_here({"PATH": str(tmp_path)})
    assert caught.value.code == "browser-missing"
    page = tmp_path / "record.html"
    page.write_text("x")
    with pytest.raises(ServiceFailed) as failed:
        pdf_of(page, Path(sys.executable))
    assert failed.value.code == "pdf-failed"
    assert t("it ended with code") in failed.value.message
    with pytest.raises(ServiceFailed):
        pdf_of(page, tmp_path)

"""record.html and index.html: no live markup, whatever the names are, and the truth in words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd
import pytest
from hypothesis import example, given

from runbook_lib.change.journal import CARRIED_OUT
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.record.executed import clean
from runbook_lib.record.index import build_index
from runbook_lib.record.page import link, record_html
from runbook_lib.record.page_cells import markdown_html
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.seal import seal
from runbook_lib.shown import html as ours
from runbook_lib.shown.findings import finding_html, findings_html, shown_finding
from tests.support import hostile
from tests.unit.record.markup import parsed
from tests.unit.record.notebooks import PNG, code, crash, display, markdown, never_run, notebook, stream

FILES = [{"path": "plan.json", "bytes": 12_345, "sha256": "cd" * 32}]


def _facts(name: str) -> dict[str, Any]:
    """Facts in which every text is ``name``."""
    said = verbatim(name)
    return {
        "schema": name, "change_id": name, "run_id": name, "notebook": {"name": name, "sha256": name}, "mode": name,
        "ran_by": {
            "account": name, "host": name,
            "cloud": {"kind": name, "client_id": name, "object_id": name, "user_principal_name": name},
            "directory": {"method": name, "identity": name},
        },
        "outcome": "awaiting-approval", "exit_code": 4, "started": name, "ended": name,
        "target": {"tenant": name, "domain": name, "dc": name, "ou": name},
        "parameters": {name: name, "list": [name, {"deep": name}]}, "snapshots": {"cloud": {"proof": [name]}},
        "plan": {"digest": name, "phrase": name, "operation": name, "counts": {"create": 1}, "refusals": [name],
                 "members": [{"group": name, "in_cloud": 2, "left_out": 1, "who": [name]}]},
        "approval": {"by": name}, "changes": {"planned": 1, "done": 0},
        "findings": [Finding(name, Severity.BLOCKING, said, said, said, said, name).as_json()],
        "steps": [{"title": name, "at": name}], "versions": {"python": name}, "gaps": [name],
        "error": {"code": name, "message": name, "hint": name},
    }  # fmt: skip


def _page(name: str) -> str:
    frame = pd.DataFrame({"name": [name]})
    raw = notebook(
        markdown("# Fixed heading"),
        code(f"# {name}", stream(name), display(text_html=ours.table_html(frame, caption=verbatim(name)))),
        code("x", display(text_plain=name), display(image_png=PNG, text_plain=name), crash() | {"traceback": [name]}),
        never_run(name + "x"),
    )  # fmt: skip
    cleaned = clean(raw, Outcome.AWAITING_APPROVAL, places={}, reason=name)
    files = [*FILES, {"path": name, "bytes": 1, "sha256": name}]
    return record_html(_facts(name), cleaned, files=files, sealed_at=name, place=name)


@given(hostile.anything(min_size=1, max_size=40))
@example("".join(hostile.TEXTS))
def test_names_never_become_markup(name: str) -> None:
    # The same page with a dull name of that length has the same elements, but for bdi around letters beyond ASCII.
    # Words of our own mean something on a page (plan.json is a file), and hypothesis tries them: § is none of them.
    name = f"§{name}"
    read, dull = parsed(_page(name)), parsed(_page("d" * len(name)))
    assert [t for t in read.tags if t != "bdi"] == [t for t in dull.tags if t != "bdi"]
    assert {n for _, n, _ in read.attributes} <= {n for _, n, _ in dull.attributes} | {"dir", "title"}


def test_page_has_no_script_no_handler_and_no_address() -> None:
    page = parsed(_page("".join(hostile.TEXTS)))
    assert not {"script", "iframe", "object", "embed", "link", "base", "form", "svg", "video"} & set(page.tags)
    assert not [n for _, n, _ in page.attributes if n.startswith("on")]
    loading = [v for _, n, v in page.attributes if n in ("src", "srcset", "action", "data", "background")]
    assert [v[:22] for v in loading] == ["data:image/png;base64,"]


def test_links_lead_within_the_page_or_to_its_files() -> None:
    name = "".join(hostile.TEXTS)
    page = parsed(_page(name))
    anchors = {v for _, n, v in page.attributes if n == "id"}
    links = [v for _, n, v in page.attributes if n == "href"]
    assert {v[1:] for v in links if v.startswith("#")} <= anchors
    others = [v for v in links if not v.startswith("#")]
    assert others
    assert [v for v in others if not v.startswith("./")] == []
    assert {unquote(v) for v in others} >= {"./plan.json"}
    for hostile_name in ("javascript:alert(1)", "//evil.example/x", "a b?c#d", "\\\\server\\share"):
        assert urlsplit(link(hostile_name))[:2] == ("", "")
        assert "?" not in link(hostile_name)
        assert "#" not in link(hostile_name)


def test_policy_comes_before_anything_it_governs() -> None:
    page = parsed(_page("x"))
    meta = [(n, v) for t, n, v in page.attributes if t == "meta"]
    policy = meta[meta.index(("http-equiv", "Content-Security-Policy")) + 1][1]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert page.tags.index("style") > 4
    assert "url(" not in _page("x")
    assert "@import" not in _page("x")


def test_text_is_shown_as_it_is() -> None:
    name = "<b>Équipe & 'x' \u202e</b>"
    text = " ".join(parsed(_page(name)).text)
    assert printable(name) in text
    assert "\u202e" not in text


def test_verdict_and_cells_in_words() -> None:
    text = " ".join(" ".join(parsed(_page("dull")).text).split())
    for words in ("Awaiting approval", "Stopped at the gate", "ended with an error",
                  "not run: awaiting approval", "What this record does not prove", "gwb verify-record dull",
                  "0 / 1", "12 kB", "cd" * 32, "Blocking:"):  # fmt: skip
        assert words in text


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_a_page(outcome: Outcome) -> None:
    facts = _facts("x") | {"outcome": outcome.value, "error": None, "plan": None, "steps": [], "findings": []}
    facts |= {"started": "2026-11-22T10:00:00Z", "ended": "2026-11-22T10:00:09.5Z"}
    text = " ".join(parsed(record_html(facts, None, files=[], sealed_at="x", place="x")).text)
    assert outcome.title in text
    assert "9.5 s" in text
    assert "There is no executed notebook" in text


def test_clock_that_went_back_gives_no_duration() -> None:
    facts = _facts("x") | {"started": "2026-11-22T10:00:00Z", "ended": "2026-11-22T09:00:00Z"}
    text = " ".join(parsed(record_html(facts, None, files=[], sealed_at="x", place="x")).text)
    assert "2026-11-22 09:00:00 UTC" in text
    assert " s)" not in text


@hostile.each("markup", "template", "address", "math", "direction", "markdown")
def test_markdown_is_sanitised(text: str) -> None:
    page = parsed(str(markdown_html(f"# Title\n\n| a |\n|---|\n| {text} |\n\n**bold** {text}\n\n```\n{text}\n```")))
    # A text of several lines may begin a block of its own; whatever it is, it is no live markup.
    kept = {"h3"} if "\n" in text else {"h3", "strong", "pre"} | (set() if "|" in text else {"table"})
    assert kept <= set(page.tags)
    assert not {"script", "iframe", "img", "base", "svg", "style"} & set(page.tags)
    assert not [n for _, n, v in page.attributes if n.startswith("on") or "javascript" in v]


def test_index_lists_every_run(
    make_run: Callable[..., RunRecord], clock: Callable[[], datetime], tmp_path: Path
) -> None:
    first, second = make_run("run-1"), make_run("run-2")
    first.set(changes={"planned": 25, "done": 25})
    approved = [str(number) for number in range(25)]
    journal = [{"entry": "open", "approved": approved}, {"entry": "closed", "why": CARRIED_OUT}]
    (first.folder.path / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in journal))
    first.finish(Outcome.DONE, ended=datetime(2026, 11, 22, 10, 0, 9, tzinfo=UTC))
    seal(first.folder, None, clock=clock)
    damaged = make_run("run-3", "CHG2")
    seal(damaged.folder, None, clock=clock)
    (damaged.folder.path / "added.txt").write_text("x")
    garbage = make_run("run-4", "CHG2").folder.path / "record.json"
    garbage.write_text("{")
    (tmp_path / "records" / "CHG2" / "approvals").mkdir()
    (tmp_path / "records" / "CHG2" / "approvals" / "record.json").write_text("{}")
    page = parsed(build_index(tmp_path / "records").read_text("utf-8"))
    text = " ".join(" ".join(page.text).split())
    assert "2 changes, 4 runs: 2 Open: no verdict yet" in text
    assert re.search(r"30-enable-writeback Done 25 of 25 run-1 sealed, verified", text)
    assert re.search(r"Open: no verdict yet 0 of 0 run-2 open: not sealed yet", text)
    assert "DAMAGED: added.txt: added after sealing" in text
    assert "Waits for you" in text
    assert [v for _, n, v in page.attributes if n == "href"] == [
        "CHG2/run-3/record.html",  # waits
        "CHG2/run-3/record.html",
        "CHG0012345/run-1/record.html",
    ]
    assert second.outcome is None


def test_index_with_many_runs_reads_manifests_only(
    make_run: Callable[..., RunRecord], clock: Callable[[], datetime], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbook_lib.record.index.VERIFY_AT_MOST", 0)
    seal(make_run("run-1").folder, None, clock=clock)
    make_run("run-2")
    damaged = make_run("run-3").folder
    damaged.write_text("MANIFEST.json", "{}")
    text = " ".join(" ".join(parsed(build_index(tmp_path / "records").read_text("utf-8")).text).split())
    assert "Only the manifests were checked" in text
    assert "run-1 sealed " in text
    assert "run-2 open: not sealed yet" in text
    assert "DAMAGED: MANIFEST.json: it is not a manifest" in text


def test_index_is_in_the_order_of_recorded_times_and_says_what_waits(
    make_run: Callable[..., RunRecord], tmp_path: Path
) -> None:
    # Named in one order, begun in the other, within one second; ISO 8601 with and without a fraction.
    for name, started, outcome in (
        ("run-a", "2026-11-22T10:00:00.900Z", Outcome.AWAITING_APPROVAL),
        ("run-b", "2026-11-22T10:00:00Z", Outcome.AWAITING_HANDOFF),
    ):
        run = make_run(name)
        run.finish(outcome, ended=datetime(2026, 11, 22, 10, 0, 9, tzinfo=UTC))
        run.folder.write_json("record.json", run.facts | {"started": started})
    text = " ".join(" ".join(parsed(build_index(tmp_path / "records").read_text("utf-8")).text).split())
    listed = text[text.index("Record State") :]
    assert listed.index("run-a") < listed.index("run-b")
    assert "CHG0012345 : 30-enable-writeback of 2026-11-22 10:00:00 UTC waits for an approval" in text
    assert "waits for a person" not in text, "a later run has met it"


def test_index_of_nothing(tmp_path: Path) -> None:
    assert "There is no record here yet." in build_index(tmp_path).read_text("utf-8")


@pytest.mark.parametrize(
    ("severity", "word"),
    [
        (Severity.INFO, "Information:"),
        (Severity.WARNING, "Warning:"),
        (Severity.UNKNOWN, "Unknown:"),
        (Severity.BLOCKING, "Blocking:"),
    ],
)
def test_every_severity_is_said_in_words(severity: Severity, word: str) -> None:
    facts = _facts("x") | {"findings": [Finding("i", severity, t("s")).as_json()]}
    text = " ".join(parsed(record_html(facts, None, files=[], sealed_at="x", place="x")).text)
    words = {"Information:", "Warning:", "Unknown:", "Blocking:"}
    assert {one for one in words if one in text} == {word}


def _with_findings(html: str) -> str:
    """The page of a run whose record holds two findings and whose notebook showed this."""
    facts = _facts("dull")
    facts["findings"] = [finding.as_json() for finding in (MILD, GRAVE)]
    cleaned = clean(notebook(code("x", display(text_html=html))), Outcome.DONE, places={}, reason="")
    return record_html(facts, cleaned, files=[], sealed_at="dull", place="dull")


MILD = Finding("mild", Severity.WARNING, t("It is mild."), to_do=t("Wait."))
GRAVE = Finding("grave:<b>", Severity.BLOCKING, t("It is grave & <i>old</i>."), why=t("It stops."))


def test_a_finding_stands_on_the_page_once_and_looks_as_in_the_notebook() -> None:
    page = _with_findings(findings_html([MILD, GRAVE]))
    for finding in (MILD, GRAVE):
        assert page.count(str(finding_html(shown_finding(finding)))) == 1
    text = " ".join(parsed(page).text)
    assert text.index("It is grave") < text.index("It is mild"), "the gravest first"
    assert "Findings (2)" in text
    assert text.count("(above, under Findings)") == 2


def test_a_finding_that_the_record_does_not_hold_is_shown_where_it_was() -> None:
    other = Finding("mild", Severity.WARNING, t("It was mild, once."), to_do=t("Wait."))
    page = _with_findings(findings_html([other]))
    assert page.count(str(finding_html(shown_finding(other)))) == 1
    assert "(above, under Findings)" not in page


@pytest.mark.parametrize("item", [{}, {"severity": "green", "seen": 7}, {"id": None, "severity": None, "why": ["x"]}])
def test_whatever_stands_in_a_record_as_a_finding_is_shown(item: dict[str, object]) -> None:
    facts = _facts("dull") | {"findings": [item, "no finding"]}
    page = record_html(facts, None, files=[], sealed_at="dull", place="dull")
    assert page.count("<strong>Information:</strong>") == 1

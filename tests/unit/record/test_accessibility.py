"""Records and their list keep nobody out: axe-core finds nothing, of any impact, in the light and in the dark theme."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from runbook_lib.errors import Refused
from runbook_lib.files import DRIFT
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t, verbatim
from runbook_lib.record.index import build_index
from runbook_lib.record.pdf import browser_here, pdf_of
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.seal import seal
from runbook_lib.shown import html as ours
from runbook_lib.shown.findings import findings_html
from runbook_lib.shown.pictures import Amount, BeforeAfter, Moment, Stream, before_after_html, flow_html, timeline_html
from tests.support.accessibility import violations_of_file
from tests.support.chromium import CHROMIUM, Page, page
from tests.unit.record.conftest import START
from tests.unit.record.notebooks import PNG, code, crash, display, markdown, notebook, stop, stream

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None and os.environ.get("CI") != "true",
        reason="Chromium is not installed (apt-get install chromium)",
    ),
]

FINDINGS = [Finding(f"f-{one.value}", one, t("Seen."), t("Expected."), t("Why."), t("Do it.")) for one in Severity]


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One browser for all pages."""
    with page("about:blank", tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def _pictures() -> list[str]:
    text = t("Text")
    streams = [
        Stream(n, (Amount(text, n), Amount(text, 1), Amount(text, 2)), text, text, (Amount(text),)) for n in (1, 9)
    ]
    return [
        flow_html(streams, caption=text),
        before_after_html([BeforeAfter("Sales", text, text, 1, 2, 3, 4)], caption=text),
        timeline_html([Moment(START, text, text), Moment(None, text)], caption=text),
    ]


def _notebook(path: Path, outcome: Outcome) -> Path:
    """A notebook with everything that a cell can show."""
    frame = pd.DataFrame({"name": ["Équipe", "x" * 300], "number": [1, 2]})
    shown = [
        ours.table_html(frame, caption=verbatim("Groups")),
        ours.facts_html([(t("Name"), "x"), (t("Value"), None)], caption=verbatim("Facts")),
        ours.bars_html([("create", 3), ("update", 0)], caption=verbatim("Bars")),
        *(ours.banner_html(kind, t("Title"), t("Text")) for kind in ours.TONES),
        ours.code_html("gwb run x", t("To copy")),
        findings_html(FINDINGS),
        ours.line_html("Writes: 3 of 3"),
        ours.rows_html((t("Name"),), [(ours.link_html(t("Text"), "x.ipynb"),)], caption=t("Title")),
        *_pictures(),
    ]
    cells = [
        markdown("# Title\n\n| | |\n|---|---|\n| **a** | b |\n\n## Second\n\n`code`"),
        code("x = 1", *(display(text_html=one) for one in shown), stream("text\n")),
        code("y", display(image_png=PNG, text_plain="a picture"), crash()),
        code("z", *stop(outcome, "Why it stopped.")),
    ]
    path.write_text(json.dumps(notebook(*cells)), encoding="utf-8")
    return path


def _planned(record: RunRecord, groups: int) -> None:
    rows = [
        {"group_id": "", "group": f"Group {n}", "in_cloud": 3, "already": 0, "added": 2, "removed": 0, "left_out": 1,
         "who": ["Kim (user): Guest: no account in this AD"]}
        for n in range(groups)
    ]  # fmt: skip
    record.set(
        plan={
            "digest": "ab" * 32, "counts": {"create": groups}, "phrase": "ENABLE", "operation": "enable",
            "route": "direct", "groups": groups, "members": rows,
        },
        changes={"planned": groups, "done": 0},
    )  # fmt: skip


def test_axe_finds_nothing_in_records_and_their_list(
    make_run: Callable[..., RunRecord], clock: Callable[[], datetime], tab: Page, tmp_path: Path
) -> None:
    pages = []
    for outcome in (Outcome.AWAITING_APPROVAL, Outcome.BUG):
        record = make_run(outcome.value, reason="File servers")
        record.note_findings(*FINDINGS)
        record.note_step(t("Plan"), clock())
        _planned(record, 12)
        error = Refused(t("What happened."), code="x", hint=t("What to do.")) if outcome is Outcome.BUG else None
        record.finish(outcome, ended=clock(), error=error)
        pages.append(seal(record.folder, _notebook(tmp_path / "out.ipynb", outcome), clock=clock).page)
    drift = make_run("drift", "CHG2")
    columns = ["group_id", "display_name", "what", "expected", "seen", "ad_dn", "reason"]
    drift.folder.write_csv(DRIFT, pd.DataFrame([["1", "Sales", "description", "a", "b", "CN=x", "r"]], columns=columns))
    drift.finish(Outcome.REFUSED, ended=clock(), error=Refused(t("It differs."), code="drift", hint=t("Run 30.")))
    pages.append(seal(drift.folder, None, clock=clock).page)
    make_run("open", "CHG3")
    pages.append(build_index(tmp_path / "records"))
    assert [line for one in pages for line in violations_of_file(tab, one)] == []


def test_axe_finds_what_is_wrong(tab: Page, tmp_path: Path) -> None:
    """The same on a page without our care."""
    bad = tmp_path / "bad.html"
    bad.write_text("<!doctype html><html><body><table><tr><th></th><td>x</td></tr></table><img src=x>", "utf-8")
    found = " ".join(violations_of_file(tab, bad))
    assert "image-alt" in found
    assert "html-has-lang" in found
    assert "dark" in found


def test_six_groups_print_on_four_pages_and_evidence(
    make_run: Callable[..., RunRecord], clock: Callable[[], datetime], tmp_path: Path
) -> None:
    record = make_run(reason="File servers")
    record.note_findings(*FINDINGS)
    _planned(record, 6)
    record.finish(Outcome.AWAITING_APPROVAL, ended=clock())
    sealed = seal(record.folder, None, clock=clock)
    data = pdf_of(sealed.page, browser_here(os.environ))
    assert b"/StructTreeRoot" in data, "tagged"
    assert b"/Outlines" in data, "bookmarks"
    # Chromium writes no compressed objects. What follows the plan, two pages here: inputs and files.
    pages = len(re.findall(rb"/Type /Page\b(?!s)", data))
    assert 3 <= pages <= 6, pages

"""How a run ends: words of the right kind, both in the notebook and on the page, and what to run next."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import runbook_lib
from runbook_lib.errors import Refused
from runbook_lib.model import outcome as ending
from runbook_lib.model.outcome import Outcome, ending_of_outcome
from runbook_lib.model.text import NOTHING, t
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import RunRecord
from runbook_lib.shown.start import end_view, next_after, parameters_view, records_view, sealing_text
from tests.notebooks.structure import NOTEBOOKS

RECORD = Path("/records/CHG1/run")
DRIFT = Refused(t("1 difference in Team: x."), code="drift", hint=t("Run 30-enable-writeback."))


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_words(outcome: Outcome) -> None:
    found = ending_of_outcome(outcome)
    assert found.title == outcome.title
    assert found.meaning.endswith(".")


def test_drift_is_called_drift_and_not_a_rule() -> None:
    found = ending_of_outcome(Outcome.REFUSED, "drift")
    assert found.title == "Drift found"
    assert "rule" not in found.meaning + ending_of_outcome(Outcome.REFUSED).meaning
    assert ending_of_outcome(Outcome.DONE, "drift").title == "Done"


def test_words_of_their_own_belong_to_codes_that_exist() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in Path(runbook_lib.__file__).parent.rglob("*.py"))
    given = {
        keyword.value.value
        for node in ast.walk(ast.parse(source.replace("from __future__ import annotations", "")))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
    } | {"not-ready", "readiness-unknown"}
    assert set(ending._BY_CODE) <= given


@pytest.mark.parametrize("written", [True, False])
def test_the_last_cell_in_jupyterlab_links_to_the_record(tmp_path: Path, written: bool) -> None:
    record, here = tmp_path / "records" / "CHG-1" / "run", tmp_path / "work" / "CHG-1"
    record.mkdir(parents=True)
    if written:
        (record / "record.html").write_text("x", encoding="utf-8")
    shown = {"notebook": "20-inventory-groups", "sealing": NOTHING}
    html, _ = end_view(Outcome.DONE, RecordFolder(record), None, here=here, **shown)  # type: ignore[arg-type]
    assert ('href="../../records/CHG-1/run/record.html"' in html) is written
    assert "Open the record" not in end_view(Outcome.DONE, RecordFolder(record), None, **shown)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("notebook", NOTEBOOKS)
@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.NOTHING_TO_DO, Outcome.AWAITING_APPROVAL])
def test_every_last_cell_says_what_to_run_next(notebook: str, outcome: Outcome) -> None:
    html, text = end_view(outcome, RecordFolder(RECORD), None, notebook=notebook, sealing=NOTHING)
    assert f"{outcome.title}. Next: " in text
    assert "Next: " in html
    said = next_after(notebook, outcome, "", RECORD)
    assert any(other[:2] in said for other in NOTEBOOKS) or "approve" in said or "run it again" in said


def test_what_wrote_names_the_line_that_undoes_it() -> None:
    for notebook in NOTEBOOKS:
        said = next_after(notebook, Outcome.DONE, "", RECORD)
        assert (f'undo_record: "{RECORD.as_posix()}"' in said) is (notebook[:2] in ("30", "40", "60"))
    assert "undo_record" not in next_after("30-enable-writeback", Outcome.NOTHING_TO_DO, "", RECORD)


def test_drift_leads_to_the_notebook_that_re_aligns() -> None:
    html, text = end_view(Outcome.REFUSED, RecordFolder(RECORD), DRIFT, notebook="50-check-drift", sealing=NOTHING)
    assert "Attention: Drift found" in html
    assert "1 difference in Team: x." in html
    assert text.startswith("Drift found. Next: 30-enable-writeback")


def test_what_to_do_is_not_said_twice() -> None:
    html, _ = end_view(Outcome.REFUSED, RecordFolder(RECORD), DRIFT, notebook="50-check-drift", sealing=NOTHING)
    said, _, link = html.partition("</div><p")
    assert said.count("30-enable-writeback") == 1
    assert '<a href="30-enable-writeback.ipynb">Open 30-enable-writeback</a>' in link
    other = Refused(t("x"), code="locked", hint=t("Wait for it."))
    html, _ = end_view(Outcome.REFUSED, RecordFolder(RECORD), other, notebook="20-inventory-groups", sealing=NOTHING)
    assert "Wait for it." in html


def test_the_last_cell_says_who_seals_the_record_and_with_which_line() -> None:
    # Nobody seals what plain papermill ran: "sealed after the kernel has ended" let records stay open.
    folder, here = RecordFolder(RECORD), Path("/srv/my notes/30-enable-writeback.ipynb").absolute()
    runner = sealing_text(folder, {"GWB_RECORD": str(RECORD)}, by_itself=False)
    assert runner == "gwb run seals it when the kernel has ended."
    lab = sealing_text(folder, {"JPY_SESSION_NAME": str(here)}, by_itself=False)
    assert lab.endswith(f'gwb seal {RECORD} "{here}"')
    for other in ({}, {"JPY_SESSION_NAME": "Console 1"}, {"JPY_SESSION_NAME": "a.ipynb"}):
        assert sealing_text(folder, other, by_itself=False).endswith(f"gwb seal {RECORD} NOTEBOOK")
    assert "gwb seal" not in sealing_text(folder, {"JPY_SESSION_NAME": str(here)}, by_itself=True)
    html, _ = end_view(Outcome.DONE, folder, None, notebook="20-inventory-groups", sealing=lab)
    assert "gwb seal" in html


def test_the_first_cell_names_the_parameters_file_that_it_read() -> None:
    assert (
        "parameters/mine.yaml"
        in parameters_view({}, RecordFolder(RECORD), interactive=True, file="parameters/mine.yaml")[0]
    )
    assert "Parameters file" not in parameters_view({}, RecordFolder(RECORD), interactive=False)[0]


def test_the_first_cell_says_in_one_line_what_it_was_told_and_folds_the_rest() -> None:
    given: dict[str, object] = {"reason": "<b>why</b>", "change_id": "CHG1"}
    html = parameters_view(given, RecordFolder(RECORD), interactive=True, file="mine.yaml")[0]
    assert html.startswith("<details")
    summary, _, folded = html.partition("</summary>")
    assert "2 parameters from mine.yaml" in summary
    assert "&lt;b&gt;why&lt;/b&gt;" in folded


def test_the_last_cell_links_to_the_next_notebook_and_to_no_other() -> None:
    html, _ = end_view(Outcome.DONE, RecordFolder(RECORD), None, notebook="20-inventory-groups", sealing=NOTHING)
    assert re.findall(r'<a href="([^"]*)"', html) == ["30-enable-writeback.ipynb"]
    html, _ = end_view(
        Outcome.AWAITING_APPROVAL, RecordFolder(RECORD), None, notebook="30-enable-writeback", sealing=NOTHING
    )
    assert "<a " not in html


def test_notebooks_and_records_are_links_from_where_the_notebook_lies(tmp_path: Path) -> None:
    records, here = tmp_path / "records", tmp_path / "work" / "CHG1"
    at = datetime(2026, 11, 22, tzinfo=UTC)
    for run_id, page in (("run <1>", True), ("run2", False)):
        folder = RecordFolder(records / "CHG1" / run_id)
        folder.path.mkdir(parents=True)
        RunRecord.begin(
            folder, notebook_name="50-check-drift", notebook_sha256="0", mode="record", started=at, parameters={},
            versions={},
        ).finish(Outcome.DONE, ended=at)  # fmt: skip
        if page:
            (folder.path / "record.html").write_text("<p>page</p>", encoding="utf-8")
    parameters = Parameters.model_construct(change_id="CHG1")
    links = re.findall(r'<a href="([^"]*)"', records_view(records, parameters, here)[0])
    assert "10-detect-exchange.ipynb" in links
    assert [link for link in links if "records" in link] == ["../../records/CHG1/run%20%3C1%3E/record.html"]
    assert "records/CHG1" not in "".join(re.findall(r'<a href="([^"]*)"', records_view(records, parameters)[0]))


def test_the_first_notebook_sends_on_after_drift_and_names_it(tmp_path: Path) -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    record = RunRecord.begin(
        RecordFolder.create(tmp_path, "CHG1", "run1"),
        notebook_name="50-check-drift", notebook_sha256="0", mode="record", started=at, parameters={}, versions={},
    )  # fmt: skip
    record.finish(Outcome.REFUSED, ended=at, error=DRIFT)
    html, text = records_view(tmp_path, Parameters.model_construct(change_id="CHG1"))
    assert "drift found" in html
    assert text == "1 records; next: 30-enable-writeback"
    assert "re-aligns" in html


@pytest.mark.parametrize(
    ("notebook", "outcome", "following"),
    [
        ("30-enable-writeback", Outcome.DONE, ["50-check-drift.ipynb"]),
        ("40-disable-writeback", Outcome.DONE, ["20-inventory-groups.ipynb"]),
        ("30-enable-writeback", Outcome.AWAITING_APPROVAL, []),
    ],
)
def test_the_folder_of_a_record_is_no_next_step(notebook: str, outcome: Outcome, following: list[str]) -> None:
    """It is called after the notebook that ran: a link to that one would lead back to where the reader is."""
    folder = RecordFolder(Path(f"/records/CHG1/20261130T212216Z-{notebook}-ff5e"))
    html, _ = end_view(outcome, folder, None, notebook=notebook, sealing=NOTHING)
    assert re.findall(r'<a href="([^"]*)"', html) == following

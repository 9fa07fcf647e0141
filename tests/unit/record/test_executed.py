"""The executed notebook tells what the kernel did, not what papermill says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from runbook_lib.model.outcome import Outcome
from runbook_lib.record.cells import CellState
from runbook_lib.record.executed import Cleaned, clean
from tests.unit.record.notebooks import (
    PNG,
    banner,
    broken_off,
    code,
    crash,
    display,
    markdown,
    never_run,
    notebook,
    stop,
    stream,
)


def _states(cleaned: Cleaned) -> list[CellState | None]:
    return [truth.state if truth else None for truth in cleaned.truths]


def _outputs(cleaned: Cleaned, cell: int) -> list[dict[str, Any]]:
    found = cleaned.notebook["cells"][cell]["outputs"]
    assert isinstance(found, list)
    return found


def test_dead_kernel_is_not_called_completed() -> None:
    raw = notebook(markdown("# x"), code("a"), broken_off("b"), never_run("c"))
    cleaned = clean(raw, Outcome.PARTIAL, places={})
    assert _states(cleaned) == [None, CellState.RAN, CellState.BROKE_OFF, CellState.NOT_RUN]
    assert cleaned.truths[1] is not None
    assert cleaned.truths[1].seconds == 1.5
    assert "completed" not in json.dumps(cleaned.notebook)
    assert _outputs(cleaned, 3)[0]["text"] == "Not run: the run ended before this cell.\n"


def test_kernel_that_died_before_it_answered() -> None:
    sent, blank = never_run("import os; os.kill(os.getpid(), 9)"), never_run(" \n")
    for cell in (sent, blank):
        cell["metadata"]["papermill"]["start_time"] = "2026-11-22T10:00:00+00:00"
    skipped = never_run("x")
    skipped["metadata"] |= {"tags": ["skip-execution"], "papermill": sent["metadata"]["papermill"]}
    cleaned = clean(notebook(code("a"), sent, blank, skipped, never_run("b")), Outcome.FAILED, places={})
    assert _states(cleaned)[1:] == [CellState.BROKE_OFF, *[CellState.NOT_RUN] * 3]


def test_times_of_an_earlier_run_prove_nothing() -> None:
    stale = code("a")
    stale["execution_count"] = None
    dying = code("b")
    dying["metadata"]["execution"]["iopub.execute_input"] = "2026-11-22T11:00:00.000000Z"
    cleaned = clean(notebook(stale, dying), Outcome.FAILED, places={})
    assert _states(cleaned) == [CellState.NOT_RUN, CellState.BROKE_OFF]


def test_jupyterlab_records_no_times() -> None:
    ran, not_run = code("a"), never_run("b")
    ran["metadata"] = not_run["metadata"] = {}
    cleaned = clean(notebook(ran, not_run), Outcome.DONE, places={})
    assert _states(cleaned) == [CellState.UNTIMED, CellState.NOT_RUN]
    assert cleaned.truths[0] is not None
    assert cleaned.truths[0].text(Outcome.DONE) == "ran, time not recorded"


@pytest.mark.parametrize("outcome", [Outcome.AWAITING_APPROVAL, Outcome.REFUSED, Outcome.NOTHING_TO_DO])
def test_stop_on_purpose_is_not_an_error(outcome: Outcome) -> None:
    raw = notebook(banner(), code("a"), banner(), code("gate", stream("x"), *stop(outcome)), never_run("apply"))
    cleaned = clean(raw, outcome, places={}, reason="Plan 9f <is> not approved.\ngwb approve")
    assert _states(cleaned) == [CellState.RAN, CellState.STOPPED_HERE, CellState.NOT_RUN]
    gate = _outputs(cleaned, 1)
    assert gate[0]["text"] == "x"
    title = f"Not run further: {outcome.title.lower()}"
    assert gate[1]["data"]["text/plain"] == f"{title}\nPlan 9f <is> not approved.\ngwb approve"
    assert "Plan 9f &lt;is&gt; not" in gate[1]["data"]["text/html"]
    assert _outputs(cleaned, 2)[0]["text"] == f"Not run: {outcome.title.lower()}.\n"
    assert "error" not in {o["output_type"] for c in cleaned.notebook["cells"] for o in c.get("outputs", [])}


def test_an_error_that_only_reads_like_ours_stays_an_error() -> None:
    """Anybody's class may be called Refused, and a group "Refused: …"."""
    error, mark = stop(Outcome.REFUSED, "gone")
    error["ename"] = "Refused"
    for outputs in (
        [error],
        [error, *stop(Outcome.AWAITING_APPROVAL)[1:]],
        [error, {**mark, "data": {"x": "refused"}}],
    ):
        cleaned = clean(notebook(code("a", *outputs)), Outcome.REFUSED, places={})
        assert _states(cleaned) == [CellState.FAILED]
        assert _outputs(cleaned, 0)[0]["ename"] == "Refused"


def test_defect_beside_a_closed_gate_stays_an_error() -> None:
    cleaned = clean(notebook(code("a", crash())), Outcome.AWAITING_APPROVAL, places={})
    assert _states(cleaned) == [CellState.FAILED]
    assert _outputs(cleaned, 0)[0]["ename"] == "ZeroDivisionError"


def test_failure_keeps_papermills_cells() -> None:
    raw = notebook(banner(), code("a", crash()), never_run("b"))
    cleaned = clean(raw, Outcome.FAILED, places={"/home/anna/project": ".", "/home/anna": "~", "/": "nowhere"})
    assert len(cleaned.notebook["cells"]) == 3
    assert _states(cleaned)[1] is CellState.FAILED
    assert _outputs(cleaned, 1)[0]["traceback"] == ["ZeroDivisionError", "File ./x.py:1"]


def test_nothing_of_the_machine_remains() -> None:
    raw = notebook(
        markdown("see /home/anna/x and /home/annabel/y"),
        code("open('/home/anna/x')", stream("/home/anna"), jupyter={"outputs_hidden": True}, tags=["parameters"]),
    )
    cleaned = clean(raw, Outcome.DONE, places={"/home/anna": "~"})
    text = json.dumps(cleaned.notebook)
    for word in ("/home/anna/", "papermill", "widget", "venv-of-anna", "iopub", "outputs_hidden"):
        assert word not in text
    assert "/home/annabel/y" in text
    assert cleaned.notebook["cells"][1]["metadata"]["tags"] == ["parameters"]


def test_only_known_outputs_remain() -> None:
    raw = notebook(
        code(
            "a",
            display(text_html=["<b>", "x</b>"], application_json={"a": 1}),
            display(text_plain="HBox(children=())", **{"application_vnd.jupyter.widget-view+json": {"model_id": "1"}}),
            display(image_png=PNG + "\n", text_plain="<Figure>"),
            display(image_png="not base64", text_plain="kept"),
            {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": "'r'"}},
            {"output_type": "update_display_data", "data": {}},
        )
    )
    cleaned = clean(raw, Outcome.DONE, places={})
    assert [o["data"] for o in _outputs(cleaned, 0)] == [
        {"text/html": "<b>x</b>"},
        {"image/png": PNG, "text/plain": "<Figure>"},
        {"text/plain": "kept"},
        {"text/plain": "'r'"},
    ]
    dropped = cleaned.notebook["cells"][0]["metadata"]["gwb"]["dropped"]
    assert "application/json" in dropped
    assert "image/png (damaged)" in dropped
    assert "update_display_data" in dropped


def test_result_is_valid_and_input_untouched() -> None:
    raw = notebook(code("a", stream("x")), code("b", crash()), markdown("c"), {"cell_type": "raw", "source": "d"})
    before = json.dumps(raw)
    cleaned = clean(raw, Outcome.FAILED, places={})
    nbformat.validate(cleaned.notebook)
    assert len({cell["id"] for cell in cleaned.notebook["cells"]}) == 4
    assert json.dumps(raw) == before


GATE = """from runbook_lib.errors import AwaitingApproval
from runbook_lib.notebook.front_end import watch_opening
watch_opening(in_front=False)
raise AwaitingApproval("Plan 9f is not approved.", code="not-approved", hint="gwb approve")"""


def _papermill(folder: Path, *sources: str) -> dict[str, Any]:
    """Run a notebook with the real papermill, in a process of its own."""
    made: dict[str, Any] = notebook()
    made["metadata"] = {"kernelspec": {"name": "python3", "display_name": "x", "language": "python"}}
    for number, source in enumerate(sources):
        made["cells"].append(never_run(source) | {"id": f"cell{number}", "metadata": {}, "outputs": []})
    (folder / "in.ipynb").write_text(json.dumps(made))
    command = [sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", "--no-progress-bar"]
    subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False)
    result = json.loads((folder / "out.ipynb").read_text("utf-8"))
    assert isinstance(result, dict)
    return result


def test_real_papermill_at_a_closed_gate(tmp_path: Path) -> None:
    raw = _papermill(tmp_path, "print('read')", GATE, "print('apply')")
    assert "papermill-error-cell-tag" in json.dumps(raw)
    cleaned = clean(raw, Outcome.AWAITING_APPROVAL, places={}, reason="Plan 9f is not approved.")
    assert _states(cleaned) == [CellState.RAN, CellState.STOPPED_HERE, CellState.NOT_RUN]
    assert "papermill" not in json.dumps(cleaned.notebook)


def test_real_papermill_whose_kernel_is_killed(tmp_path: Path) -> None:
    raw = _papermill(tmp_path, "print('read')", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "print('x')")
    # The false statement that this module exists for; if papermill stops making it, this line says so.
    assert [c["metadata"]["papermill"]["status"] for c in raw["cells"]] == ["completed"] * 3
    cleaned = clean(raw, Outcome.FAILED, places={})
    assert _states(cleaned) == [CellState.RAN, CellState.BROKE_OFF, CellState.NOT_RUN]

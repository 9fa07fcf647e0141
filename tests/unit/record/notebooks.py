"""Notebooks as papermill and JupyterLab leave them, by hand."""

from __future__ import annotations

from typing import Any

from runbook_lib.files import RUN_MIME
from runbook_lib.model.outcome import Outcome

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def code(source: str, *outputs: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """A code cell that the kernel finished in 1.5 s."""
    execution = {
        "iopub.execute_input": "2026-11-22T10:00:00.000000Z",
        "shell.execute_reply": "2026-11-22T10:00:01.500000Z",
    }
    return {
        "cell_type": "code",
        "id": "same-id",
        "source": source,
        "outputs": list(outputs),
        "execution_count": 1,
        "metadata": {"papermill": {"status": "completed"}, "execution": execution, **metadata},
    }


def broken_off(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    """A cell in which the kernel died: papermill calls it completed."""
    cell = code(source, *outputs)
    del cell["metadata"]["execution"]["shell.execute_reply"]
    return cell


def never_run(source: str) -> dict[str, Any]:
    """A cell after the dying one: papermill calls it completed too."""
    cell = code(source)
    cell["execution_count"] = None
    cell["metadata"] = {"papermill": {"status": "completed", "start_time": None}}
    return cell


def markdown(source: str, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "same-id", "source": source, "metadata": metadata}


def banner() -> dict[str, Any]:
    """papermill's red cell."""
    return markdown("<span style='color:red'>An Exception was encountered</span>", tags=["papermill-error-cell-tag"])


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "venv-of-anna", "display_name": "Python (/home/anna/venv)"},
            "papermill": {"input_path": "/home/anna/in.ipynb", "parameters": {"x": 1}},
            "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}},
        },
        "cells": list(cells),
    }


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def display(**data: Any) -> dict[str, Any]:
    """``display(text_html="…")``: underscores become slashes once."""
    return {
        "output_type": "display_data",
        "data": {key.replace("_", "/", 1): value for key, value in data.items()},
        "metadata": {"isolated": True},
    }


def stop(outcome: Outcome, message: str = "Plan 9f is not approved.") -> tuple[dict[str, Any], dict[str, Any]]:
    """The outputs of one of our own errors: itself, and the mark that says what it means."""
    error = {
        "output_type": "error",
        "ename": "AwaitingApproval",
        "evalue": message,
        "traceback": [f"{outcome.title}: {message}", "What to do: gwb approve"],
    }
    mark = {"text/plain": "", RUN_MIME: {"outcome": outcome.value, "message": message}}
    return error, {"output_type": "display_data", "data": mark, "metadata": {}}


def crash() -> dict[str, Any]:
    return {
        "output_type": "error",
        "ename": "ZeroDivisionError",
        "evalue": "division by zero",
        "traceback": ["\x1b[31mZeroDivisionError\x1b[0m", "File /home/anna/project/x.py:1"],
    }

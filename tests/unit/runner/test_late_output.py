"""What a cell showed may arrive long after the kernel's answer: a busy machine is no defect."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nbformat import from_dict

from runbook_lib.runner.kernel.client import RunClient
from runbook_lib.runner.kernel.execution import Execution

_BUSY = 60.0
"""Seconds that output was late at most where a run has to go on."""


def test_a_run_waits_for_late_output_of_a_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(output: asyncio.Future[None], timeout: float) -> None:
        if timeout < _BUSY:
            raise TimeoutError
        output.set_result(None)

    async def answered(timeout: float | None) -> dict[str, Any]:
        return {"parent_header": {"msg_id": "1"}, "header": {"date": datetime(2026, 11, 30, tzinfo=UTC)}}

    monkeypatch.setattr(asyncio, "wait_for", late)
    notebook = from_dict({"cells": [{"cell_type": "code", "source": "1", "metadata": {"execution": {}}}]})  # type: ignore[no-untyped-call]
    client = RunClient(SimpleNamespace(nb=notebook), None, Execution(tmp_path / "work.ipynb", tmp_path, {}, tmp_path))
    client.kc = SimpleNamespace(shell_channel=SimpleNamespace(get_msg=answered))

    async def poll() -> asyncio.Future[None]:
        output: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        alive: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await client._async_poll_for_reply("1", notebook.cells[0], None, output, alive)
        return output

    assert asyncio.run(poll()).done()

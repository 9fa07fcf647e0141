"""A real browser opens a record full of hostile names: no request leaves it, no script runs."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from runbook_lib.errors import Refused
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t, verbatim
from runbook_lib.record.index import build_index
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.seal import seal
from runbook_lib.shown import html as ours
from tests.support import hostile
from tests.unit.record.notebooks import code, display, markdown, notebook, stop, stream

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--virtual-time-budget=3000",
)  # fmt: skip

HOSTILE = hostile.of("markup", "template", "direction", "math", "markdown")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None and os.environ.get("CI") != "true",
        reason="Chromium is not installed (apt-get install chromium)",
    ),
]


@pytest.fixture
def listener() -> Iterator[tuple[int, list[str]]]:
    """A web server that notes every request it gets."""
    requests: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1], requests
    server.shutdown()
    server.server_close()
    thread.join()


def _dom(page: Path, profile: Path) -> str:
    """The document after everything that could run has run."""
    assert CHROMIUM is not None, "CI=true wants Chromium: apt-get install chromium"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, timeout=90, check=True).stdout.decode("utf-8", "replace")


def _attacks(port: int) -> list[str]:
    address = f"http://127.0.0.1:{port}"
    mark = "document.documentElement.setAttribute('data-owned','1')"
    return [
        *HOSTILE,
        f"<script>{mark}</script>",
        f'"><img src={address}/img onerror="{mark}">',
        f"<link rel=stylesheet href={address}/css><style>@import '{address}/import'</style>",
        f"<iframe src='{address}/frame'></iframe><svg onload=\"{mark}\"></svg>",
        f'<div style="background-color:url({address}/style)">x</div><meta http-equiv=refresh content="0;{address}/go">',
        f"![x]({address}/markdown.png) <video src={address}/video autoplay></video>",
    ]


def test_hostile_record_in_a_browser(
    make_run: Callable[..., RunRecord],
    clock: Callable[[], datetime],
    listener: tuple[int, list[str]],
    tmp_path: Path,
) -> None:
    port, requests = listener
    attacks = _attacks(port)
    record = make_run()
    record.set(
        parameters={name: name for name in attacks}, target=dict.fromkeys(("tenant", "domain", "dc", "ou"), attacks[0])
    )
    for name in attacks:
        record.note_findings(
            Finding(name, Severity.WARNING, verbatim(name), verbatim(name), verbatim(name), verbatim(name), name)
        )
        record.note_step(verbatim(name), clock())
        record.note_gaps(verbatim(name))
    error = Refused(verbatim(t(" ").join(attacks)), code="x", hint=verbatim(attacks[-1]))
    record.finish(Outcome.REFUSED, ended=clock(), error=error)
    frame = pd.DataFrame({"name": attacks, attacks[0]: attacks})
    outputs = [display(text_html=name) for name in attacks] + [display(text_plain=name) for name in attacks]
    tables = [display(text_html=ours.table_html(frame, caption=verbatim(name))) for name in attacks]
    cells = [markdown(name) for name in attacks]
    cells += [
        code("\n".join(attacks), *outputs, *tables, stream("".join(attacks)), *stop(Outcome.REFUSED, attacks[-1]))
    ]
    (tmp_path / "out.ipynb").write_text(json.dumps(notebook(*cells)))
    page = seal(record.folder, tmp_path / "out.ipynb", clock=clock).page
    for shown in (page, build_index(tmp_path / "records")):
        dom = _dom(shown, tmp_path / "profile")
        assert "30-enable-writeback" in dom
        assert "data-owned" not in dom.split(">", 2)[1]
        # The list has one of its own, for its search; the policy names its digest.
        assert dom.count("<script") == (shown.name == "index.html")
        assert "<iframe" not in dom
    assert requests == []


def test_the_listener_would_have_noticed(listener: tuple[int, list[str]], tmp_path: Path) -> None:
    """The same attacks on a page without our care: requests arrive and the script runs."""
    port, requests = listener
    page = tmp_path / "naive.html"
    page.write_text(f"<!doctype html><html><body>{''.join(_attacks(port)[len(HOSTILE) :])}", "utf-8")
    dom = _dom(page, tmp_path / "profile")
    assert 'data-owned="1"' in dom.split(">", 2)[1]
    assert "/img" in requests

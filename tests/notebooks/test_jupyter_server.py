"""JupyterLab with this project's configuration: it starts, stays on this machine, and runs a kernel."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.jupyterlab import address
from tools.jupyter import ROOT, lab_command


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its own files."""
    return tmp_path_factory.mktemp("jupyter")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[tuple[str, str]]:
    """Address and token of a running server."""
    token = "0123456789abcdef0123456789abcdef"
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_TOKEN": token,
    }
    command = lab_command(["--no-browser", "--port=0", "--allow-root"])
    log = home / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield address(log, process), token
    finally:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def test_kernel_runs_with_encrypted_transport(server: tuple[str, str], home: Path) -> None:
    url, token = server
    with requests.Session() as session:
        session.headers["Authorization"] = f"token {token}"
        session.trust_env = False
        started = session.post(f"{url}api/kernels", json={"name": "python3"}, timeout=30)
        assert started.status_code == 201, started.text
        (connection,) = (home / "runtime").glob("kernel-*.json")
        assert "curve_publickey" in json.loads(connection.read_text(encoding="utf-8"))
        assert session.delete(f"{url}api/kernels/{started.json()['id']}", timeout=30).status_code == 204


def test_nothing_is_fetched_and_strangers_are_kept_out(server: tuple[str, str]) -> None:
    url, token = server
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(f"{url}api/kernels", timeout=30).status_code == 403
        session.headers["Authorization"] = f"token {token}"
        page = session.get(f"{url}lab", timeout=30).text
        assert '"news": {"disabled": true}' in page
        news = session.get(f"{url}lab/api/news", timeout=30)
        update = session.get(f"{url}lab/api/update", timeout=30)
        assert (news.json(), update.json()) == ({"news": []}, {"notification": None})


def test_only_this_machine_is_served(server: tuple[str, str]) -> None:
    assert server[0].startswith("http://127.0.0.1:")

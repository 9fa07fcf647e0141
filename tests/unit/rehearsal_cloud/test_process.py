"""The life of a rehearsal's process, and the commands."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner, Result

from rehearsal.commands import rehearsal
from rehearsal.contoso import names
from rehearsal.control import ControlError
from rehearsal.options import StartOptions
from rehearsal.process import RunningRehearsal, find_rehearsal, start_rehearsal
from rehearsal.serve import main as serve
from runbook_lib.errors import RunbookError, ServiceFailed, UsageError
from runbook_lib.signing.time_stamp import StampSource, read_stamp_roots, read_time_stamp
from tests.support.cloud_client import plain_session

ROOT = Path(__file__).resolve().parents[3]

_PARENT = """
import sys, time
from pathlib import Path
from rehearsal.process import start_rehearsal
running = start_rehearsal(Path(sys.argv[1]))
print(running.state["pid"], flush=True)
time.sleep(60)
"""


def eventually(condition: Callable[[], bool], seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def listens(port: object) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", int(str(port))), timeout=5):
            return True
    except OSError:
        return False


def gwb(*arguments: str, folder: Path) -> Result:
    return CliRunner().invoke(rehearsal, [*arguments, "--directory-folder", str(folder)])


def error_of(result: Result) -> RunbookError:
    assert isinstance(result.exception, RunbookError), result
    return result.exception


def test_start_and_stop(tmp_path: Path) -> None:
    with start_rehearsal(tmp_path / "one") as running:
        assert running.state["name"] == "one"
        assert listens(running.state["graph_port"])
        assert listens(running.state["ldap_port"])
        assert running.parameters_file.is_file()
        assert running.control.status()["users"]
        again = find_rehearsal(tmp_path / "one")
        assert again is not None
        assert again.state == running.state
    assert running.process is not None
    assert running.process.returncode == 0
    assert find_rehearsal(tmp_path / "one") is None
    assert not running.folder.state.exists()
    with pytest.raises(ControlError):
        running.control.status()
    running.stop()


def test_it_can_be_left_running(tmp_path: Path) -> None:
    with start_rehearsal(tmp_path / "left") as running:
        running.leave_running()
    try:
        assert find_rehearsal(tmp_path / "left") is not None
    finally:
        running.stop()
    assert find_rehearsal(tmp_path / "left") is None


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL")
def test_it_ends_with_its_parent_even_by_sigkill(tmp_path: Path) -> None:
    folder = tmp_path / "orphan"
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(folder)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert parent.stdout is not None
    with parent.stdout:
        assert parent.stdout.readline().strip().isdigit()
    running = find_rehearsal(folder)
    assert running is not None
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert eventually(lambda: not listens(running.state["ldap_port"]))
    assert eventually(lambda: not running.folder.state.exists())


def test_a_second_start_in_the_same_folder_is_refused_and_harms_nothing(shared_rehearsal: RunningRehearsal) -> None:
    secret = shared_rehearsal.folder.client_secret.read_bytes()
    with pytest.raises(UsageError, match="is running already"):
        start_rehearsal(shared_rehearsal.folder.path)
    assert shared_rehearsal.folder.client_secret.read_bytes() == secret
    assert shared_rehearsal.control.status()["users"]


@pytest.mark.parametrize("which", ["graph_port", "ldap_port", "dns_port"])
def test_a_taken_port_is_named(tmp_path: Path, which: str) -> None:
    with socket.socket(type=socket.SOCK_DGRAM if which == "dns_port" else socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        if which != "dns_port":
            taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceFailed, match=rf"{port} is in use") as caught:
            start_rehearsal(tmp_path / "late", StartOptions(**{which: port}))
    assert caught.value.code == "rehearsal-port-taken"
    assert find_rehearsal(tmp_path / "late") is None


def test_a_taken_port_is_told_before_samba_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rehearsal.serve.require_samba", lambda: None)
    monkeypatch.setattr("rehearsal.serve.SambaDirectory", None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert serve(["--folder", str(tmp_path / "late"), "--directory", "samba", "--ldap-port", port]) == 9
    told = json.loads((tmp_path / "late" / "failure.json").read_text(encoding="utf-8"))
    assert told["code"] == "rehearsal-port-taken"
    assert f"{port} is in use" in told["message"]


def test_the_commands_from_start_to_stop(tmp_path: Path) -> None:
    options = ("--throttle", "medium", "--latency-ms", "7", "--groups", "150", "--seed", "3")
    begun = gwb("start", "--free-ports", *options, folder=tmp_path)
    assert begun.exit_code == 0, begun.output
    running = find_rehearsal(tmp_path / "default")
    assert running is not None
    try:
        assert error_of(gwb("start", "--free-ports", folder=tmp_path)).code == "rehearsal-running"

        told = json.loads(gwb("status", "--json", folder=tmp_path).stdout)
        assert told["graph_url"] == running.state["graph_url"]
        assert told["counters"]["graph_requests"] == 0
        assert (told["counters"]["throttle"], told["counters"]["latency_ms"]) == ("medium", 7)
        assert told["size"] == {"groups": 150, "users": 2200, "memberships": 3000, "seed": 3}
        assert (told["counters"]["groups"], told["counters"]["users"]) == (150, 2200)
        assert str(running.parameters_file) in gwb("status", folder=tmp_path).stdout

        missing = error_of(gwb("status", "--name", "other", folder=tmp_path))
        assert (missing.code, missing.hint) == ("rehearsal-not-running", "Running: default.")

        group = f"CN=GG-HR-Write,{names.GROUPS_OU}"
        edited = gwb(
            "edit-group", "GG-HR-Write", "--add-member", "aaliyah.abbott", "--description", "ü", folder=tmp_path
        )
        assert edited.stdout.splitlines()[0] == f"Added aaliyah.abbott to {group}."
        after = running.control.directory()[group]
        assert after["description"] == ["ü"]
        assert f"CN=Aaliyah Abbott,{names.STAFF_OU}" in after["member"]
        ldap = cast("dict[str, dict[str, int]]", running.control.status()["ldap"])
        assert ldap["operations"]["bind"] >= 1
        assert ldap["operations"]["modify"] == 1
        assert ldap["operations"]["search"] >= 2
        assert ldap["operations"]["add"] == 0
        assert running.control.writes()["count"] == 0, "only the runbook's own writes are counted"
    finally:
        stopped = gwb("stop", folder=tmp_path)
    assert stopped.stdout == "Stopped the rehearsal default.\n"
    assert not listens(running.state["ldap_port"])
    assert error_of(gwb("stop", folder=tmp_path)).code == "rehearsal-not-running"


@pytest.mark.parametrize("name", ["", "../up", "a b", "x" * 41, "-x"])
def test_names_that_are_no_names(tmp_path: Path, name: str) -> None:
    assert error_of(gwb("status", f"--name={name}", folder=tmp_path)).code == "rehearsal-name"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("GG-HR-Write",), "rehearsal-nothing-to-edit"),
        (("Nobody*", "--description", "x"), "rehearsal-unknown-group"),
        (("GG-HR-Write", "--add-member", "no)(body"), "rehearsal-unknown-member"),
        (("GG-HR-Write", "--remove-member", "aaliyah.abbott"), "rehearsal-unknown-member"),
        (("GG-HR-Write", "--description", "x", "--add-member", "nobody"), "rehearsal-unknown-member"),
    ],
)
def test_edits_that_make_no_sense_change_nothing(
    fresh_rehearsal: RunningRehearsal, arguments: tuple[str, ...], code: str
) -> None:
    before = fresh_rehearsal.control.directory()
    folder = fresh_rehearsal.folder.path
    result = gwb("edit-group", "--name", folder.name, *arguments, folder=folder.parent)
    assert error_of(result).code == code
    assert fresh_rehearsal.control.directory() == before


def test_a_broken_or_stale_state_file_is_not_a_rehearsal(tmp_path: Path) -> None:
    folder = tmp_path / "stale"
    folder.mkdir()
    (folder / "state.json").write_text("{", encoding="utf-8")
    assert find_rehearsal(folder) is None
    (folder / "state.json").write_text('{"control_url": "https://localhost:1/rehearsal"}', encoding="utf-8")
    assert find_rehearsal(folder) is None


def waiting_code(running: RunningRehearsal) -> str:
    with plain_session(running) as session:
        url = f"{running.state['graph_url']}/{names.TENANT_ID}/oauth2/v2.0/devicecode"
        answer = session.post(url, data={"client_id": names.CLIENT_ID, "scope": "User.Read"}, timeout=20)
        return str(answer.json()["user_code"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "Robin Operator (robin.operator@contoso.onmicrosoft.com) signed in to Group writeback runbook"),
        (("--user", "rita.reader@contoso.onmicrosoft.com"), "Rita Reader (rita.reader@contoso.onmicrosoft.com)"),
        (("--deny",), "Declined the sign-in to Group writeback runbook"),
        (("--blocked",), "Conditional Access blocked the sign-in to Group writeback runbook"),
    ],
)
def test_a_device_code_is_answered_by_command(
    fresh_rehearsal: RunningRehearsal, options: tuple[str, ...], said: str
) -> None:
    code = waiting_code(fresh_rehearsal)
    where = ("--name", fresh_rehearsal.folder.name)
    result = gwb("approve-device", *where, code, *options, folder=fresh_rehearsal.folder.path.parent)
    assert result.exit_code == 0, result.output
    assert said in result.output
    assert code in result.output


def test_a_wrong_device_code_is_told_what_waits(fresh_rehearsal: RunningRehearsal) -> None:
    where = ("--name", fresh_rehearsal.folder.name)
    folder = fresh_rehearsal.folder.path.parent
    nothing = error_of(gwb("approve-device", *where, "WRONG", folder=folder))
    assert nothing.message == "No sign-in waits under the code WRONG."
    assert "No sign-in waits; start one" in nothing.hint
    code = waiting_code(fresh_rehearsal)
    wrong = error_of(gwb("approve-device", *where, "WRONG", folder=folder))
    assert f"Waiting: {code} (Group writeback runbook, 14 min left)" in wrong.hint
    nobody = error_of(gwb("approve-device", *where, code, "--user", "nobody@contoso.com", folder=folder))
    assert nobody.message == "No user is called nobody@contoso.com."
    both = error_of(gwb("approve-device", *where, code, "--deny", "--blocked", folder=folder))
    assert "exclude each other" in both.message


def test_a_time_stamp_authority_answers_beside_graph(shared_rehearsal: RunningRehearsal) -> None:
    path = shared_rehearsal.folder.time_stamp_ca
    source = StampSource(
        f"{shared_rehearsal.state['graph_url']}/time-stamp",
        read_stamp_roots(path, parameter="time_stamp_ca_file"),
        path,
    )
    found = read_time_stamp(source(b"data"), b"data", source.roots)
    assert found.authority == "CN=Contoso Rehearsal Time Stamp CA"

"""Being told: what is said, when, and that it arrives over TLS at servers of this machine, signed and never twice."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from runbook_lib.errors import NoAccess
from runbook_lib.parameters.model_notify import NotifyParameter
from runbook_lib.secrets.reference import SecretStores
from runbook_lib.secrets.sources import Secret
from runbook_lib.telling.decide import Told, to_be_told
from runbook_lib.telling.message import RunMessage, message_of, slack_card, teams_card
from runbook_lib.telling.tell import Result, tell
from tests.support.certificates import shared_certificates

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
KEY = "a key of more than twenty-four bytes"
PERSON = "Adele Vance"


def facts(outcome: str = "refused", **other: Any) -> dict[str, Any]:
    """A record in which people, groups and objects are named wherever they can be."""
    return {
        "change_id": "CHG1",
        "run_id": "20261201T120000-50",
        "notebook": {"name": "50-check-drift", "sha256": None},
        "outcome": outcome,
        "ended": "2026-12-01T12:00:00.000Z",
        "changes": {"planned": 5, "done": 2},
        "error": {"code": "drift", "message": f"{PERSON} changed CN=Sales", "hint": PERSON},
        "findings": [
            {"id": f"member-{PERSON}", "severity": "warning", "seen": PERSON},
            {"id": "b", "severity": "warning", "seen": "x"},
            {"id": "notification-failed-1", "severity": "warning", "seen": "x"},
            {"id": "c", "severity": "info", "seen": "x"},
        ],
        "ran_by": {"account": PERSON},
        "parameters": {"requested_by": PERSON},
        **other,
    }


def message(outcome: str = "refused", record: str = "https://records.test/r", **other: Any) -> RunMessage:
    return message_of(facts(outcome, **other), record=record)


def entry(by: str = "webhook", **told: Any) -> NotifyParameter:
    return NotifyParameter.model_validate({"name": "ops", "by": by, **told})


# what is said


def test_counts_and_the_link_are_told_and_nobodys_name() -> None:
    told = message()
    assert told.json_object() == {
        "schema": "gwb-notification/1",
        "change_id": "CHG1",
        "run_id": "20261201T120000-50",
        "notebook": "50-check-drift",
        "outcome": "refused",
        "exit_code": 5,
        "title": "Drift found",
        "code": "drift",
        "ended": "2026-12-01T12:00:00.000Z",
        "changes": {"planned": 5, "done": 2},
        "findings": {"info": 1, "warning": 2, "unknown": 0, "blocking": 0},
        "record": "https://records.test/r",
    }
    for sent in (told.json_object(), teams_card(told), slack_card(told)):
        assert PERSON not in json.dumps(sent)
        assert "https://records.test/r" in json.dumps(sent)


def test_cards_hold_no_mark_of_their_language() -> None:
    hostile = "<!channel> [x](https://evil.test) *a* & b"
    told = message(change_id=hostile)
    card = json.dumps(teams_card(told))
    assert "[x](https" not in card
    assert "\\\\[x\\\\]\\\\(https" in card
    slack = slack_card(told)
    assert "<!channel>" not in slack["text"]
    assert "&lt;!channel&gt;" in slack["text"]
    assert slack["blocks"][0]["text"]["type"] == "plain_text"


# when


@pytest.mark.parametrize(
    ("told", "outcome", "last", "expected"),
    [
        ({}, "refused", None, Told.SENT),
        ({}, "done", None, Told.NOT_ASKED),
        ({"outcomes": ["done"]}, "done", None, Told.SENT),
        ({"severities": ["warning"]}, "done", None, Told.SENT),
        ({"severities": ["blocking"]}, "done", None, Told.NOT_ASKED),
        ({"only_when_changed": True}, "refused", "same", Told.UNCHANGED),
        ({"only_when_changed": True}, "refused", "other", Told.SENT),
        # That it is good again is a change, too, and told to whoever was told that it was not.
        ({"only_when_changed": True}, "done", "other", Told.SENT),
        ({"only_when_changed": True}, "done", None, Told.NOT_ASKED),
        ({"quiet": "daily 11:00-13:00 UTC"}, "refused", None, Told.QUIET),
        ({"quiet": "daily 13:00-11:00 UTC"}, "refused", None, Told.SENT),
        ({"quiet": "daily 13:00-14:00 Europe/Madrid"}, "refused", None, Told.QUIET),
    ],
)
def test_an_entry_is_told_what_it_asked_for(
    told: dict[str, Any], outcome: str, last: str | None, expected: Told
) -> None:
    now = message(outcome)
    assert to_be_told(entry(**told), now, last=now.state if last == "same" else last, now=NOW) is expected


def test_what_was_seen_is_part_of_what_changed_and_telling_itself_is_not() -> None:
    before = facts()
    less = {**before, "findings": before["findings"][1:]}
    untold = {**before, "findings": [one for one in before["findings"] if not one["id"].startswith("notif")]}
    states = [message_of(one, record="").state for one in (before, less, untold)]
    assert states[0] != states[1]
    assert states[0] == states[2]


# that it arrives


@dataclass
class Posted:
    """What a server was sent, and what it answers."""

    answers: list[int] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    port: int = 0
    url: str = ""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Posted]:
    """An https server under the certificate of ``ca.pem``."""
    posted = Posted()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            status = posted.answers.pop(0) if posted.answers else 200
            self.send_response(status)
            if status in (301, 302, 307):
                self.send_header("Location", f"{posted.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            """Tests need no access log."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A refused handshake is what some tests are about."""

    httpd = Quiet(("127.0.0.1", 0), Handler)
    # The handshake belongs to the thread of its connection: here it would keep all others waiting.
    httpd.socket = context(tmp_path).wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    posted.port = httpd.server_address[1]
    posted.url = f"https://localhost:{posted.port}"
    try:
        yield posted
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def context(folder: Path) -> ssl.SSLContext:
    """A server's TLS; its CA is written to ``ca.pem``."""
    certificates = shared_certificates()
    (folder / "ca.pem").write_bytes(certificates.ca_pem)
    (folder / "server.pem").write_bytes(certificates.server_pem)
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(folder / "server.pem")
    return found


def told_by(
    entries: list[NotifyParameter], root: Path, server: Posted | None = None, **environment: str
) -> list[Result]:
    return tell(
        entries,
        message(),
        last=lambda _: None,
        stores=SecretStores(environment, root),
        clock=lambda: NOW,
        sleep=(server or Posted()).pauses.append,
    )


def test_a_webhook_is_signed_so_that_its_receiver_can_tell(server: Posted, tmp_path: Path) -> None:
    hook = entry(address=f"{server.url}/hook?x=1", sign_with="env:KEY", ca_file="ca.pem")
    (result,) = told_by([hook], tmp_path, server, KEY=KEY)
    assert (result.told, result.error) == (Told.SENT, None)
    ((path, headers, body),) = server.requests
    assert path == "/hook?x=1"
    assert json.loads(body) == message().json_object()
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_a_key_of_standard_webhooks_is_decoded(server: Posted, tmp_path: Path) -> None:
    """The example of the specification: https://github.com/standard-webhooks/standard-webhooks (libraries/python)."""
    from runbook_lib.telling.web import signed_headers

    found = signed_headers(
        b'{"test": 2432232314}',
        Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1614265330, UTC),
    )
    assert found["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_time_may_heal_is_sent_again_under_the_same_id(server: Posted, tmp_path: Path) -> None:
    server.answers = [503, 429, 204]
    (result,) = told_by([entry(address=server.url, sign_with="env:KEY", ca_file="ca.pem")], tmp_path, server, KEY=KEY)
    assert result.told is Told.SENT
    assert server.pauses == [2.0, 8.0]
    assert len({headers["webhook-id"] for _, headers, _ in server.requests}) == 1


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (404, 1), (302, 1)])
def test_what_is_not_taken_is_a_finding_and_a_redirect_is_not_followed(
    server: Posted, tmp_path: Path, status: int, tries: int
) -> None:
    server.answers = [status] * 3
    (result,) = told_by([entry(address=server.url, sign_with="env:KEY", ca_file="ca.pem")], tmp_path, server, KEY=KEY)
    assert result.told is Told.FAILED
    assert [path for path, _, _ in server.requests] == ["/"] * tries
    found = result.finding()
    assert found is not None
    assert f"HTTP {status}" in found.seen


@pytest.mark.parametrize("by", ["teams", "slack"])
def test_the_address_of_a_card_is_a_secret_of_an_allowed_host(server: Posted, tmp_path: Path, by: str) -> None:
    (tmp_path / "where.txt").write_text(f"{server.url}/services/T0/B0/Sec-ret\n")
    (tmp_path / "where.txt").chmod(0o600)
    card = entry(by, address_from="file:where.txt", hosts=["LOCALHOST"], ca_file="ca.pem")
    (result,) = told_by([card], tmp_path, server)
    assert result.told is Told.SENT, result.error
    ((path, headers, body),) = server.requests
    assert path.endswith("Sec-ret")
    assert "webhook-signature" not in headers
    assert ("attachments" if by == "teams" else "blocks") in json.loads(body)
    (refused,) = told_by([card.model_copy(update={"hosts": ["hooks.slack.com"]})], tmp_path, server)
    assert refused.error is not None
    assert (refused.told, refused.error.code) == (Told.FAILED, "notification-host")
    assert len(server.requests) == 1
    assert "Sec-ret" not in str(refused.error) + str(refused.finding())


def test_an_unknown_certificate_a_missing_secret_and_a_short_key_fail_alone(server: Posted, tmp_path: Path) -> None:
    good = entry(name="good", address=server.url, sign_with="env:KEY", ca_file="ca.pem")
    bad = [
        entry(name="public CAs", address=server.url, sign_with="env:KEY"),
        entry(name="no key", address=server.url, sign_with="env:MISSING", ca_file="ca.pem"),
        entry(name="short key", address=server.url, sign_with="env:SHORT", ca_file="ca.pem"),
    ]
    results = told_by([*bad, good], tmp_path, server, KEY=KEY, SHORT="short")
    assert [result.told for result in results] == [Told.FAILED] * 3 + [Told.SENT]
    assert len({finding.id for result in results if (finding := result.finding())}) == 3


class Taking:
    """What a mail server takes: every mail, but for recipients called nobody."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_RCPT(self, *of_mail: Any) -> str:  # noqa: N802 - aiosmtpd calls it so
        """One recipient."""
        _, _, envelope, address, _ = of_mail
        if address.startswith("nobody"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, *of_mail: Any) -> str:  # noqa: N802
        """One mail."""
        self.mails.append(of_mail[2].content)
        return "250 OK"


@contextmanager
def mail_server(folder: Path, kind: str, password: str = "") -> Iterator[tuple[int, list[bytes]]]:
    """A mail server: ``starttls`` (which it insists on), ``tls`` or ``plain``. Yields its port and what it took."""
    tls, taking = context(folder), Taking()

    def authenticated(*of_mail: Any) -> AuthResult:
        return AuthResult(success=of_mail[-1].password.decode() == password, handled=False)

    controller = Controller(
        taking,
        hostname="127.0.0.1",
        port=0,
        ssl_context=tls if kind == "tls" else None,
        tls_context=tls if kind == "starttls" else None,
        require_starttls=kind == "starttls",
        authenticator=authenticated if password else None,
        auth_required=bool(password),
    )
    # Its own start connects once without knowing the CA; the loop alone is what is needed.
    ready = threading.Event()
    thread = threading.Thread(target=controller._run, args=(ready,), daemon=True)
    thread.start()
    assert ready.wait(10), "it does not listen"
    server: Any = controller.server
    try:
        yield server.sockets[0].getsockname()[1], taking.mails
    finally:
        controller.loop.call_soon_threadsafe(controller.cancel_tasks)
        thread.join(10)


@pytest.mark.parametrize(("scheme", "kind"), [("smtp", "starttls"), ("smtps", "tls")])
def test_a_mail_is_sent_inside_tls(tmp_path: Path, scheme: str, kind: str) -> None:
    with mail_server(tmp_path, kind) as (port, mails):
        mail = entry(
            "email",
            address=f"{scheme}://localhost:{port}",
            sender="gwb@contoso.test",
            recipients=["team@contoso.test", "other@contoso.test"],
            ca_file="ca.pem",
        )
        (result,) = told_by([mail], tmp_path)
        assert result.told is Told.SENT, result.error
        (strange,) = told_by([mail.model_copy(update={"ca_file": ""})], tmp_path)
        assert strange.told is Told.FAILED
    (sent,) = mails
    read = message_from_bytes(sent, policy=policy.default)
    assert read["Subject"] == "Drift found: 50-check-drift, CHG1"
    assert read["Auto-Submitted"] == "auto-generated"
    text = read.get_content()
    assert "Changes: 2 of 5 carried out" in text
    assert "Record: https://records.test/r" in text
    assert PERSON not in sent.decode()


def test_a_mail_account_signs_in_and_a_refusal_never_quotes_its_password(tmp_path: Path) -> None:
    with mail_server(tmp_path, "starttls", "Right-pass-1") as (port, mails):
        mail = entry(
            "email",
            address=f"smtp://localhost:{port}",
            sender="gwb@contoso.test",
            recipients=["team@contoso.test"],
            user="gwb",
            password_from="env:MAIL",
            ca_file="ca.pem",
        )
        (good,) = told_by([mail], tmp_path, MAIL="Right-pass-1")
        assert good.told is Told.SENT, good.error
        (bad,) = told_by([mail], tmp_path, MAIL="Wrong-pass-2")
        assert bad.error is not None
        assert (bad.told, bad.error.values["status"]) == (Told.FAILED, 535)
        assert "Wrong-pass-2" not in str(bad.finding())
        nobody = mail.model_copy(update={"recipients": ["nobody@contoso.test", "team@contoso.test"]})
        (part,) = told_by([nobody], tmp_path, MAIL="Right-pass-1")
        assert part.told is Told.FAILED
    assert len(mails) == 2


def test_a_mail_server_without_starttls_gets_nothing(tmp_path: Path) -> None:
    with mail_server(tmp_path, "plain") as (port, mails):
        mail = entry(
            "email",
            address=f"smtp://localhost:{port}",
            sender="gwb@contoso.test",
            recipients=["team@contoso.test"],
            ca_file="ca.pem",
        )
        (result,) = told_by([mail], tmp_path)
    assert result.told is Told.FAILED
    assert mails == []


def test_a_secret_that_is_not_there_is_named_by_its_place(tmp_path: Path) -> None:
    stores = SecretStores({}, tmp_path)
    with pytest.raises(NoAccess) as caught:
        stores.get("env:GWB_X", parameter="notify", what=message().title)
    assert "GWB_X" in str(caught.value)


def test_time_goes_on_between_two_entries(tmp_path: Path) -> None:
    times = iter([NOW, NOW + timedelta(seconds=1)])
    stores = SecretStores({}, tmp_path)
    quiet = entry(quiet="daily 11:00-13:00 UTC", address="https://h.test", sign_with="env:K")
    (result,) = tell(
        [quiet], message(), last=lambda _: None, stores=stores, clock=lambda: next(times), sleep=lambda _: None
    )
    assert result.fact()["result"] == "quiet"
    assert result.fact()["at"] == "2026-12-01T12:00:01.000Z"

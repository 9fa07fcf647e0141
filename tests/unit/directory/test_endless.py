"""A controller whose answers never end, do not fit together, or say what nobody may repeat."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count, repeat
from pathlib import Path
from typing import Any

import pytest
from ldap3 import Server

from runbook_lib.directory import reader, reconnect, wire
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.entries import TooManyMessages
from runbook_lib.directory.errors import AnswerWithoutEnd, bind_error, ldap_error_of
from runbook_lib.directory.reconnect import ControllerPatience
from runbook_lib.directory.search import ANY_OBJECT
from runbook_lib.directory.sign_in import bind as sign_on
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.errors import RunbookError, ServiceFailed, WriteUnanswered
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.parameters.model import Parameters
from tests.unit.directory.embedded import Embedded, clock
from tests.unit.directory.front import start_tls_front
from tests.unit.directory.hostile import Speech, done, entry, hostile_controller
from tests.unit.directory.test_wire import _Connection, _done, _entry

PASSWORD = "correct horse-Battery9"
GUID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second for a whole answer."""
    for module in (reconnect, sign_on):
        assert module.ANSWER_TIMES == 4
        monkeypatch.setattr(module, "ANSWER_TIMES", 0.5)


def slowly(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        time.sleep(0.03)
        yield piece


def opening(folder: Path, speech: Speech, **faults: Any) -> tuple[RunbookError, int, list[float]]:
    """The error of opening a directory, the requests that it was sent, and the waits."""
    slept: list[float] = []
    with hostile_controller(folder, speech, **faults) as hostile:
        parameters = Parameters.model_validate(
            {
                "dc_host": "localhost",
                "dc_port": hostile.port,
                "dc_ca_file": str(hostile.ca_file),
                "dc_timeout": 1,
                "bind_user": "svc@contoso.com",
            }
        )
        environment = {"GWB_BIND_PASSWORD": PASSWORD}
        with pytest.raises(RunbookError) as caught:
            open_directory(parameters, environment=environment, clock=clock, sleep=slept.append)
        return caught.value, len(hostile.requests), slept


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize(
    "speech",
    [
        lambda number: slowly(bytes([byte]) for byte in entry(number) * 999),
        lambda number: slowly(repeat(entry(number))),
        lambda _: slowly(bytes([byte]) for byte in b"\x30\x84\x7f\xff\xff\xff" + b"\x00" * 999),
    ],
    ids=["bytes", "entries", "one message"],
)
def test_an_answer_that_drips_is_given_up_in_its_time_and_not_asked_for_again(tmp_path: Path, speech: Speech) -> None:
    begun = time.monotonic()
    error, requests, slept = opening(tmp_path, speech)
    assert time.monotonic() - begun < 10
    assert isinstance(error, AnswerWithoutEnd)
    assert (error.code, requests, slept) == ("directory-answer-without-end", 1, [])
    assert "did not finish its answer within" in error.message


@pytest.mark.usefixtures("_short")
def test_a_bind_that_drips_is_given_up(tmp_path: Path) -> None:
    error, requests, _ = opening(
        tmp_path, lambda _: iter(()), bind=lambda number: slowly(bytes([b]) for b in done(number, 0x61, said=b"x" * 99))
    )
    assert (error.code, requests) == ("directory-unavailable", 0)
    assert "within 0 seconds" in error.message or "timed out" in error.message


@pytest.mark.usefixtures("_short")
def test_an_answer_to_start_tls_that_drips_is_given_up(started: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    with start_tls_front(started.port) as front:
        front.drips = 0.1
        begun = time.monotonic()
        with pytest.raises(RunbookError):
            started.open(dc_port=front.port, dc_security="starttls", dc_timeout=1)
        assert time.monotonic() - begun < 5


def test_entries_without_end_end_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reconnect.MOST_MESSAGES == 20_000
    monkeypatch.setattr(reconnect, "MOST_MESSAGES", 2_000)
    error, requests, _ = opening(tmp_path, lambda number: repeat(entry(number) * 500))
    assert isinstance(error, AnswerWithoutEnd)
    assert (requests, "more than 2,000 messages" in error.message) == (1, True)


def test_the_controller_of_these_tests_answers_whatever_number_a_request_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ldap3 numbers the requests of a whole process: these tests must not depend on how many came before."""
    monkeypatch.setattr(reconnect, "MOST_MESSAGES", 200)
    for before in (126, 127, 32_766, 8_388_606):
        monkeypatch.setattr(Server, "_message_counter", before)
        error, requests, _ = opening(tmp_path, lambda number: repeat(entry(number) * 500))
        assert (error.code, requests) == ("directory-answer-without-end", 1)
        assert "more than 200 messages" in error.message


def test_one_message_without_end_ends_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reconnect.LARGEST_LDAP_ANSWER == 512 * 1024 * 1024
    for module in (reconnect, sign_on):
        monkeypatch.setattr(module, "LARGEST_LDAP_ANSWER", 2 * 1024 * 1024)
    error, _, _ = opening(tmp_path, lambda _: iter([b"\x30\x84\x7f\xff\xff\xff", *repeat(b"\x00" * 65_536, 64)]))
    assert isinstance(error, AnswerWithoutEnd)
    assert "answered with more than 2 MB" in error.message


def directory_with(answers: Iterator[Any]) -> tuple[_Connection, Directory]:
    class Endless(list[Any]):
        def pop(self, _: object = 0) -> Any:
            return next(answers)

    connection = _Connection(Endless())
    return connection, Directory(connection, opened=clock(), patience=ControllerPatience(pauses=()))


def test_a_write_whose_answer_does_not_end_may_have_taken_effect() -> None:
    class Slow(_Connection):
        def modify(self, *_: object, **__: object) -> Any:
            raise TooManyMessages("answered one request with more than 9 messages")

    with pytest.raises(WriteUnanswered, match="more than 9 messages"):
        Directory(Slow([]), opened=clock()).modify(GUID, [AttributeDelta("description", (), ("x",))])


@pytest.mark.parametrize(
    ("limit", "entries", "words"),
    [
        ("MOST_EMPTY_SEARCH_PAGES", lambda _: [], "4 pages in a row are empty"),
        ("MOST_SEARCH_PAGES", lambda number: [_entry(f"CN={number},DC=x")], "there are more than 3 pages"),
        ("", lambda _: [_entry("CN=a,DC=x")], "page 2 is the same as the one before it"),
    ],
)
def test_cookies_without_end_come_to_an_end(
    monkeypatch: pytest.MonkeyPatch, limit: str, entries: Callable[[int], list[Any]], words: str
) -> None:
    assert (reader.MOST_EMPTY_SEARCH_PAGES, reader.MOST_SEARCH_PAGES) == (100, 20_000)
    if limit:
        monkeypatch.setattr(reader, limit, 3)
    connection, directory = directory_with((_done(cookie=b"next"), entries(number)) for number in count())
    with pytest.raises(ServiceFailed, match=words) as caught:
        list(directory.search("DC=x", ANY_OBJECT, ("cn",)))
    assert caught.value.code == "incomplete-read"
    assert len(connection.asked) <= 4


def piece(first: int, last: int | str, values: int) -> dict[str, Any]:
    return _entry("CN=g,DC=x", **{f"member__range={first}-{last}": [b"CN=m"] * values})


@pytest.mark.parametrize("limit", ["MOST_PIECES", "MOST_VALUES"])
def test_ranges_without_end_come_to_an_end(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    assert (wire.MOST_PIECES, wire.MOST_VALUES) == (10_000, 5_000_000)
    monkeypatch.setattr(wire, limit, 3)
    connection, directory = directory_with((_done(), [piece(number, number, 1)]) for number in count())
    with pytest.raises(ServiceFailed, match="more are to follow") as caught:
        list(directory.search("DC=x", ANY_OBJECT, ("member",)))
    assert caught.value.code == "incomplete-read"
    assert len(connection.asked) <= 6


@pytest.mark.parametrize(
    "answers",
    [
        [piece(0, 2, 2)],
        [piece(1, 2, 2)],
        [piece(0, 1, 2), piece(2, 3, 3)],
        [piece(0, 1, 2), piece(2, 3, 0)],
        [piece(0, 1, 2), piece(2, 1, 0)],
    ],
)
def test_pieces_that_do_not_hold_what_they_say(answers: list[dict[str, Any]]) -> None:
    _, directory = directory_with((_done(), [one]) for one in answers)
    with pytest.raises(ServiceFailed, match="not those that it says") as caught:
        list(directory.search("DC=x", ANY_OBJECT, ("member",)))
    assert caught.value.code == "incomplete-read"


def test_references_are_noted_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_REFERENCES", 3)
    pages = ((_done(cookie=b"n" if n < 5 else b""), [{"type": "searchResRef", "uri": [f"ldap://{n}", f"ldap://{n}b"]}])
             for n in count())  # fmt: skip
    _, directory = directory_with(pages)
    assert list(directory.search("DC=x", ANY_OBJECT, ("cn",))) == []
    assert len(directory.references) == 3


TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ.c2ln"
SAID = f"0000202B: RefErr: {PASSWORD} {TOKEN} password=canary\x1b[2J\nsecond line\u202e\x00"


def told(error: RunbookError) -> str:
    return f"{error} {error!r} {dict(error.values)} {error._render_traceback_()}"


def clean(error: RunbookError, *, password: bool = True) -> bool:
    text = told(error)
    assert TOKEN not in text
    assert "canary" not in text
    assert "\x1b" not in error.message
    assert "\n" not in error.message
    assert "\u202e" not in error.message
    return not password or PASSWORD not in text


def test_what_a_controller_says_is_redacted_and_escaped_wherever_it_is_kept(tmp_path: Path) -> None:
    for code in (1, 3, 50, 53, 80):
        result = {"result": code, "message": SAID, "description": "x", "referrals": [f"ldap://{TOKEN}/\x1b"] * 99}
        error = ldap_error_of(result, operation="modify", dn="CN=a")
        assert clean(error, password=False)
        assert len(told(error)) < 20_000
        assert clean(bind_error(result, user="svc", secrets=(PASSWORD,)))
    assert clean(bind_error({"result": 49, "message": f"80090308: LdapErr: data 52e {SAID}"}, secrets=(PASSWORD,)))


def test_a_controller_that_repeats_the_password_is_not_quoted(tmp_path: Path) -> None:
    said = f"{PASSWORD} {PASSWORD}".encode()
    for speech, bind in (
        (lambda number: iter([done(number, 0x65, 53, said)]), None),
        (lambda _: iter(()), lambda number: iter([done(number, 0x61, 49, said)])),
        (lambda _: iter(()), lambda number: iter([done(number, 0x61, 53, said)])),
    ):
        error, _, _ = opening(tmp_path, speech, bind=bind)
        assert PASSWORD not in told(error)
        assert "[redacted]" in told(error)

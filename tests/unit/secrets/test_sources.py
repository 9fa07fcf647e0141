"""Where secrets come from: what stands around one is taken off, what cannot be one is refused before it is sent."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import NoAccess, RunbookError, UsageError
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import character_name
from runbook_lib.parameters.model import Parameters
from runbook_lib.secrets.redact import known_secrets, variable_secrets
from runbook_lib.secrets.sources import (
    LARGEST_SECRET,
    Secret,
    doubtful,
    impossible,
    pem_file,
    secret_file,
    secret_variable,
    without_marks,
)

PASSWORD = "Pa ss-wörd~1"
CONTROLS = "\x00\x07\t\x0b\x1b\x7f\x85\u2028\u2029"
INVISIBLE = "\xad\u061c\u200b\u200e\u2060\u3164\ufe0f\ufeff\U000e0041"
BLANKS = "\u00a0\u1680\u2003\u2007\u202f\u205f\u3000"


def saved(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "password.txt"
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def read(source: Path | str) -> Secret:
    if isinstance(source, Path):
        return secret_file(source, parameter="bind_password_file")
    return secret_variable("GWB_BIND_PASSWORD", {"GWB_BIND_PASSWORD": source}, what=t("password for ada"))


def refusal(source: Path | str) -> RunbookError:
    with pytest.raises(RunbookError) as caught:
        read(source)
    for told in (str(caught.value), repr(caught.value.values)):
        assert PASSWORD not in told
    return caught.value


@pytest.mark.parametrize("ends", ["", "\n", "\r\n", "\r", "\n\n", "\r\n\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marks_and_line_ends_of_a_file_are_no_part_of_it(tmp_path: Path, encoding: str, ends: str) -> None:
    assert secret_file(saved(tmp_path, (PASSWORD + ends).encode(encoding)), parameter="p").reveal() == PASSWORD


def test_both_byte_orders_are_read_as_their_mark_says(tmp_path: Path) -> None:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert secret_file(saved(tmp_path, mark + PASSWORD.encode(encoding)), parameter="p").reveal() == PASSWORD


@pytest.mark.parametrize("around", ["\r", "\r\n", "\n", "\ufeff"])
def test_the_same_of_an_environment_variable(around: str) -> None:
    value = around + PASSWORD + ("\r\n" if around == "\ufeff" else around)
    environment = {"GWB_BIND_PASSWORD": value}
    assert secret_variable("GWB_BIND_PASSWORD", environment, what=t("password")).reveal() == PASSWORD
    assert secret_variable("S", {"S": value}, what=t("client secret")).reveal() == PASSWORD
    assert variable_secrets(environment) == [value, PASSWORD]  # both are searched for in the record
    assert known_secrets(Parameters.model_validate({}), Path(), environment) == [value, PASSWORD]


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1))
def test_what_surrounds_a_secret_never_changes_it(text: str) -> None:
    if not impossible(text):
        for form in (text, f"\ufeff{text}", f"{text}\r\n", f"\ufeff\n{text}\r"):
            assert without_marks(form) == text


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n", b"\xff\xfe"])
def test_a_file_with_nothing_but_marks_is_empty(tmp_path: Path, data: bytes) -> None:
    error = refusal(saved(tmp_path, data))
    assert (type(error), error.code) == (UsageError, "secret-file-empty")


def test_a_variable_with_nothing_but_marks_is_not_set() -> None:
    assert refusal("\ufeff\r\n").code == "secret-missing"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_wide_text_without_a_mark_is_refused(tmp_path: Path, encoding: str) -> None:
    error = refusal(saved(tmp_path, "plain-ascii\r\n".encode(encoding)))
    assert (type(error), error.code) == (UsageError, "secret-malformed")
    if encoding.startswith("utf-16"):
        assert "looks like UTF-16" in error.message


@pytest.mark.parametrize("char", CONTROLS + INVISIBLE)
@pytest.mark.parametrize("place", ["begins with", "ends with", "holds"])
def test_characters_that_nobody_types_are_refused_by_name(tmp_path: Path, char: str, place: str) -> None:
    text = {"begins with": char + PASSWORD, "ends with": PASSWORD + char, "holds": PASSWORD[:4] + char + PASSWORD[4:]}
    if (char, place) == ("\ufeff", "begins with"):
        return  # a byte order mark in its own place
    if place == "holds" and char in INVISIBLE:
        assert character_name(char) in doubtful(text[place])
        assert read(text[place]).reveal() == text[place]
        return
    for source in (saved(tmp_path, text[place].encode()), text[place]):
        error = refusal(source)
        assert error.code == "secret-malformed"
        assert isinstance(error, UsageError if isinstance(source, Path) else NoAccess)
        assert place in error.message
        assert f"U+{ord(char):04X} " in error.message


@pytest.mark.parametrize("char", BLANKS)
def test_blanks_of_documents_are_refused_around_a_secret_and_kept_inside(tmp_path: Path, char: str) -> None:
    for source in (char + PASSWORD, PASSWORD + char):
        assert unicodedata.name(char) in refusal(source).message
        assert unicodedata.name(char) in refusal(saved(tmp_path, source.encode())).message
    assert not impossible(f"a{char}b")


@pytest.mark.parametrize("blank", [" ", "   ", " \r\n"])
def test_blanks_alone_are_no_password(tmp_path: Path, blank: str) -> None:
    for source in (blank, saved(tmp_path, blank.encode())):
        error = refusal(source)
        assert error.code == "secret-malformed"
        assert "nothing but spaces" in error.message


def test_quotes_around_a_password_are_sent_and_told_when_it_is_refused() -> None:
    for quoted in (f'"{PASSWORD}"', f"'{PASSWORD}'"):
        assert read(quoted).reveal() == quoted
        assert "stands in quotes" in doubtful(quoted)
        assert PASSWORD not in doubtful(quoted)
    assert not any(map(doubtful, (PASSWORD, '"', '""', "'a\"", "a'a")))


def test_a_plain_space_may_begin_or_end_a_password(tmp_path: Path) -> None:
    assert secret_file(saved(tmp_path, b" pass \r\n"), parameter="p").reveal() == " pass "


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"one\ntwo\n", "more than one line"),
        (b"one\r\ntwo", "more than one line"),
        ("p\ufffdss".encode(), "REPLACEMENT CHARACTER"),
        (b"p\xe4ss", "it is not UTF-8 text"),
        (b"\xff\xfep", "it is not the UTF-16 text"),
        (b"a" * (LARGEST_SECRET + 1), "larger than 4096 bytes"),
        (b"secret\x00", "ends with a character that no password holds: U+0000 NUL"),
    ],
)
def test_other_files_that_hold_no_password(tmp_path: Path, data: bytes, why: str) -> None:
    error = refusal(saved(tmp_path, data))
    assert why in error.message
    assert isinstance(error, UsageError)


def test_bytes_of_the_environment_that_are_no_text_are_refused() -> None:
    assert "half of a surrogate pair" in refusal("p\udce4ss").message


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices are POSIX's")
def test_a_pipe_a_folder_or_a_device_is_never_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for path in (pipe, tmp_path, Path("/dev/zero")):
        error = refusal(path)
        assert (error.code, "not a regular file" in error.message) == ("secret-file-unreadable", True)


def test_the_lines_of_a_pem_file_are_kept_and_their_ends_made_alike(tmp_path: Path) -> None:
    text = "-----BEGIN X-----\r\nAAAA\rBBBB\n-----END X-----\r\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        found = pem_file(saved(tmp_path, text.encode(encoding)), parameter="certificate_file").reveal()
        assert found == "-----BEGIN X-----\nAAAA\nBBBB\n-----END X-----\n"
    with pytest.raises(UsageError, match="looks like UTF-16") as caught:
        pem_file(saved(tmp_path, text.encode("utf-16-le")), parameter="certificate_file")
    assert caught.value.code == "secret-malformed"

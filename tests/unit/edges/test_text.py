"""The two ways in which text is made safe, held against Unicode's tables and a JSON reader."""

from __future__ import annotations

import json
import shlex

from hypothesis import example, given
from hypothesis import strategies as st

from runbook_lib.errors import Refused
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import json_text, printable, typed
from tests.support import hostile
from tests.unit.edges.readers import assert_quiet, deceives, hides


@hostile.each()
def test_every_case_is_one_quiet_line(text: str) -> None:
    assert_quiet(printable(text), breaks="")


@given(hostile.anything())
def test_any_text_is_one_quiet_line_and_what_is_seen_stays(text: str) -> None:
    shown = printable(text)
    assert_quiet(shown, breaks="")
    if not any(deceives(char) or hides(char) for char in text):
        seen = "".join(char for char in text if char.isalnum() and ord(char) < 0x1000)
        assert "".join(char for char in shown if char.isalnum() and ord(char) < 0x1000).endswith(seen[-1:])
        assert not text.isascii() or shown == text


@hostile.each("invisible", "direction")
def test_what_nobody_sees_is_told(text: str) -> None:
    if any(deceives(char) or hides(char) for char in text):
        assert "\\u" in printable(text).lower()


def test_scripts_and_emoji_keep_their_joiners() -> None:
    for text in (
        "می\u200cخواهم",
        "👩\u200d🚀",
        "❤\ufe0f\u200d🔥",
        "1\ufe0f\u20e3",
        "Équipe 🧑\u200d🤝\u200d🧑",
        "क्\u200dष",
    ):
        assert printable(text) == text
    assert printable("a\u200db\u200c") == "a\\u200db\\u200c"
    assert printable("x\ufe0f") == "x\\ufe0f"
    assert printable("\U000e0041") == "\\U000e0041"


def test_a_limit_is_kept_with_escapes_counted() -> None:
    assert printable("\x1b" * 10, limit=20) == "\\u001b\\u001b\\u001b\\…"
    assert printable("x" * 20, limit=20) == "x" * 20


@given(hostile.anything())
@example("\ud800\udc00")
def test_json_keeps_the_value_and_is_quiet_utf8(text: str) -> None:
    # Escapes of JSON are units of UTF-16 (RFC 8259, section 7): two halves side by side are the character they make.
    kept = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    for indent in (None, 2):
        written = json_text(json.dumps({text: [text]}, ensure_ascii=False, indent=indent))
        assert json.loads(written.encode("utf-8")) == {kept: [kept]}
        assert not [char for char in written if deceives(char) and char != "\n"]
        assert len(written.splitlines()) == (1 if indent is None else 5)


@hostile.each()
def test_an_error_is_quiet_wherever_python_writes_it(text: str) -> None:
    error = Refused(t("The group {text} is refused.", text=text), code="x", hint=t("Ask {text}.", text=text))
    assert_quiet(str(error))
    assert len(str(error).splitlines()) == 2
    lines = error._render_traceback_()
    assert_quiet("".join(lines), breaks="")
    assert len(lines) == 2


@given(st.text(st.characters(codec="utf-8", exclude_characters='"$`\\\r\n\0'), min_size=1, max_size=40))
def test_a_path_in_a_command_is_one_word_of_the_shell(path: str) -> None:
    assert shlex.split(f"gwb seal {typed(path)} NOTEBOOK") == ["gwb", "seal", path, "NOTEBOOK"]


def test_only_paths_that_need_quotes_have_them() -> None:
    assert typed("/srv/records/CHG1/run-1") == "/srv/records/CHG1/run-1"
    assert typed(r"C:\gwb\records") == r"C:\gwb\records"
    assert typed("/home/Adele Vance/records") == '"/home/Adele Vance/records"'
    assert typed("/srv/a(b)&c") == '"/srv/a(b)&c"'

"""A parameters file as a small tree of nodes with their lines, read in one pass and never by recursion.

YAML has more than such a file needs, and each of these has turned a name into another one: references (``*name``) and
anchors (``&name``) are refused, nesting ends early, and how a text was quoted is kept, because a backslash in double
quotes begins an escape and `` #`` without quotes begins a comment. libyaml reads where PyYAML has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml
from yaml.reader import Reader

from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import character_name, unseen

DEEPEST_YAML = 8
"""Levels of lists and mappings in each other; the model needs four."""
_MOST_VALUES = 100_000
"""Names and values of one file in all; four times the ids that fit into the largest one."""
_LARGEST_MENDED = 100_000
"""Characters of a text that is read again after each wrong escape, to find the next one."""
_MOST_MENDED = 20
"""Problems of one text that are named one by one."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
BACKSLASH_HINT = t(
    "In double quotes a backslash is written twice (\\\\); in single quotes it stands for itself: 'CONTOSO\\name'."
)
_QUOTES_HINT = t("Put text in double quotes, write one space after each colon, and indent with spaces, not tabs.")
_OTHER_FILE = t("This is another file, or a damaged one; parameters/example.yaml explains every parameter.")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|\r?\n[ \t]*|.)", re.DOTALL)
_CONTROLS = dict(zip("0abtnvfreN_LP\t", "\x00\x07\x08\t\n\x0b\x0c\r\x1b\x85\xa0\u2028\u2029\t", strict=True))
_COMMENT = re.compile(r"[ \t]+#")
_NAME = re.compile(r"^[\"']?([A-Za-z0-9_-]+)[\"']?:(?=[ \t\n]|\Z)", re.MULTILINE)
_OTHER_LINE_ENDS = re.compile("[\x85\u2028\u2029]")
_TYPOGRAPHIC = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u2039\u203a\u2033\u2032"
_NO_SPACES = re.compile(r"[\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff]")


class YamlProblem(Exception):  # noqa: N818 - becomes a UsageError where file and parameter are known
    """Text that is not YAML, or a value of the wrong kind. Its text never quotes the value.

    ``part`` leads to the part of a value that is wrong: list positions (from 0) and names.
    """

    part: tuple[str | int, ...] = ()

    def __init__(self, text: Text, *, line: int, hint: Text = NOTHING) -> None:
        super().__init__(text)
        self.text = text
        self.line = line
        self.hint = hint


class Scalar(NamedTuple):
    """One text: its line (from 1), whether it stands without quotes, its explicit tag or an empty text.

    ``wrong`` continues a sentence that begins with the parameter's name and says why the text is not what was typed;
    ``breaks`` is the same where only prose may hold the line break or tab that an escape made.
    """

    text: str
    line: int
    plain: bool = True
    tag: str = ""
    wrong: Text = NOTHING
    hint: Text = NOTHING
    breaks: Text = NOTHING


@dataclass(slots=True)
class Branch:
    """A list (``keys`` is None) or a mapping, whose keys and values stand side by side."""

    line: int
    values: list[Scalar | Branch]
    keys: list[Scalar | Branch] | None = None
    tag: str = ""


YamlNode = Scalar | Branch


def read_tree(text: str) -> YamlNode | None:
    """The one YAML document in ``text``, or None where there is only white space and comments.

    Raises:
        YamlProblem: Not YAML, more than one document, nested too deeply, or with references.
    """
    if found := Reader.NON_PRINTABLE.search(text):
        raise YamlProblem(
            t(
                "this line holds a character that YAML does not allow: {character_name}",
                character_name=character_name(found[0]),
            ),
            line=text.count("\n", 0, found.start()) + 1,
            hint=t("Save the file as UTF-8.") if found[0] == "\x00" else t("Take it away."),
        )
    if found := _OTHER_LINE_ENDS.search(text):
        # What follows would be a line of its own, behind a comment too, and no editor shows it as one.
        raise YamlProblem(
            t("this line holds {character_name}, which ends a line for YAML", character_name=character_name(found[0])),
            line=text.count("\n", 0, found.start()) + 1,
            hint=t("Take it away; begin a new line there if one is meant."),
        )
    mended: list[int] = []
    while True:
        try:
            return _tree(text, frozenset(mended))
        except yaml.MarkedYAMLError as error:
            at = _wrong_escape(error, text)
            if at is None or len(mended) >= _MOST_MENDED or len(text) > _LARGEST_MENDED:
                raise _not_yaml(error, text, at) from None
            text = f"{text[:at]}\\{text[at:]}"
            mended.append(at)


def _tree(text: str, mended: frozenset[int]) -> YamlNode | None:
    root: YamlNode | None = None
    open_: list[Branch] = []
    count = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.ScalarEvent):
            node: YamlNode = _scalar(event, text, mended)
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(open_) == DEEPEST_YAML:
                raise YamlProblem(t("the values are nested too deeply"), line=_line(event))
            mapping = isinstance(event, yaml.MappingStartEvent)
            node = Branch(_line(event), [], [] if mapping else None, event.tag or "")
        elif isinstance(event, yaml.CollectionEndEvent):
            open_.pop()
            continue
        elif isinstance(event, yaml.AliasEvent):
            raise YamlProblem(
                t("a text without quotes begins with *, which is a reference in YAML"),
                line=_line(event),
                hint=t("Put it in double quotes."),
            )
        else:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                raise YamlProblem(
                    t("a second document begins here (---)"), line=_line(event), hint=t("Use one file each.")
                )
            continue
        if event.anchor is not None:
            raise YamlProblem(
                t("a text without quotes begins with &, which YAML takes away as a mark"),
                line=_line(event),
                hint=t("Put it in double quotes."),
            )
        count += 1
        if count > _MOST_VALUES:
            raise YamlProblem(
                t("the file holds more than {most_values:,} names and values", most_values=_MOST_VALUES),
                line=_line(event),
                hint=_OTHER_FILE,
            )
        if not open_:
            root = node
        elif (parent := open_[-1]).keys is not None and len(parent.keys) == len(parent.values):
            parent.keys.append(node)
        else:
            parent.values.append(node)
        if isinstance(node, Branch):
            open_.append(node)
    return root


def _scalar(event: yaml.ScalarEvent, text: str, mended: frozenset[int]) -> Scalar:
    value, line, style = str(event.value), _line(event), event.style
    tag = event.tag or ""
    if style == '"':
        start, end = _index(event.start_mark), _index(event.end_mark)
        if text.find("\\", start, end) < 0:
            return Scalar(value, line, plain=False, tag=tag)
        wrong, breaks = _escapes(text[start:end], start, mended)
        return Scalar(value, line, False, tag, wrong, BACKSLASH_HINT, breaks)
    if style:
        return Scalar(value, line, plain=False, tag=tag)
    if _COMMENT.match(text, _index(event.end_mark)):
        return Scalar(value, line, True, tag, _CUT if value else _NOTHING_BUT_COMMENT, _COMMENT_HINT)
    if len(value) > 1 and value[0] in _TYPOGRAPHIC and value[-1] in _TYPOGRAPHIC:
        wrong = t(
            "stands in typographic quotes ({character_name}), which YAML takes for a part of the text",
            character_name=character_name(value[0]),
        )
        return Scalar(value, line, True, tag, wrong, t('Use straight double quotes: "text".'))
    return Scalar(value, line, plain=True, tag=tag)


_CUT = t("ends before a #: without quotes, a blank and # begin a comment")
_NOTHING_BUT_COMMENT = t("has no value: a # without quotes begins a comment")
_COMMENT_HINT = t("Put the text in double quotes; a comment may follow them.")


def _escapes(raw: str, start: int, mended: frozenset[int]) -> tuple[Text, Text]:
    """What is wrong with the escapes of a text in double quotes, and what is so outside of prose; empty: nothing."""
    breaks = NOTHING
    for match in _ESCAPE.finditer(raw):
        escape = match[1]
        if start + match.start() in mended:
            following = raw[match.start() + 2 : match.start() + 3]
            shown = following if "!" <= following <= "~" else "…"
            return t("holds \\{shown} in double quotes, and YAML knows no such escape", shown=shown), NOTHING
        if escape in ('"', "\\", "/") or escape[0] in "\r\n":
            continue
        if escape == " ":
            if raw[: match.start()].rstrip(" \t").endswith("\n"):
                continue  # how a writer keeps the blank at the beginning of a continued line
            return t("holds a backslash before a blank in double quotes, which YAML takes away"), NOTHING
        char = chr(int(escape[1:], 16)) if len(escape) > 1 else _CONTROLS.get(escape, "")
        shown = escape if len(escape) == 1 and "!" <= escape <= "~" else escape[0]
        meant = character_name(char) if char else t("something else")
        said = t("holds \\{shown} in double quotes, which YAML reads as {meant}", shown=shown, meant=meant)
        if char in ("\n", "\t"):
            breaks = breaks or said
        elif not char or (escape[0] == "x" and char < "\x7f") or char.isspace() or next(unseen(char), None):
            return said, NOTHING
    return NOTHING, breaks


def _wrong_escape(error: yaml.MarkedYAMLError, text: str) -> int | None:
    """Where the backslash of an escape stands that YAML does not know; None for any other error."""
    if error.problem_mark is None or "quoted" not in (error.context or "") or "stream" in (error.problem or ""):
        return None
    at = text.rfind("\\", 0, error.problem_mark.index + 1)
    return at if 0 <= error.problem_mark.index - at <= 2 else None


def _not_yaml(error: yaml.MarkedYAMLError, text: str, escape: int | None) -> YamlProblem:
    mark = error.problem_mark or error.context_mark
    line = int(mark.line) + 1 if mark else 1
    if escape is not None:
        return YamlProblem(t("a backslash in double quotes begins an escape that YAML does not know"), line=line,
                           hint=BACKSLASH_HINT)  # fmt: skip
    hint = _QUOTES_HINT
    before = text[: mark.index if mark else 0]
    near = "\n".join(text.split("\n")[max(line - 2, 0) : line])
    if odd := next((char for char in near if char in _TYPOGRAPHIC or _NO_SPACES.match(char)), ""):
        hint = t(
            "Near here stands {character_name}, which is no quote and no blank to YAML. {hint}",
            character_name=character_name(odd),
            hint=hint,
        )
    elif '\\"' in before:
        hint = t(
            'A backslash before a closing quote (\\") takes it away. {backslash_hint}', backslash_hint=BACKSLASH_HINT
        )
    elif " #" in near:
        hint = t("Without quotes, a blank and # begin a comment. {hint}", hint=hint)
    return YamlProblem(t("this is not valid YAML{problem}", problem=_problem_text(error.problem)), line=line, hint=hint)


def _problem_text(problem: str | None) -> str:
    """PyYAML's own words, unless they quote the file: what they quote could be a secret."""
    if not problem or re.search(r"'[^'<]{2,}'|\"", problem):
        return ""
    return f" ({problem})"


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _index(mark: Any) -> int:
    return int(mark.index)


def names_at_line_starts(text: str) -> list[tuple[str, int]]:
    """Names that begin a line, with the line: what a file that has a hundred thousand of them is told by."""
    found: list[tuple[str, int]] = []
    line, at = 1, 0
    for match in _NAME.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        found.append((match[1], line))
    return found


def texts_below(node: YamlNode) -> Iterator[str]:
    """Every text below ``node`` as written, keys included."""
    waiting: list[YamlNode] = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Scalar):
            yield current.text
        else:
            waiting += current.values
            waiting += current.keys or ()

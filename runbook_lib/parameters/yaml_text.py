"""Parameters files as YAML nodes with lines, and nodes as values of exactly the type that the model wants.

PyYAML's constructors turn ``no`` into False, ``0123`` into 83 and a date into an object, and silently keep the last of
two equal keys. Here nothing is guessed: the model says what a value is, and text that YAML could read as something
else has to be quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel

Location = tuple[str | int, ...]
"""Path to a value: the parameter, then list positions and nested names."""

_TEXT_TAG = "tag:yaml.org,2002:str"
_STANDARD_TAGS = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_BOOLEANS: Mapping[str, bool] = {"true": True, "True": True, "false": False, "False": False}
# Plain scalars that PyYAML leaves as text but other YAML readers, papermill's -p among them, turn into numbers.
_ELSEWHERE_A_NUMBER = re.compile(
    r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|nan|inf|infinity)", re.IGNORECASE
)


class YamlProblem(Exception):  # noqa: N818 - becomes a UsageError where file and parameter are known
    """Text that is not YAML, or a value of the wrong kind. Its text never quotes the value."""

    def __init__(self, text: str, *, line: int, hint: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.line = line
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping with the line (from 1) it stands on and its value's node."""

    name: str
    line: int
    node: yaml.Node


def line_of(node: yaml.Node) -> int:
    """Line of a node, from 1."""
    return int(node.start_mark.line) + 1


def compose(text: str) -> yaml.Node | None:
    """The one YAML document in ``text``, or None where there is only white space and comments.

    Raises:
        YamlProblem: Not YAML, or more than one document.
    """
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlProblem(
            f"this is not valid YAML{_told(error.problem)}",
            line=int(mark.line) + 1 if mark else 1,
            hint="Put text in double quotes, write one space after each colon, and indent with spaces, not tabs.",
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise YamlProblem("this line holds a character that YAML does not allow", line=line) from None
    except RecursionError:
        raise YamlProblem("the values are nested too deeply", line=1) from None


def entries(node: yaml.Node) -> list[Entry]:
    """The keys of a mapping in the order written.

    Raises:
        YamlProblem: Not a mapping, a key that is not a plain name, or a key that is there twice.
    """
    if not isinstance(node, yaml.MappingNode):
        raise YamlProblem("this is not a list of names and values", line=line_of(node), hint='Write: name: "value"')
    found: dict[str, Entry] = {}
    for key, value in node.value:
        line = line_of(key)
        if not isinstance(key, yaml.ScalarNode):
            raise YamlProblem("a name is not plain text", line=line)
        name = str(key.value)
        if name in found:
            raise YamlProblem(f"{name} is there twice, first in line {found[name].line}", line=line)
        found[name] = Entry(name, line, value)
    return list(found.values())


def scalars(node: yaml.Node) -> list[str]:
    """Every scalar below ``node`` as written, keys included, each node once (aliases may form a circle)."""
    texts: list[str] = []
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, yaml.ScalarNode):
            texts.append(str(current.value))
        elif isinstance(current, yaml.SequenceNode):
            waiting.extend(current.value)
        elif isinstance(current, yaml.MappingNode):
            for key, value in current.value:
                waiting.extend((key, value))
    return texts


def convert(node: yaml.Node, wanted: Any, lines: dict[Location, int], path: Location = ()) -> object:
    """The value of ``node`` as the annotation ``wanted`` has it; ``lines`` collects the line of every part.

    Raises:
        YamlProblem: The value is of another kind. Its text continues a sentence that begins with the parameter.
    """
    lines[path] = line_of(node)
    if get_origin(wanted) is list:
        return _items(node, get_args(wanted)[0], lines, path)
    if isinstance(wanted, type) and issubclass(wanted, BaseModel):
        kinds = {name: info.annotation for name, info in wanted.model_fields.items()}
        # A name that the nested model does not know is kept as text: the model refuses it by name.
        return {
            entry.name: convert(entry.node, kinds.get(entry.name, str), lines, (*path, entry.name))
            for entry in entries(node)
        }
    if not isinstance(node, yaml.ScalarNode):
        raise YamlProblem(f"must be {_words(wanted)}, not a list or mapping", line=line_of(node))
    return _scalar(node, wanted)


def _items(node: yaml.Node, wanted: Any, lines: dict[Location, int], path: Location) -> list[object]:
    if not isinstance(node, yaml.SequenceNode):
        raise YamlProblem(
            "must be a list", line=line_of(node), hint='Write a list as ["first", "second"], or [] for none.'
        )
    return [convert(item, wanted, lines, (*path, number)) for number, item in enumerate(node.value)]


def _scalar(node: yaml.ScalarNode, wanted: Any) -> object:
    text = str(node.value)
    line = line_of(node)
    if not str(node.tag).startswith(_STANDARD_TAGS):
        raise YamlProblem("has a YAML tag (a word after !)", line=line, hint="Put the value in quotes.")
    if wanted is int:
        if node.style is None and _INTEGER.fullmatch(text) and len(text) <= 18:
            return int(text)
        raise YamlProblem("must be a whole number without quotes", line=line, hint="Write for example 50.")
    if wanted is bool:
        if node.style is None and text in _BOOLEANS:
            return _BOOLEANS[text]
        raise YamlProblem("must be true or false without quotes", line=line)
    if node.style is None and not text:
        raise YamlProblem("has no value", line=line, hint='Write "" for an empty text.')
    if node.tag != _TEXT_TAG or (node.style is None and _ELSEWHERE_A_NUMBER.fullmatch(text)):
        raise YamlProblem("must be text, and YAML reads this as something else", line=line, hint="Put it in quotes.")
    return text


def _words(wanted: Any) -> str:
    if wanted is int:
        return "a whole number"
    if wanted is bool:
        return "true or false"
    return "one of " + ", ".join(get_args(wanted)) if get_origin(wanted) is Literal else "text"


def _told(problem: str | None) -> str:
    """PyYAML's own words, unless they quote the file: what they quote could be a secret."""
    if not problem or re.search(r"'[^'<]{2,}'|\"", problem):
        return ""
    return f" ({problem})"

"""Nodes of a parameters file as values of exactly the type that the model wants.

PyYAML's constructors turn ``no`` into False, ``0123`` into 83 and a date into an object, and silently keep the last of
two equal keys. Here nothing is guessed: the model says what a value is, and text that YAML could read as something
else has to be quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel

from runbook_lib.model.ids import is_guid
from runbook_lib.model.text import Text, t
from runbook_lib.parameters.yaml_tree import Branch, Scalar, YamlNode, YamlProblem

Location = tuple[str | int, ...]
"""Path to a value: the parameter, then list positions and nested names."""

PROSE = frozenset({"reason"})
"""Parameters, and names inside them, that hold sentences: line breaks and tabs are fine there."""
_MOST_ENTRIES = 1_000
"""Of a list of mappings; every part of every entry can be wrong."""
_TEXT_TAG = "tag:yaml.org,2002:str"
_STANDARD_TAGS = "tag:yaml.org,2002:"
_BRANCH_TAGS = ("", "!", f"{_STANDARD_TAGS}seq", f"{_STANDARD_TAGS}map")
_TAGGED = t("has a YAML tag (a word after !)")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_BOOLEANS: Mapping[str, bool] = {"true": True, "True": True, "false": False, "False": False}
# Plain scalars that PyYAML leaves as text but other YAML readers, papermill's -p among them, turn into something else.
_ELSEWHERE_NO_TEXT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|nan|inf|infinity|0o[0-7_]+)|y|n", re.IGNORECASE
)
# A comment after one of these cuts nothing off.


@dataclass(frozen=True, slots=True)
class YamlEntry:
    """One key of a mapping with the line (from 1) it stands on and its value's node."""

    name: str
    line: int
    node: YamlNode


def entries(node: YamlNode) -> list[YamlEntry]:
    """The keys of a mapping in the order written.

    Raises:
        YamlProblem: Not a mapping, a key that is not a plain name, or a key that is there twice.
    """
    if not isinstance(node, Branch) or node.keys is None:
        raise YamlProblem(t("this is not a list of names and values"), line=node.line, hint=t('Write: name: "value"'))
    found: dict[str, YamlEntry] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, Scalar):
            raise YamlProblem(t("a name is not plain text"), line=key.line)
        if key.text in found:
            raise YamlProblem(
                t("{key_text} is there twice, first in line {line}", key_text=key.text, line=found[key.text].line),
                line=key.line,
            )
        found[key.text] = YamlEntry(key.text, key.line, value)
    return list(found.values())


def convert(node: YamlNode, wanted: Any, lines: dict[Location, int], path: Location = (), name: str = "") -> object:
    """The value of ``node`` as the annotation ``wanted`` has it; ``lines`` collects the line of every part.

    Args:
        node: The node.
        wanted: The annotation.
        lines: Filled.
        path: Where the value stands below its parameter.
        name: Of the parameter, or of the part of one.

    Raises:
        YamlProblem: The value is of another kind. Its text continues a sentence that begins with the parameter.
    """
    try:
        return _converted(node, wanted, lines, path, name)
    except YamlProblem as problem:
        problem.part = problem.part or path
        raise


def _converted(node: YamlNode, wanted: Any, lines: dict[Location, int], path: Location, name: str) -> object:
    lines[path] = node.line
    if isinstance(node, Branch) and node.tag not in _BRANCH_TAGS:
        raise YamlProblem(_TAGGED, line=node.line, hint=t("Take it away."))
    if get_origin(wanted) is list:
        return _items(node, get_args(wanted)[0], lines, path)
    if isinstance(wanted, type) and issubclass(wanted, BaseModel):
        kinds = {known: info.annotation for known, info in wanted.model_fields.items()}
        # A name that the nested model does not know is kept as text: the model refuses it by name.
        return {
            entry.name: convert(entry.node, kinds.get(entry.name, str), lines, (*path, entry.name), entry.name)
            for entry in entries(node)
        }
    if not isinstance(node, Scalar):
        hint = t(
            "Put it in double quotes: without them a colon and a blank make a name and a value of it, and [ a list."
        )
        raise YamlProblem(
            t("must be {wanted}, not a list or mapping", wanted=_type_name(wanted)), line=node.line, hint=hint
        )
    return _scalar(node, wanted, prose=name in PROSE)


def _items(node: YamlNode, wanted: Any, lines: dict[Location, int], path: Location) -> list[object]:
    if not isinstance(node, Branch) or node.keys is not None:
        raise YamlProblem(
            t("must be a list"), line=node.line, hint=t('Write a list as ["first", "second"], or [] for none.')
        )
    if isinstance(wanted, type) and issubclass(wanted, BaseModel) and len(node.values) > _MOST_ENTRIES:
        raise YamlProblem(
            t(
                "has {values:,} entries, and {most_entries:,} are the most",
                values=len(node.values),
                most_entries=_MOST_ENTRIES,
            ),
            line=node.line,
        )
    return [convert(item, wanted, lines, (*path, number)) for number, item in enumerate(node.values)]


def _scalar(node: Scalar, wanted: Any, *, prose: bool) -> object:
    text, line, plain = node.text, node.line, node.plain
    if node.tag and not node.tag.startswith(_STANDARD_TAGS):
        raise YamlProblem(_TAGGED, line=line, hint=t("Put the value in quotes."))
    if wanted is int:
        if plain and _INTEGER.fullmatch(text) and len(text) <= 18:
            return int(text)
        raise YamlProblem(t("must be a whole number without quotes"), line=line, hint=t("Write for example 50."))
    if wanted is bool:
        if plain and text in _BOOLEANS:
            return _BOOLEANS[text]
        raise YamlProblem(t("must be true or false without quotes"), line=line)
    complete = plain and (get_origin(wanted) is Literal or is_guid(text))
    if node.wrong and not (complete and text):
        raise YamlProblem(node.wrong, line=line, hint=node.hint)
    if node.breaks and not prose:
        raise YamlProblem(node.breaks, line=line, hint=node.hint)
    if plain and not text:
        raise YamlProblem(t("has no value"), line=line, hint=t('Write "" for an empty text.'))
    if node.tag not in ("", _TEXT_TAG) or (plain and (_tag(text) != _TEXT_TAG or _ELSEWHERE_NO_TEXT.fullmatch(text))):
        raise YamlProblem(
            t("must be text, and YAML reads this as something else"), line=line, hint=t("Put it in quotes.")
        )
    return text


def _tag(text: str) -> str:
    """What YAML 1.1 takes a text without quotes for."""
    return str(_resolver().resolve(yaml.ScalarNode, text, (True, False)))


@cache
def _resolver() -> Any:
    return yaml.resolver.Resolver()


def _type_name(wanted: Any) -> Text:
    if wanted is int:
        return t("a whole number")
    if wanted is bool:
        return t("true or false")
    return t("one of {choices}", choices=", ".join(get_args(wanted))) if get_origin(wanted) is Literal else t("text")

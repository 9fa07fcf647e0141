"""Names that Microsoft Graph has, beyond the types that the rehearsal covers: what exists and is not imitated here."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from rehearsal.cloud.metadata import NAMES_IN_BETA, entity_sets, types

_FILE = Path(__file__).with_name("names.csv")
PROPERTY, SEGMENT, COLLECTION, CAST = "property", "segment", "collection", "cast"
"""Kinds of names: of a type's values, below one object, below a list, and of types to cast to."""


@cache
def _table() -> Mapping[tuple[str, str], tuple[frozenset[str], frozenset[str]]]:
    """By type and kind: the names in v1.0, and those that beta adds."""
    with _FILE.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {
            (row["type"], row["kind"]): (frozenset(row["v1.0"].split()), frozenset(row["beta"].split())) for row in rows
        }


@cache
def not_imitated(type_name: str, kind: str, version: str) -> frozenset[str]:
    """Names of a type that Graph has in this version and the covered metadata has not."""
    plain, more = _table().get((type_name, kind), (frozenset[str](), frozenset[str]()))
    return plain if version == "v1.0" else (plain | more) - NAMES_IN_BETA.keys()


@cache
def _type_at(template: str, version: str) -> str:
    """Name of the type that a path leads to; empty for the root, and where the metadata does not lead."""
    place = ""
    for step in [one for one in template.split("/") if one and one[0] != "{"]:
        declared = types(version).get(place)
        place = (declared.relations if declared is not None else entity_sets(version)).get(step, "")
    return place


def can_be(template: str, name: str, version: str) -> bool:
    """Whether what a path leads to can be cast to a type of this name, whatever its case."""
    place = _type_at(template, version)
    known = not_imitated(place, CAST, version) | {place}
    return name.casefold() in {one.casefold() for one in known if one}


@cache
def _below(template: str, version: str, *, in_list: bool) -> frozenset[str]:
    place = _type_at(template, version)
    if template and not place:
        return frozenset()
    if in_list:
        return frozenset(one.casefold() for one in not_imitated(place, COLLECTION, version))
    declared = types(version).get(place)
    own = (*declared.properties, *declared.relations) if declared is not None else ()
    more = not_imitated(place, SEGMENT, version) | not_imitated(place, PROPERTY, version)
    return frozenset(one.casefold() for one in (*own, *more, *(() if place else entity_sets(version))))


def exists_below(template: str, name: str, version: str, *, in_list: bool) -> bool:
    """Whether Graph has a segment of this name, whatever its case, below a path.

    Args:
        template: The path, ``groups/{id}``; a brace stands for a key.
        name: The segment without namespace and brackets.
        version: ``v1.0`` or ``beta``.
        in_list: Whether keys stand below the path, so that only the functions of a list are no key.
    """
    return name.casefold() in _below(template, version, in_list=in_list)

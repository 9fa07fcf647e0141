"""A kept reading across runs: as rows of a file of this account's, and back.

What a file holds serves only where it was written by this version of the product and has the form that the types have
now: a property that is decoded otherwise, or is new, would be missing in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import TypeAdapter, ValidationError

from runbook_lib.bulk import in_parts, many_values
from runbook_lib.graph.kept.delta import CannotGoOn, DeltaLinks
from runbook_lib.graph.kept.state import KeptReading
from runbook_lib.model.cloud import CloudGroup, CloudPrincipal
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.reading_file import NotKept, ReadingFile, Stored, StoredPart

_AT_ONCE = 5_000
"""Groups, lists of members, or people in one row of the file."""
_GROUPS, _MEMBERS, _PEOPLE = "groups", "members", "principals"
_Members = tuple[tuple[GroupId, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class _Head:
    """``KeptReading`` without groups, members and people."""

    form: str
    about: str
    links: DeltaLinks
    whole_at: datetime
    readings: int
    proof: tuple[str, ...]
    at: datetime
    run: str


class KeptBetweenRuns:
    """Keeps a reading in a file, for later runs, and in memory for the later readings of this one."""

    def __init__(self, file: ReadingFile) -> None:
        self._file = file
        self._kept: KeptReading | None = None
        self._looked = False

    def load(self) -> KeptReading | None:
        """What this run kept last, else what an earlier one did; None where there is nothing.

        Raises:
            CannotGoOn: The file does not serve.
        """
        if not self._looked:
            self._looked = True
            try:
                stored = self._file.load()
                self._kept = None if stored is None else _read(stored)
            except NotKept as why:
                raise CannotGoOn(why.why) from None
        return self._kept

    def keep(self, reading: KeptReading) -> Text:
        """Keep this reading in the place of the one before; why no later run will have it, empty where it will."""
        self._kept, self._looked = reading, True
        try:
            self._file.save(_head(reading), _parts(reading))
        except NotKept as why:
            return why.why
        return NOTHING

    def forget(self) -> None:
        """Keep nothing. A file that cannot be emptied is left: what it holds is as good as it was before."""
        self._kept, self._looked = None, True
        try:
            self._file.clear()
        except NotKept:
            return


@cache
def _adapters() -> dict[str, TypeAdapter[Any]]:
    types: dict[str, Any] = {
        _GROUPS: tuple[CloudGroup, ...],
        _MEMBERS: _Members,
        _PEOPLE: tuple[CloudPrincipal, ...],
        "head": _Head,
    }
    return {name: TypeAdapter(one) for name, one in types.items()}


@cache
def _form() -> str:
    """What the rows depend on besides their content, as a digest."""
    try:
        product = version("group-writeback-runbook")
    except PackageNotFoundError:
        product = ""
    schemas = {name: adapter.json_schema() for name, adapter in _adapters().items()}
    return hashlib.sha256(json.dumps([product, schemas], sort_keys=True).encode()).hexdigest()


def _head(kept: KeptReading) -> bytes:
    return _adapters()["head"].dump_json(
        _Head(_form(), kept.about, kept.links, kept.whole_at, kept.readings, kept.proof, kept.at, kept.run)
    )


def _parts(kept: KeptReading) -> Iterator[StoredPart]:
    values = {
        _GROUPS: kept.groups,
        _MEMBERS: tuple(kept.members.items()),
        _PEOPLE: tuple(kept.principals.values()),
    }
    for name, items in values.items():
        for some in in_parts(items, _AT_ONCE):
            yield name, _adapters()[name].dump_json(some)


@many_values()
def _read(stored: Stored) -> KeptReading:
    """The reading that the rows hold.

    Raises:
        CannotGoOn: They are of another version.
    """
    adapters = _adapters()
    found: dict[str, list[Any]] = {_GROUPS: [], _MEMBERS: [], _PEOPLE: []}
    try:
        head: _Head = adapters["head"].validate_json(stored.head, strict=True)
        if head.form != _form():
            raise CannotGoOn(t("the reading that is kept was written by another version of this program"))
        for name, content in stored.parts:
            found[name].extend(adapters[name].validate_json(content, strict=True))
    except (ValidationError, KeyError):
        raise CannotGoOn(t("the reading that is kept was written by another version of this program")) from None
    principals: dict[str, CloudPrincipal] = {one.id: one for one in found[_PEOPLE]}
    # One text for each id, as when they were read, however many groups somebody is in.
    one_text = {key: key for key in principals}
    return KeptReading(
        about=head.about,
        links=head.links,
        whole_at=head.whole_at,
        readings=head.readings,
        proof=head.proof,
        groups=tuple(found[_GROUPS]),
        members={group: tuple(one_text.get(key, key) for key in ids) for group, ids in found[_MEMBERS]},
        principals=principals,
        at=head.at,
        run=head.run,
    )

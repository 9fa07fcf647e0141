"""What refers to groups: the back links that this forest's schema gives them, Exchange's among them.

A link attribute (even linkID) names objects, and the one with the next number shows on each of these who names it
(MS-ADTS 3.1.1.1.6). So one search below the OU of the groups answers who holds them, in whatever attribute, and no
search of the domain by an attribute without an index is made. Which links there are, the schema says: a forest that
Exchange never extended has none of Exchange's.

A controller shows the back links of objects that it holds: holders in other domains of the forest are not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import Entry, all_of, equals, present
from runbook_lib.model.ids import ObjectGuid


@dataclass(frozen=True, slots=True)
class LinkHolder:
    """An object that names another one in an attribute.

    Attributes:
        attribute: LDAP display name of the link, as the schema spells it: ``member``, ``managedBy`` …
        dn: Of the object that has it.
    """

    attribute: str
    dn: str


@dataclass(frozen=True, slots=True)
class SchemaLinks:
    """The links of a schema.

    Attributes:
        forward: Back link to the link that it belongs to.
        one_way: SchemaLinks without a back link: who names an object in one of them cannot be asked of that object.
    """

    forward: Mapping[str, str]
    one_way: frozenset[str]


def read_links(directory: Directory) -> SchemaLinks:
    """The links of this forest's schema, those left out that were made defunct.

    Raises:
        RunbookError: The schema cannot be read.
    """
    numbered: dict[int, str] = {}
    found = directory.search(
        directory.controller.schema_naming_context,
        all_of(equals("objectClass", "attributeSchema"), present("linkID")),
        ("lDAPDisplayName", "linkID", "isDefunct"),
        scope="one",
    )
    for entry in found:
        number, name = entry.integer("linkID"), entry.text("lDAPDisplayName")
        if number and name and not entry.truth("isDefunct"):
            numbered[number] = name
    back = {name: numbered[number - 1] for number, name in numbered.items() if number % 2 and number - 1 in numbered}
    forward = {name for number, name in numbered.items() if number % 2 == 0}
    return SchemaLinks(dict(sorted(back.items())), frozenset(forward - set(back.values())))


def read_holders(
    directory: Directory, ou: str, guids: Iterable[ObjectGuid], links: SchemaLinks
) -> dict[ObjectGuid, tuple[LinkHolder, ...]]:
    """Who names some groups: GUID of each that anybody names, to whoever does, sorted.

    Args:
        directory: An open connection.
        ou: DN of the OU below which most of them stand: one search reads all of it. The others are read one by one.
        guids: The groups.
        links: Of ``read_links``.

    Raises:
        RunbookError: AD cannot be read.
    """
    asked = ("objectGUID", *links.forward)
    wanted = set(guids)

    def held(entry: Entry) -> tuple[ObjectGuid, tuple[LinkHolder, ...]]:
        return entry.guid, tuple(sorted(_holders(entry, links), key=lambda one: (one.attribute, one.dn)))

    read = dict(directory.collect(ou, equals("objectClass", "group"), asked, held))
    for guid in sorted(wanted - read.keys()):
        entry = directory.read(guid, asked)
        if entry is not None:
            read[guid] = held(entry)[1]
    return {guid: found for guid, found in read.items() if found and guid in wanted}


def _holders(entry: Entry, links: SchemaLinks) -> Iterator[LinkHolder]:
    for back, forward in links.forward.items():
        for dn in entry.texts(back):
            yield LinkHolder(forward, dn)

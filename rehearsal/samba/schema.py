"""The schema that Windows Server 2016 and Exchange add, as LDIF for a Samba AD DC.

Identifiers come from the embedded directory's data files (``rehearsal/directory/data``), which name their source row by
row, so that both directories that the tests run against have the same schema.
"""

from __future__ import annotations

import base64
import csv
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "directory" / "data"
WINDOWS_2016_ATTRIBUTES = ("msDS-ExternalDirectoryObjectId",)
"""Samba provisions the schema of Windows Server 2012 R2; the runbook also reads these."""
SCHEMA_VERSION_ATTRIBUTE = "ms-Exch-Schema-Version-Pt"
EXCHANGE_SCHEMA_VERSION = 17003
"""rangeUpper of ms-Exch-Schema-Version-Pt in Exchange Server 2019 CU10 and later (Microsoft Learn, "Active Directory
schema changes in Exchange Server")."""

_OM_OBJECT_CLASS = {"2.5.5.1": "KwwCh3McAIVK", "2.5.5.7": "VgYBAgULHQ=="}
"""oMObjectClass of the object syntaxes DN and OR name ([MS-ADTS] 3.1.1.2.2.2), base64 of the BER-encoded OID."""

_READABLE = "D:(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;DA)(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;SY)(A;;RPLCLORC;;;AU)"
"""defaultSecurityDescriptor as most of AD's own classes have it: every account may read."""

Row = dict[str, str]


def rows(name: str) -> list[Row]:
    """Rows of one data file; its leading comment lines are skipped."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def schema_ldif(schema_nc: str, windows: Sequence[str] = WINDOWS_2016_ATTRIBUTES) -> str:
    """Everything that the lab's schema lacks, ``windows`` among it, in the order in which the DC must see it.

    Attributes first, then classes with their superclasses before them, then what a group may carry; after each step the
    DC is told to read its schema anew (``schemaUpdateNow`` of the root DSE).
    """
    of_windows = [row for row in rows("attributes.csv") if row["lDAPDisplayName"] in windows]
    attributes = [*of_windows, *rows("exchange-attributes.csv")]
    classes = rows("exchange-classes.csv")
    of_classes = {name for row in classes for name in row["mayContain"].split()}
    # Back links belong to no class by name.
    names = [row["lDAPDisplayName"] for row in attributes if int(row["linkID"] or 0) % 2 == 0]
    for_groups = sorted(name for name in names if name not in of_classes)
    steps = [
        *(_attribute(row, schema_nc) for row in attributes),
        _REFRESH,
        *(_class(row, schema_nc) for row in _superclasses_first(classes)),
        _REFRESH,
        _entry(f"CN=Group,{schema_nc}", "modify", [("add", "mayContain"), *(("mayContain", n) for n in for_groups)]),
        _REFRESH,
    ]
    return "\n".join(steps)


def _entry(dn: str, change: str, lines: Iterable[tuple[str, str]]) -> str:
    """One LDIF change record; empty values are left out, a name that ends in a colon has a base64 value."""
    body = "".join(f"{name}: {value}\n" for name, value in lines if value != "")
    return f"dn: {dn}\nchangetype: {change}\n{body}"


_REFRESH = "dn:\nchangetype: modify\nadd: schemaUpdateNow\nschemaUpdateNow: 1\n"


def _guid(text: str) -> str:
    """A GUID as AD stores it: 16 bytes, the first three fields little-endian, base64 for LDIF."""
    return base64.b64encode(uuid.UUID(text).bytes_le).decode("ascii")


def _oid(oid: str, guid: str) -> str:
    """``oid``, or one made from ``guid`` where an arc is too long for Samba, which holds arcs in 32 bits.

    Made the way Microsoft's script does it (Microsoft Learn, "Obtaining an Object Identifier from Microsoft").
    """
    if all(int(arc) < 2**32 for arc in oid.split(".")):
        return oid
    parts = (guid[0:4], guid[4:8], guid[9:13], guid[14:18], guid[19:23], guid[24:30], guid[30:36])
    return ".".join(["1.2.840.113556.1.8000.2554", *(str(int(part, 16)) for part in parts)])


def _attribute(row: Row, schema_nc: str) -> str:
    upper = str(EXCHANGE_SCHEMA_VERSION) if row["cn"] == SCHEMA_VERSION_ATTRIBUTE else row["rangeUpper"]
    return _entry(
        f"CN={row['cn']},{schema_nc}",
        "add",
        [
            ("objectClass", "attributeSchema"),
            ("lDAPDisplayName", row["lDAPDisplayName"]),
            ("attributeID", _oid(row["attributeID"], row["schemaIDGUID"])),
            ("attributeSyntax", row["attributeSyntax"]),
            ("oMSyntax", row["oMSyntax"]),
            ("oMObjectClass:", _OM_OBJECT_CLASS.get(row["attributeSyntax"], "")),
            ("isSingleValued", row["isSingleValued"]),
            ("schemaIDGUID:", _guid(row["schemaIDGUID"])),
            ("rangeLower", row["rangeLower"]),
            ("rangeUpper", upper),
            ("searchFlags", row["searchFlags"]),
            ("linkID", row["linkID"]),
        ],
    )


def _class(row: Row, schema_nc: str) -> str:
    # The published rows name no superiors; the lab's objects all lie below containers.
    superiors = ["container", "domainDNS"] if row["objectClassCategory"] == "1" else []
    return _entry(
        f"CN={row['cn']},{schema_nc}",
        "add",
        [
            ("objectClass", "classSchema"),
            ("lDAPDisplayName", row["lDAPDisplayName"]),
            ("governsID", _oid(row["governsID"], row["schemaIDGUID"])),
            ("subClassOf", row["subClassOf"]),
            ("objectClassCategory", row["objectClassCategory"]),
            ("rDNAttID", "cn"),
            ("schemaIDGUID:", _guid(row["schemaIDGUID"])),
            ("defaultSecurityDescriptor", _READABLE if superiors else ""),
            *(("possSuperiors", name) for name in superiors),
            *(("mayContain", name) for name in row["mayContain"].split()),
        ],
    )


def _superclasses_first(classes: list[Row]) -> Iterator[Row]:
    """The classes ordered so that each follows its superclass; superclasses outside the list exist already."""
    waiting = {row["lDAPDisplayName"]: row for row in classes}
    while waiting:
        ready = [name for name, row in waiting.items() if row["subClassOf"] not in waiting]
        if not ready:
            raise ValueError(f"classes inherit from each other in a circle: {sorted(waiting)}")
        for name in ready:
            yield waiting.pop(name)

"""The schema in the form of RFC 4512, section 4.2, which generic LDAP clients read at CN=Aggregate."""

from __future__ import annotations

from rehearsal.directory.schema import Attribute, ObjectClass, Schema

_STANDARD = "1.3.6.1.4.1.1466.115.121.1."
_SYNTAXES = {
    "2.5.5.1": _STANDARD + "12",
    "2.5.5.2": _STANDARD + "38",
    "2.5.5.3": "1.2.840.113556.1.4.1362",
    "2.5.5.4": "1.2.840.113556.1.4.905",
    "2.5.5.5": _STANDARD + "26",
    "2.5.5.6": _STANDARD + "36",
    "2.5.5.7": "1.2.840.113556.1.4.903",
    "2.5.5.8": _STANDARD + "7",
    "2.5.5.9": _STANDARD + "27",
    "2.5.5.10": _STANDARD + "40",
    "2.5.5.11": _STANDARD + "24",
    "2.5.5.12": _STANDARD + "15",
    "2.5.5.14": "1.2.840.113556.1.4.904",
    "2.5.5.15": "1.2.840.113556.1.4.907",
    "2.5.5.16": "1.2.840.113556.1.4.906",
    "2.5.5.17": _STANDARD + "40",
}
_KINDS = {0: "STRUCTURAL", 1: "STRUCTURAL", 2: "ABSTRACT", 3: "AUXILIARY"}


def attribute_types(schema: Schema) -> list[bytes]:
    """One description for every attribute."""
    return [_attribute_type(item).encode("ascii") for item in schema.attributes]


def object_classes(schema: Schema) -> list[bytes]:
    """One description for every class."""
    return [_object_class(item).encode("ascii") for item in schema.classes]


def _attribute_type(item: Attribute) -> str:
    single = " SINGLE-VALUE" if item.single else ""
    fixed = " NO-USER-MODIFICATION" if item.system_only else ""
    syntax = _SYNTAXES.get(item.syntax, _STANDARD + "15")
    return f"( {item.row['attributeID']} NAME '{item.name}' SYNTAX '{syntax}'{single}{fixed} )"


def _object_class(item: ObjectClass) -> str:
    must = f" MUST ({' $ '.join(item.must)} )" if item.must else ""
    may = f" MAY ({' $ '.join(item.may)} )" if item.may else ""
    parent = f" SUP {item.parent}" if item.name != "top" else ""
    return f"( {item.row['governsID']} NAME '{item.name}'{parent} {_KINDS[item.category]}{must}{may} )"

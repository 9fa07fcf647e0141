"""Everything that explains the parameters, generated from the model: cells, example file, table, JSON Schema.

``COMMENTS`` and ``USED`` are the one place that says which notebook uses which parameter; a test reads over real runs
what their steps look at, and another holds the cells to it.
"""

from __future__ import annotations

import difflib
import json
import textwrap
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from runbook_lib.parameters.model import Parameters

SECTIONS: tuple[tuple[str, str], ...] = (
    ("The change", "change_id"),
    ("Microsoft Entra ID", "tenant_id"),
    ("Active Directory", "dc_host"),
    ("Which groups", "select_ids"),
    ("How a group looks in AD", "group_type"),
    ("Other writers, findings", "attest_connect_v1_off_by"),
    ("Cloud Sync", "cloud_sync_ou_expression"),
    ("Pre-flight", "check_routes"),
    ("Limits of one plan", "max_creates"),
    ("Undo", "undo_record"),
)
"""Title of each part of the model and the field it begins with; a test keeps it in step with model.py."""


@dataclass(frozen=True, slots=True)
class ParameterField:
    """One parameter.

    Attributes:
        kind: ``str``, ``int``, ``bool`` or ``list``.
        section: Title of its part, for the first field of a part; else empty.
        choices: The only values allowed (of the items, for a list), or empty; the default "" is not among them.
        minimum: Smallest number allowed, or None.
        maximum: Largest number allowed, or None.
    """

    name: str
    kind: str
    default: object
    description: str
    section: str = ""
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None


@cache
def parameter_fields() -> tuple[ParameterField, ...]:
    """Every parameter, in the model's order."""
    sections = {first: title for title, first in SECTIONS}
    return tuple(_field(name, info, sections.get(name, "")) for name, info in Parameters.model_fields.items())


def known_names() -> tuple[str, ...]:
    """Names of all parameters, in the model's order."""
    return tuple(Parameters.model_fields)


def nearest_name(name: str) -> str | None:
    """The known parameter that ``name`` probably means, or None."""
    found = difflib.get_close_matches(name.casefold().replace("-", "_"), known_names(), n=1, cutoff=0.6)
    return found[0] if found else None


def _field(name: str, info: FieldInfo, section: str) -> ParameterField:
    kind, choices = _kind(info.annotation)
    return ParameterField(
        name=name,
        kind=kind,
        default=info.default,
        description=info.description or "",
        section=section,
        choices=choices,
        minimum=next((int(str(m.ge)) for m in info.metadata if isinstance(m, Ge)), None),
        maximum=next((int(str(m.le)) for m in info.metadata if isinstance(m, Le)), None),
    )


def _kind(annotation: Any) -> tuple[str, tuple[str, ...]]:
    """Simple kind and allowed values of a field's annotation."""
    if get_origin(annotation) is Literal:
        return "str", tuple(choice for choice in get_args(annotation) if choice != "")
    if get_origin(annotation) is list:
        return "list", _kind(get_args(annotation)[0])[1]
    return (annotation.__name__ if annotation in (str, int, bool) else "mapping"), ()


_WIDTH = 116
_EXAMPLES: dict[str, object] = {
    "change_id": "CHG0012345",
    "reason": "Write the project groups back for the file servers",
    "tenant_id": "11111111-2222-3333-4444-555555555555",
    "client_id": "66666666-7777-8888-9999-aaaaaaaaaaaa",
    "certificate_file": "~/gwb/client.pem",
    "dc_host": "dc01.contoso.com",
    "bind_user": "svc-gwb@contoso.com",
    "target_ou": "OU=Cloud Groups,DC=contoso,DC=com",
    "retired_ou": "OU=Retired Cloud Groups,DC=contoso,DC=com",
    "select_names": ["Project *"],
    "group_type": "security",
}
"""Values for what has no useful default; everything else stands in the file as a comment with its default."""

_ACKNOWLEDGE_EXAMPLE = (
    "# acknowledge:",
    '#   - finding: "other-writers-unknown"',
    '#     by: "Name of the person"',
    '#     reason: "Why it is acceptable"',
    '#     until: "2027-01-31"',
)

_HEADER = """\
# Every parameter of the runbook. Generated from runbook_lib/parameters/model.py: copy this file, edit the copy.
#
# Text goes in double quotes. Paths resolve against the project's root. Dates are "YYYY-MM-DD".
# A line that begins with "# name:" shows the default; take the # away to change it.
# No secret belongs here: passwords and client secrets come from the environment or from a file that only its owner
# can read.
#
#   gwb parameters --check FILE        says what is wrong with a file
#   gwb run 20-inventory-groups -f FILE
"""


def example_yaml() -> str:
    """Text of ``parameters/example.yaml``: every parameter, explained, with a final line break."""
    blocks = [_HEADER]
    for field in parameter_fields():
        if field.section:
            blocks.append(f"\n# {'-' * 8} {field.section} {'-' * (90 - len(field.section))}\n")
        blocks.append("\n" + "\n".join(_example_lines(field)) + "\n")
    return "".join(blocks)


def reference_table_markdown() -> str:
    """The parameters as Markdown tables, one per part, with a final line break."""
    lines: list[str] = []
    for field in parameter_fields():
        if field.section:
            lines += [
                "",
                f"### {field.section}",
                "",
                "| parameter | type | default | meaning |",
                "| --- | --- | --- | --- |",
            ]
        default = f"`{_scalar(field.default)}`"
        cells = (f"`{field.name}`", _kind_words(field), default, field.description)
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join(lines[1:]) + "\n"


def json_schema() -> dict[str, object]:
    """JSON Schema (2020-12) of a parameters file."""
    schema: dict[str, object] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Parameters.model_json_schema(),
    }
    schema["title"] = "Parameters of the group-writeback runbook"
    return schema


def _example_lines(field: ParameterField) -> list[str]:
    explained = textwrap.wrap(f"{field.description} [{_kind_words(field)}]", _WIDTH)
    lines = [f"## {line}" for line in explained]
    if field.name == "acknowledge":
        return [*lines, *_ACKNOWLEDGE_EXAMPLE]
    if field.name in _EXAMPLES:
        return [*lines, f"{field.name}: {_scalar(_EXAMPLES[field.name])}"]
    return [*lines, f"# {field.name}: {_scalar(field.default)}"]


def _kind_words(field: ParameterField) -> str:
    """Type, choices and bounds in words."""
    words = {"str": "text", "int": "whole number", "bool": "true or false", "list": "list"}[field.kind]
    if field.choices:
        one_of = " or ".join(field.choices)
        return f"list of {one_of}" if field.kind == "list" else one_of
    if field.minimum is not None and field.maximum is not None:
        return f"{words}, {field.minimum} to {field.maximum}"
    return f"{words}, {field.minimum} or more" if field.minimum is not None else words


def _scalar(value: object) -> str:
    """A value as quoted YAML, which JSON is too."""
    return json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    """Text inside a Markdown table cell."""
    escaped = text if text.startswith("`") else text.replace("<", "&lt;").replace("*", "\\*")
    return escaped.replace("|", "\\|")


PARAMETERS_FILE = "parameters_file"
"""The one name in the cell that is no parameter: it names the file that holds them."""

COMMENTS = {
    PARAMETERS_FILE: "The file that gives the values, if GWB_PARAMETERS does not name it.",
    "change_id": "The change has this identifier, and its record folder this name, for example CHG0012345.",
    "reason": "The record says with these words why the change is made.",
    "records_dir": "The change records are kept in this folder.",
    "records_access": "The owner, the group or everyone may read the records.",
    "approvers": "Only these may approve: names, account:NAME or group:NAME; empty lets anybody.",
    "route": "The groups get to AD on this route: direct, cloud-sync or connect-sync.",
    "tenant_id": "The tenant has this id, a GUID.",
    "client_id": "The app registration has this application (client) id, a GUID.",
    "sign_in": "The run signs in with a certificate, a secret or a device-code.",
    "sign_in_cache": "Tokens of a device-code are kept nowhere (none) or encrypted.",
    "certificate_file": "This PEM file holds the certificate and its private key.",
    "cloud": "The tenant is in this Microsoft cloud; parameters/example.yaml lists all four.",
    "graph_url": "Microsoft Graph has this address; empty takes that of the cloud.",
    "authority_url": "Sign-in has this address; empty takes that of the cloud.",
    "cloud_ca_file": "Graph and sign-in are trusted by this CA file; empty takes the public CAs.",
    "cloud_timeout": "One answer of Graph or sign-in may take this many seconds.",
    "dc_host": "All is read from and written to this domain controller, named as in its certificate.",
    "dc_host_fallback": "This one takes its place while nothing is written.",
    "dc_security": "TLS begins at once (ldaps) or with StartTLS (starttls).",
    "dc_port": "LDAP listens on this port; 0 takes 636 for ldaps and 389 for starttls.",
    "dc_ca_file": "The domain controller is trusted by this CA file; empty takes the system's CAs.",
    "dc_timeout": "One LDAP answer may take this many seconds.",
    "bind_method": "The account signs in to AD with a password or with kerberos.",
    "bind_user": "This account reads and writes AD: a user principal name or a DN.",
    "bind_password_file": "This file holds its password; empty takes GWB_BIND_PASSWORD.",
    "kerberos_keytab": "This file holds its Kerberos keys; empty takes the ticket cache.",
    "target_ou": "Written groups stand in the OU with this DN.",
    "retired_ou": "Retired groups stand in the OU with this DN.",
    "protected_ous": "Nothing may be written to the OUs with these DNs.",
    "select_ids": "The groups with these ids are written.",
    "select_names": "The groups with these display names are written; * and ? are wildcards.",
    "select_kinds": "A name picks groups of these kinds alone: microsoft-365, security.",
    "disable_ids": "The groups with these ids are disabled by 40-disable-writeback alone.",
    "disable_names": "The groups with these display names are disabled by 40-disable-writeback alone.",
    "group_type": "Written groups are for rights (security) or a list of members (distribution).",
    "rdn_style": "An object is called after its display-name or its id.",
    "sam_account_name_pattern": "It has this sAMAccountName; {id12} ends the id, {id} is all.",
    "allow_dynamic_security": "A group with dynamic membership may become a security group.",
    "allow_role_assignable": "Role-assignable groups may be written.",
    "allow_hidden_membership": "Groups that hide their members may be written.",
    "disable_by": "A group is disabled with retire, or with delete of its AD object.",
    "empty_on_retire": "A group that is retired loses its members.",
    "attest_connect_v1_off_by": "This person attests that Connect writeback v1 is off.",
    "attest_connect_v1_off_until": "That attestation counts until this day (YYYY-MM-DD).",
    "acknowledge": "These findings are accepted, each with finding, by, reason and until.",
    "cloud_sync_ou_expression": "Cloud Sync puts each group where this expression says; empty takes target_ou.",
    "cloud_sync_cn_expression": "Cloud Sync names each group as this expression says; empty changes nothing.",
    "cloud_sync_account_name_expression": "Account names are what this expression says; empty changes nothing.",
    "cloud_sync_notify": "Cloud Sync writes to this address when its job stops; empty changes nothing.",
    "cloud_sync_delete_threshold": "This many deletions in one run stop the job; 0 changes nothing.",
    "cloud_sync_pilot": "The group with this id is tried first; empty tries none.",
    "cloud_sync_on_premises_users": "Membership of on-premises users is on, off or unknown.",
    "cloud_sync_wait": "AD is watched for this many minutes until it is as predicted.",
    "cloud_sync_disable": "Disabling takes the named groups out of scope, or pauses the job (pause).",
    "check_routes": "The verdicts on these routes decide how the run ends.",
    "groups_domain": "The groups have this mail domain; empty takes it from their addresses.",
    "dns_servers": "These DNS servers are asked; empty takes those of this machine.",
    "dns_timeout": "One DNS answer may take this many seconds.",
    "max_creates": "One plan may create this many groups.",
    "max_retirements": "One plan may retire this many groups.",
    "max_deletions": "One plan may delete this many groups.",
    "max_member_removals": "One plan may remove this many members in all.",
    "max_member_removals_per_group": "One plan may remove this many members of a group.",
    "max_member_removals_percent": "One plan may remove this share of a group's members.",
    "reading_max_age": "A write may follow its reading by this many minutes.",
    "undo_record": "The run with this record folder is undone.",
}
"""One whole sentence for each name; the model's description says all there is to say."""

_ALL = (
    *("change_id", "reason", "records_dir", "records_access"),
    *("tenant_id", "client_id", "sign_in", "sign_in_cache", "certificate_file"),
    *("cloud", "graph_url", "authority_url", "cloud_ca_file", "cloud_timeout"),
    *("dc_host", "dc_host_fallback", "dc_security", "dc_port", "dc_ca_file", "dc_timeout"),
    *("bind_method", "bind_user", "bind_password_file", "kerberos_keytab", "target_ou", "retired_ou"),
)
_SELECTION = ("select_ids", "select_names", "select_kinds")
_DISABLED = ("disable_ids", "disable_names")
_NAMES = ("rdn_style", "sam_account_name_pattern")
_ALLOWED = ("allow_dynamic_security", "allow_role_assignable", "allow_hidden_membership")
_ATTESTED = ("attest_connect_v1_off_by", "attest_connect_v1_off_until")
_READING = (*_NAMES, *_ATTESTED)
_WRITING = (
    *("approvers", "route", "protected_ous", "acknowledge", "reading_max_age"),
    *("max_creates", "max_retirements", "max_deletions"),
    *("max_member_removals", "max_member_removals_per_group", "max_member_removals_percent"),
)
_OUT = ("disable_by", "empty_on_retire")
_ENABLED_BY_CLOUD_SYNC = ("cloud_sync_notify", "cloud_sync_delete_threshold", "cloud_sync_pilot", "cloud_sync_wait")
_PREDICTED = ("cloud_sync_on_premises_users",)
_EXPRESSIONS = ("cloud_sync_ou_expression", "cloud_sync_cn_expression", "cloud_sync_account_name_expression")
_PREFLIGHT = ("check_routes", "groups_domain", "dns_servers", "dns_timeout")

USED: dict[str, frozenset[str]] = {
    "00-start-here": frozenset(_ALL),
    "10-detect-exchange": frozenset(
        (*_ALL, *_READING, *_SELECTION, *_PREFLIGHT, "protected_ous", "disable_by", "acknowledge")
    ),
    "20-inventory-groups": frozenset((*_ALL, *_READING)),
    "30-enable-writeback": frozenset(
        (
            *(*_ALL, *_READING, *_WRITING, *_SELECTION, *_DISABLED, *_ALLOWED, *_EXPRESSIONS),
            *(*_PREDICTED, *_ENABLED_BY_CLOUD_SYNC, "group_type"),
        ),
    ),
    "40-disable-writeback": frozenset(
        (*_ALL, *_READING, *_WRITING, *_DISABLED, *_OUT, *_PREDICTED, "cloud_sync_disable"),
    ),
    "50-check-drift": frozenset((*_ALL, *_READING, *_ALLOWED, "protected_ous", "group_type")),
    "60-undo-change": frozenset((*_ALL, *_READING, *_WRITING, *_OUT, *_PREDICTED, "undo_record")),
}
"""Notebook to the names of the parameters that its steps look at."""

_CELL_HEADER = (
    "# What this notebook uses, with harmless defaults. The values come from a parameters file;",
    "# parameters/example.yaml explains every parameter. Do not edit this cell.",
)


def parameters_cell(notebook: str = "") -> str:
    """Source of a notebook's parameters cell, without a final line break; of a notebook of another name all of them.

    Each line is at most 120 characters, as ruff formats it.
    """
    used = USED.get(notebook)
    lines = [*_CELL_HEADER, "", f'{PARAMETERS_FILE}: str = ""  # {COMMENTS[PARAMETERS_FILE]}']
    section = ""
    for field in parameter_fields():
        section = field.section or section
        if used is not None and field.name not in used:
            continue
        if section:
            lines += ["", f"# {section}"]
            section = ""
        lines.append(_line(field))
    return "\n".join(lines)


def _line(field: ParameterField) -> str:
    return f"{field.name}: {field.kind} = {_literal(field.default)}  # {COMMENTS[field.name]}"


def _literal(default: object) -> str:
    """A literal as ruff formats it: JSON's double quotes, Python's True and False."""
    return str(default) if isinstance(default, bool) else json.dumps(default, ensure_ascii=False)

"""The target OU and the retired OU: whether they exist, what they are, whether anything may be written there."""

from __future__ import annotations

from runbook_lib.directory.connection import Directory
from runbook_lib.model.directory import Container
from runbook_lib.model.dn import normalize_dn, validate_dn


def read_container(directory: Directory, dn: str, *, parameter: str, critical: frozenset[str]) -> Container:
    """The container of this DN; an empty DN is a container that does not exist.

    Args:
        dn: As the parameters have it. The result has the directory's spelling.
        parameter: Which parameter it comes from, for the error.
        critical: What ``critical_names`` returned.

    Raises:
        UsageError: ``malformed-dn``.
    """
    if not dn.strip():
        return Container(dn="", exists=False)
    wanted = validate_dn(dn, parameter=parameter)
    entry = directory.read_dn(wanted, ("objectGUID", "objectClass", "isCriticalSystemObject"))
    if entry is None:
        return Container(dn=wanted, exists=False)
    return Container(
        dn=entry.dn,
        exists=True,
        guid=entry.guid,
        object_classes=entry.texts("objectClass"),
        is_critical=entry.truth("isCriticalSystemObject") or normalize_dn(entry.dn) in critical,
    )


def critical_names(directory: Directory) -> frozenset[str]:
    """Comparable keys of the naming context roots and of the domain's well-known containers (CN=Users and others)."""
    dc = directory.controller
    roots = (
        dc.default_naming_context,
        dc.configuration_naming_context,
        dc.schema_naming_context,
        dc.root_domain_naming_context,
        *dc.other_domains,
    )
    head = directory.read_dn(dc.default_naming_context, ("wellKnownObjects", "otherWellKnownObjects"))
    values = (*head.texts("wellKnownObjects"), *head.texts("otherWellKnownObjects")) if head else ()
    return frozenset(normalize_dn(dn) for dn in (*roots, *map(_dn_of_binary, values)) if dn)


def _dn_of_binary(value: str) -> str:
    """The DN inside a DN-Binary value, ``B:32:<32 hexadecimal digits>:CN=Users,DC=…`` (MS-ADTS 3.1.1.3.1.1.4)."""
    parts = value.split(":", 3)
    return parts[3] if len(parts) == 4 and parts[0] == "B" else ""

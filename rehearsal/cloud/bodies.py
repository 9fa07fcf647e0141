"""Bodies of requests: JSON, and whether its values fit the metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import unquote, urlsplit

from rehearsal.cloud.errors import bad_request, not_covered
from rehearsal.cloud.messages import GraphRequest
from rehearsal.cloud.metadata import MetadataType, Property, types

_REFERENCE = re.compile(
    r"(?:directoryObjects|users|groups|devices|contacts|servicePrincipals)(?:/|\(')([^/']+)(?:'\))?", re.IGNORECASE
)
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def json_body(request: GraphRequest, declared: MetadataType | None = None, *, empty: bool = False) -> dict[str, object]:
    """The JSON object that a request carries; ``empty`` allows none.

    Names of what is ``declared`` come in Microsoft's spelling, whatever their case in the request.

    Raises:
        GraphError: 400.
    """
    if not request.body.strip():
        if empty:
            return {}
        raise bad_request("Empty Payload. JSON content expected.", "BadRequest")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if not kind:
        raise bad_request(
            "Write requests (excluding DELETE) must contain the Content-Type header declaration.", "BadRequest"
        )
    if kind != "application/json":
        raise bad_request("A valid entity body with the Content-Type application/json is expected.", "BadRequest")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise _unreadable() from None
    if not isinstance(body, dict):
        raise _unreadable()
    return _spelled(body, declared, request.version)


def _spelled(body: Mapping[str, object], declared: MetadataType | None, version: str) -> dict[str, object]:
    spelled: dict[str, object] = {}
    for written, value in body.items():
        plain, at, annotation = written.partition("@")
        name = f"{declared.spelled(plain) if declared is not None else plain}{at}{annotation.lower()}"
        if name in spelled:
            raise bad_request(f"The property '{name}' was specified more than once.", "BadRequest")
        found = declared.properties.get(name) if declared is not None else None
        inner = types(version).get(found.type) if found is not None else None
        spelled[name] = value if inner is None else _spelled_value(value, inner, version)
    return spelled


def _spelled_value(value: object, declared: MetadataType, version: str) -> object:
    if isinstance(value, list):
        return [_spelled_value(one, declared, version) for one in value]
    return _spelled(value, declared, version) if isinstance(value, dict) else value


def _unreadable() -> Exception:
    return bad_request(
        "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON "
        "format.",
        "BadRequest",
    )


def check_values(
    body: Mapping[str, object], declared: MetadataType, version: str, *, not_known: frozenset[str] = frozenset()
) -> None:
    """Every property is one of the type and every value fits it.

    Args:
        body: Properties and values.
        declared: The type.
        version: ``v1.0`` or ``beta``.
        not_known: Properties of the type that the rehearsal does not cover.

    Raises:
        GraphError: 400, or 501.
    """
    for name, value in body.items():
        if name == "@odata.type":
            continue
        found = declared.properties.get(name)
        if found is None and name in not_known:
            raise not_covered(f"the property '{name}'")
        if found is None:
            raise bad_request(
                f"The property '{name}' does not exist on type 'microsoft.graph.{declared.name}'. "
                "Make sure to only use property names that are defined by the type.",
                "BadRequest",
            )
        if not fits(found, value, version):
            raise bad_request(
                f"Cannot convert a value to target type '{found.type}' because of conflict between input format "
                f"string/number and parameter 'IEEE754Compatible' false/true (property '{name}')."
                if found.type.startswith("Edm.")
                else f"A value of the property '{name}' is not valid for its type '{found.type}'.",
                "BadRequest",
            )


def fits(found: Property, value: object, version: str) -> bool:
    """Whether a JSON value is one that the metadata allows for a property."""
    if found.collection:
        return isinstance(value, list) and all(_fits_one(found, one, version) for one in value)
    return found.nullable if value is None else _fits_one(found, value, version)


def _fits_one(found: Property, value: object, version: str) -> bool:
    if found.type == "Edm.Boolean":
        return isinstance(value, bool)
    if found.type in ("Edm.Int32", "Edm.Int64"):
        bits = 31 if found.type == "Edm.Int32" else 63
        return isinstance(value, int) and not isinstance(value, bool) and -(2**bits) <= value < 2**bits
    if found.type == "Edm.DateTimeOffset":
        return isinstance(value, str) and _is_moment(value)
    if found.type == "Edm.Guid":
        return isinstance(value, str) and _GUID.fullmatch(value) is not None
    declared = types(version).get(found.type)
    if declared is None:
        return isinstance(value, str)
    if declared.members:
        names = [name.strip() for name in value.split(",")] if isinstance(value, str) else []
        return bool(names) and set(names) <= declared.members and (len(names) == 1 or declared.flags)
    return isinstance(value, Mapping) and _fits_type(value, declared, version)


def _fits_type(value: Mapping[str, object], declared: MetadataType, version: str) -> bool:
    for name, inner in value.items():
        found = declared.properties.get(name)
        if found is None and not declared.open and name != "@odata.type":
            return False
        if found is not None and not fits(found, inner, version):
            return False
    return True


def _is_moment(text: str) -> bool:
    try:
        # Graph writes up to seven digits of a second, Python reads six.
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).tzinfo is not None
    except ValueError:
        return False


def reference(text: object) -> str:
    """The id in an ``@odata.id`` such as ``https://graph.microsoft.com/v1.0/directoryObjects/{id}``.

    Raises:
        GraphError: 400.
    """
    path = urlsplit(text).path if isinstance(text, str) and _splits(text) else ""
    match = _REFERENCE.fullmatch("/".join(unquote(path).strip("/").split("/")[1:]))
    if match is None or not _GUID.fullmatch(match[1]):
        raise bad_request("Invalid URL format specified in payload.")
    return match[1].lower()


def _splits(text: str) -> bool:
    try:
        urlsplit(text)
    except ValueError:
        return False
    return True

"""From values to ``Parameters``: secrets first, then names, then types, then what the values say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from runbook_lib.parameters.checks import complaints
from runbook_lib.parameters.fields import known_names, nearest_name
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.normalize import normalized
from runbook_lib.parameters.problems import SECRET_CODE, Problem, usage_error
from runbook_lib.parameters.secret_shapes import is_secret_name, secret_shape
from runbook_lib.parameters.yaml_text import Location

_SECRET_HINT = (
    "Parameters are kept in clear in every record. Take the secret out of the file (and change it, if the file was "  # noqa: S105
    "shared); secrets come from the environment or from a file that only its owner can read."
)
_EMPTY_CHOICE = "'', "


def name_problem(name: str, where: str) -> Problem | None:
    """What is wrong with the name of a parameter: it would hold a secret, or nobody knows it."""
    if name in known_names():
        return None
    nearest = nearest_name(name)
    shown = name if secret_shape(name) is None and len(name) <= 80 else "a name"
    if is_secret_name(name) or shown != name:
        hint = f"{_SECRET_HINT} Did you mean {nearest}?" if nearest else _SECRET_HINT
        return Problem(shown, f"{shown} would put a secret into the parameters.", SECRET_CODE, where, hint)
    hint = f"Did you mean {nearest}?" if nearest else "gwb parameters --table lists every parameter."
    return Problem(name, f"{name} is not a parameter.", "unknown-parameter", where, hint)


def secret_problem(name: str, texts: Iterator[str], where: str) -> Problem | None:
    """The problem of a value that looks like a secret, which is never quoted."""
    kind = next((kind for text in texts if (kind := secret_shape(text))), None)
    if kind is None:
        return None
    return Problem(name, f"{name} holds what looks like {kind}.", SECRET_CODE, where, _SECRET_HINT)


def validated(values: Mapping[str, object], where: Callable[[Location], str]) -> Parameters:
    """The parameters in ``values``, checked and normalized; ``where`` says where a value came from.

    Raises:
        UsageError: One for everything that is wrong.
    """
    try:
        parameters = Parameters.model_validate(dict(values))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=True)
        raise usage_error([_type_problem(detail, where) for detail in details]) from None
    found = [
        Problem(
            parameter=(shown := _shown(complaint.location)),
            text=f"{shown} {complaint.text}.",
            code=complaint.code,
            where=where(complaint.location),
            hint=complaint.hint,
        )
        for complaint in complaints(parameters)
    ]
    if found:
        raise usage_error(found)
    return normalized(parameters)


def _type_problem(detail: ErrorDetails, where: Callable[[Location], str]) -> Problem:
    location: Location = detail["loc"]
    shown = _shown(location)
    text, code = _type_words(detail)
    return Problem(shown, f"{shown} {text}.", code, where(location))


def _type_words(detail: ErrorDetails) -> tuple[str, str]:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return "is missing", "parameter-missing"
        case "extra_forbidden":
            return "is not known here", "unknown-parameter"
        case "literal_error":
            # An empty text is a parameter that was left out, nothing to choose.
            return f"must be {context['expected'].removeprefix(_EMPTY_CHOICE)}", "bad-value"
        case "greater_than_equal":
            return f"must be {context['ge']} or more", "bad-value"
        case "less_than_equal":
            return f"must be {context['le']} or less", "bad-value"
        case "string_too_short":
            return "is empty", "bad-value"
        case "string_type" | "string_sub_type" | "string_unicode":
            return "must be text", "bad-value"
        case "int_type":
            return "must be a whole number", "bad-value"
        case "bool_type":
            return "must be true or false", "bad-value"
        case "list_type":
            return "must be a list", "bad-value"
        case _:
            return "has a value of the wrong kind", "bad-value"


def _shown(location: Location) -> str:
    """``acknowledge, item 1, until``: positions count from 1."""
    return ", ".join(f"item {part + 1}" if isinstance(part, int) else part for part in location)

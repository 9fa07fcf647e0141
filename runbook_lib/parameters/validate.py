"""From values to ``Parameters``: secrets first, then names, then types, then what the values say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from functools import partial

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from runbook_lib.errors import UsageError
from runbook_lib.model.ids import as_group_id, lower_guid
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.parameters.check import complaints, unlike_typed
from runbook_lib.parameters.connections import GUID_FIELDS, addresses_of
from runbook_lib.parameters.document import known_names, nearest_name
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.problems import SECRET_CODE, Complaint, Problem, Problems
from runbook_lib.parameters.yaml_text import Location
from runbook_lib.secrets.sources import is_secret_name, secret_shape


def normalized(parameters: Parameters) -> Parameters:
    """The same parameters with GUIDs in lower case and the cloud's addresses, without a final slash."""
    addresses = addresses_of(parameters)
    return parameters.model_copy(
        update={
            **{name: lower_guid(text) for name in GUID_FIELDS if (text := getattr(parameters, name))},
            "graph_url": addresses.graph_url,
            "authority_url": addresses.authority_url,
            "select_ids": [as_group_id(text) for text in parameters.select_ids],
            "disable_ids": [as_group_id(text) for text in parameters.disable_ids],
        }
    )


_GROUP_TYPES = (
    'group_type: "security"      the group may be given rights on files, folders and applications in AD',
    'group_type: "distribution"  the group only lists its members: applications can read them, it grants no rights',
)


def require_group_type(parameters: Parameters) -> None:
    """Insist that somebody said what written groups are for: no type is right for all.

    Raises:
        UsageError: ``group-type-missing``.
    """
    if not parameters.group_type:
        raise UsageError(
            t("The parameter group_type is not given: what are the written groups for?"),
            code="group-type-missing",
            hint=t(
                "Add one of these lines to the parameters file. Neither kind gets mail: no mail attribute is written."
            ),
            values={"missing": ["group_type"], "choices": list(_GROUP_TYPES)},
        )


def require(parameters: Parameters, *names: str) -> None:
    """Insist that the named parameters were given.

    Raises:
        UsageError: ``parameter-missing``, naming all that are empty.
    """
    missing = [name for name in names if getattr(parameters, name) in ("", [])]
    if missing:
        listed = ", ".join(missing)
        raise UsageError(
            t("A parameter that is needed here is not given: {missing}.", missing=listed)
            if len(missing) == 1
            else t("Parameters that are needed here are not given: {missing}.", missing=listed),
            code="parameter-missing",
            hint=t("Add what is missing to the parameters file; parameters/example.yaml explains every parameter."),
            values={"missing": missing},
        )


_KNOWN = frozenset(known_names())
_LONGEST_NAME = 80
"""Characters of a name that is no parameter; a longer one is not quoted."""
LONGEST_TEXT = 5_000
"""Characters of one text in a parameter."""
_SECRET_HINT = t(
    "Parameters are kept in clear in every record. Take the secret out of the file (and "
    "change it, if the file was shared); secrets come from the environment or from a "
    "file that only its owner can read."
)
_EMPTY_CHOICE = "'', "


def is_known(name: str) -> bool:
    """Whether a parameter has this name."""
    return name in _KNOWN


def name_problem(name: str, where: str) -> Problem:
    """What is wrong with a name that no parameter has: it would hold a secret, or nobody knows it."""
    long = len(name) > _LONGEST_NAME
    nearest = None if long else nearest_name(name)
    shown = t("a name") if long or secret_shape(name) else name
    if is_secret_name(name) or shown != name:
        hint = (
            t("{secret_hint} Did you mean {nearest}?", secret_hint=_SECRET_HINT, nearest=nearest)
            if nearest
            else _SECRET_HINT
        )
        return Problem(
            shown, t("{shown} would put a secret into the parameters.", shown=shown), SECRET_CODE, where, hint
        )
    hint = (
        t("Did you mean {nearest}?", nearest=nearest) if nearest else t("gwb parameters --table lists every parameter.")
    )
    odd = f": it {text}" if (text := unlike_typed(name)) else ""
    return Problem(name, t("{name} is not a parameter{odd}.", name=name, odd=odd), "unknown-parameter", where, hint)


def secret_problem(name: str, texts: Iterator[str], where: str) -> Problem | None:
    """The problem of a value that looks like a secret, which is never quoted, or is too long to look into."""
    found = list(texts)
    if any(len(text) > LONGEST_TEXT for text in found):
        return Problem(
            name,
            t("{name} holds a text of more than {longest_text:,} characters.", name=name, longest_text=LONGEST_TEXT),
            "too-long",
            where,
        )
    # One look at all of them: a list holds thousands of texts, and NUL joins them into nothing that a pattern spans.
    if secret_shape("\0".join(found)) is None:
        return None
    kind = next((kind for text in found if (kind := secret_shape(text))), None)
    if kind is None:
        return None
    return Problem(
        name, t("{name} holds what looks like {kind}.", name=name, kind=kind), SECRET_CODE, where, _SECRET_HINT
    )


def validated(
    values: Mapping[str, object],
    where: Callable[[Location], str],
    problems: Problems,
    *,
    unread: Collection[str] = (),
    numbers_hint: Text = NOTHING,
) -> Parameters:
    """The parameters in ``values``, checked and normalized.

    Args:
        values: By name.
        where: Says where a value came from.
        problems: What is wrong already; what is found here joins it.
        unread: Parameters that were given and could not be read: nothing is said of what depends on them.
        numbers_hint: What to do about a value that a program turned into another kind: a number where text is meant.

    Raises:
        UsageError: One for everything that is wrong.
    """
    left_out = set(unread)
    try:
        parameters = Parameters.model_validate(dict(values))
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=True, include_context=True):
            problems.add(partial(_type_problem, detail, where, numbers_hint))
            left_out.add(str(detail["loc"][0]))
        parameters = Parameters.model_validate({name: value for name, value in values.items() if name not in left_out})
    for complaint in complaints(parameters):
        if left_out.isdisjoint(complaint.beside):
            problems.add(partial(_problem, complaint, where))
    if problems:
        raise problems.error()
    return normalized(parameters)


def _problem(complaint: Complaint, where: Callable[[Location], str]) -> Problem:
    shown = shown_part(complaint.location)
    return Problem(
        shown,
        t("{shown} {complaint_text}.", shown=shown, complaint_text=complaint.text),
        complaint.code,
        where(complaint.location),
        complaint.hint,
    )


def _type_problem(detail: ErrorDetails, where: Callable[[Location], str], numbers_hint: Text) -> Problem:
    location: Location = detail["loc"]
    shown = shown_part(location)
    text, code = type_text(detail)
    given = detail["input"]
    turned = (detail["type"] in _NO_TEXT and (given is None or isinstance(given, int | float | date))) or (
        detail["type"] in ("int_type", "bool_type", "list_type") and isinstance(given, str)
    )
    shown_text = t("{text}, and is {given}", text=text, given=_kind_text(given)) if turned else text
    return Problem(
        shown,
        t("{shown} {text}.", shown=shown, text=shown_text),
        code,
        where(location),
        (numbers_hint if turned else NOTHING),
    )


_NO_TEXT = ("string_type", "string_sub_type", "string_unicode")


def _kind_text(value: object) -> Text:
    if value is None or isinstance(value, bool):
        return t("empty") if value is None else t("true or false")
    return t("text") if isinstance(value, str) else t("a date") if isinstance(value, date) else t("a number")


def type_text(detail: ErrorDetails) -> tuple[Text, str]:
    """What pydantic found wrong with one value, continuing a sentence that begins with its name; and its code."""
    context = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return t("is missing"), "parameter-missing"
        case "extra_forbidden":
            return t("is not known here"), "unknown-parameter"
        case "literal_error":
            # An empty text is a parameter that was left out, nothing to choose.
            return t("must be {one_of}", one_of=context["expected"].removeprefix(_EMPTY_CHOICE)), "bad-value"
        case "greater_than_equal":
            return t("must be {least} or more", least=context["ge"]), "bad-value"
        case "less_than_equal":
            return t("must be {most} or less", most=context["le"]), "bad-value"
        case "string_too_short":
            return t("is empty"), "bad-value"
        case "string_type" | "string_sub_type" | "string_unicode":
            return t("must be text"), "bad-value"
        case "int_type":
            return t("must be a whole number"), "bad-value"
        case "bool_type":
            return t("must be true or false"), "bad-value"
        case "list_type":
            return t("must be a list"), "bad-value"
        case _:
            return t("has a value of the wrong kind"), "bad-value"


def shown_part(location: Location) -> str:
    """``acknowledge, item 1, until``: positions count from 1."""
    return ", ".join(f"item {part + 1}" if isinstance(part, int) else part for part in location)

"""Mapping expressions as Graph writes them: attributeMappingSource, and the answer of parseExpression.

Sources: Microsoft Graph documentation, "attributeMappingSource resource type", "synchronizationSchema:
parseExpression" (shape, and the names of Replace's parameters); "Reference for writing expressions for attribute
mappings in Microsoft Entra ID" (names of parameters of the other functions).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from runbook_lib.cloud_sync.expression import (
    Attribute,
    Call,
    Comparison,
    Constant,
    Expression,
    ExpressionError,
    Node,
    read_expression,
)
from runbook_lib.cloud_sync.functions import NotPredictable, Value, shown

Source = dict[str, object]
"""An attributeMappingSource."""

_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "Append": ("source", "suffix"),
    "BitAnd": ("value1", "value2"),
    "CBool": ("Expression",),
    "Coalesce": (),
    "ConvertToBase64": ("source",),
    "ConvertToUTF8Hex": ("source",),
    "Count": ("attribute",),
    "CStr": ("value",),
    "IgnoreFlowIfNullOrEmpty": ("expression",),
    "IIF": ("condition", "valueIfTrue", "valueIfFalse"),
    "InStr": ("value1", "value2", "start", "compareType"),
    "IsNull": ("Expression",),
    "IsNullOrEmpty": ("Expression",),
    "IsPresent": ("Expression",),
    "IsString": ("Expression",),
    "Item": ("attribute", "index"),
    "Join": ("separator",),
    "Left": ("String", "NumChars"),
    "Mid": ("source", "start", "length"),
    "NormalizeDiacritics": ("source",),
    "Not": ("source",),
    "RemoveDuplicates": ("attribute",),
    "Replace": (
        *("source", "Find", "RegexPattern", "RegexGroupName", "Replacement"),
        *("ReplacementAttributeName", "Template"),
    ),
    "Split": ("source", "delimiter"),
    "StripSpaces": ("source",),
    "Switch": ("source", "defaultValue"),
    "ToLower": ("source", "culture"),
    "ToUpper": ("source", "culture"),
    "Trim": ("value",),
    "Word": ("String", "WordNumber", "Delimiters"),
}
"""Names of the first parameters; those that repeat, and functions that are not listed, are numbered."""


def source_of(expression: str) -> Source:
    """What Graph's schema holds for an expression.

    Raises:
        ExpressionError: It is not well formed.
    """
    return _source(read_expression(expression).root)


def parsed(expression: str, tested: Mapping[str, Value] | None) -> dict[str, object]:
    """The answer of parseExpression.

    Args:
        expression: As it was sent.
        tested: Properties of the test object by name; None where none was sent, and nothing is worked out.
    """
    answer: dict[str, object] = {
        "error": None,
        "evaluationSucceeded": False,
        "evaluationResult": [],
        "parsedExpression": None,
        "parsingSucceeded": False,
    }
    try:
        found = read_expression(expression)
    except ExpressionError as error:
        # The text of the service's error was not seen; its code neither.
        return answer | {"error": _error("InvalidExpression", str(error.message))}
    answer |= {"parsingSucceeded": True, "parsedExpression": _source(found.root)}
    if tested is None:
        return answer
    try:
        value = evaluated(found, tested)
    except NotPredictable as unknown:
        return answer | {"error": _error("EvaluationFailed", f"The expression cannot be evaluated: {unknown.why}.")}
    results = list(value) if isinstance(value, tuple) else [] if value is None else [shown(value)]
    return answer | {"evaluationSucceeded": True, "evaluationResult": results}


def evaluated(expression: Expression, properties: Mapping[str, Value]) -> Value:
    """The value for an object; an attribute that it does not have is null.

    Raises:
        NotPredictable: The rehearsal does not work out one of its functions.
    """
    return expression.value({**dict.fromkeys(expression.attributes), **properties})


def tested_values(properties: Sequence[object]) -> dict[str, Value]:
    """Values of an ``expressionInputObject``: pairs of key and value, a list for several values."""
    found: dict[str, Value] = {}
    for pair in properties:
        if isinstance(pair, Mapping) and isinstance(key := pair.get("key"), str):
            found[key] = _given(pair.get("value"))
    return found


def _given(value: object) -> Value:
    match value:
        case None | str() | bool() | int():
            return value
        case list():
            return tuple(str(one) for one in value)
    return str(value)


def _error(code: str, message: str) -> dict[str, object]:
    return {"code": code, "message": message, "target": None, "details": [], "innerError": None}


def _source(node: Node) -> Source:
    match node:
        case Constant(value):
            return {"expression": text_of(node), "name": shown(value), "parameters": [], "type": "Constant"}
        case Attribute(name):
            return {"expression": text_of(node), "name": name, "parameters": [], "type": "Attribute"}
        case Comparison(left, sign, right):
            pairs = [("left", left), ("right", right)]
            return _function(node, sign, [(key, one) for key, one in pairs])
        case Call(function, arguments):
            names = [*_PARAMETERS.get(function, ()), *(f"value{number}" for number in range(1, len(arguments) + 1))]
            given = [(name, one) for name, one in zip(names, arguments, strict=False) if one is not None]
            return _function(node, function, given)


def _function(node: Node, name: str, parameters: Sequence[tuple[str, Node]]) -> Source:
    pairs = [{"key": key, "value": _source(one)} for key, one in parameters]
    return {"expression": text_of(node), "name": name, "parameters": pairs, "type": "Function"}


def text_of(node: Node | None) -> str:
    """A node as text, as the service writes it back."""
    match node:
        case None:
            return ""
        case Constant(value):
            return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else shown(value)
        case Attribute(name):
            return f"[{name}]"
        case Comparison(left, sign, right):
            return f"{text_of(left)} {sign} {text_of(right)}"
        case Call(function, arguments):
            return f"{function}({', '.join(text_of(one) for one in arguments)})"

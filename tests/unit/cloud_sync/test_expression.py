"""Mapping expressions: Microsoft's own examples, the defaults of group provisioning, and what nobody can know."""

from __future__ import annotations

import contextlib
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.cloud_sync.expression import DEEPEST, MOST_CHARACTERS, ExpressionError, read_expression
from runbook_lib.cloud_sync.functions import FUNCTIONS, NotPredictable, Value

JOHN: dict[str, Value] = {
    "displayName": "John Doe",
    "givenName": "John",
    "surname": "Doe",
    "mail": "john.doe@contoso.com",
    "userPrincipalName": "John.Doe@contoso.com",
    "state": "QLD",
    "country": "USA",
    "department": "Sales",
    "extensionAttribute5": "PermissionSetOne, PermissionSetTwo",
    "proxyAddresses": ("smtp:a@contoso.com", "SMTP:b@contoso.com", "smtp:a@contoso.com"),
    "objectId": "00aa00aa-bb11-cc22-dd33-44ee44ee44ee",
    "nothing": None,
    "empty": "",
}

DOCUMENTED = {
    'Append([userPrincipalName], ".test")': "John.Doe@contoso.com.test",
    "BitAnd(&HF, &HF7)": 7,
    "Coalesce([nothing],[userPrincipalName])": "John.Doe@contoso.com",
    'ConvertToBase64("Hello world!")': "SABlAGwAbABvACAAdwBvAHIAbABkACEA",
    'ConvertToUTF8Hex("Hello world!")': "48656C6C6F20776F726C6421",
    'IIF([country]="USA",[country],[department])': "USA",
    'IIF([country]="DE",[country],[department])': "Sales",
    'InStr("The quick brown fox","quick")': 5,
    'InStr("repEated","e",3,vbBinaryCompare)': 7,
    "Item([proxyAddresses], 1)": "smtp:a@contoso.com",
    'Join(", ", "", [surname], [givenName])': "Doe, John",
    'Left("John Doe", 3)': "Joh",
    'Replace([mail], "@contoso.com", , ,"", ,)': "john.doe",
    'Replace([surname],"<username>", , , , , "<username>@contoso.com")': "Doe@contoso.com",
    "Append(Mid([givenName], 1, 3), Mid([surname], 1, 5))": "JohDoe",
    'Split([extensionAttribute5], ",")': ("PermissionSetOne", "PermissionSetTwo"),
    'Switch([state], "Australia/Sydney", "NSW", "Australia/Sydney","QLD", "Australia/Brisbane")': "Australia/Brisbane",
    'Switch([empty], "Default Value", "true", "1", "", "0")': "0",
    'ToLower(Join("@", NormalizeDiacritics(StripSpaces(Join(".",  [givenName], [surname]))), "contoso.com"))': (
        "john.doe@contoso.com"
    ),
    'Word("The quick brown fox",3," ")': "brown",
    'Word("This,string!has&many separators",3,",!&#")': "has",
    'NormalizeDiacritics("Zoë")': "Zoe",
    'NormalizeDiacritics("Straße Øre Œuvre Łódź")': "Strasse OEre OEuvre Lodz",
    "RemoveDuplicates([proxyAddresses])": ("smtp:a@contoso.com", "SMTP:b@contoso.com"),
    "IsNull([nothing])": True,
    "IsNull([empty])": False,
    "IsNullOrEmpty([empty])": True,
    "IsPresent([country])": True,
    "Count([proxyAddresses])": 3,
    "IgnoreFlowIfNullOrEmpty([empty])": None,
    "Not(IsPresent([country]))": False,
    'Left("abc", 0)': "",
    'Left("abc", -1)': "abc",
    "Left([nothing], 3)": "",
    'Mid("abc", 2, 99)': "bc",
    'Mid("abc", 3, 1)': "c",
    "IIF(3 < 3, 1, 2)": 2,
    "IIF(3 <= 3, 1, 2)": 1,
    "IIF(3 > 3, 1, 2)": 2,
    "IIF(3 >= 3, 1, 2)": 1,
    "IIF(3 <> 3, 1, 2)": 2,
    r'"Company name: \"Contoso\""': 'Company name: "Contoso"',
}


@pytest.mark.parametrize(("expression", "result"), DOCUMENTED.items(), ids=list(DOCUMENTED))
def test_examples_of_the_reference(expression: str, result: Value) -> None:
    assert read_expression(expression).value(JOHN) == result


def test_the_default_names_of_group_provisioning() -> None:
    """ "Attribute mapping - Microsoft Entra ID to Active Directory" """
    cn = read_expression('Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))')
    description = read_expression("Left(Trim([description]),448)")
    group: dict[str, Value] = {
        "displayName": " " + "x" * 60 + " ",
        "objectId": "1bbe7b5a-0e6f-4f3a-9d5a-0123456789ab",
        "description": None,
    }
    assert cn.value(group) == "x" * 51 + "_0123456789ab"
    assert description.value(group) == ""
    assert cn.attributes == ("displayName", "objectId")
    assert read_expression('"OU=Groups,DC=contoso,DC=com"').constant == "OU=Groups,DC=contoso,DC=com"
    assert cn.constant is None


def test_the_container_that_a_converted_group_keeps() -> None:
    """ "Preserve OU and name": the parent of a DN, commas within names escaped; without the value the default holds."""
    parent = read_expression(
        r'IIF(IsPresent([groupDN]), Replace(Mid(Mid(Replace([groupDN],"\\,",,,"\\2C",,),'
        r'InStr(Replace([groupDN],"\\,",,,"\\2C",,),",",,),9999),2,9999),"\\2C",,,"\\,",,), "OU=Default,DC=x")'
    )
    held: dict[str, Value] = {"groupDN": r"CN=Sales\, EMEA,OU=A\, B,DC=contoso,DC=com"}
    assert parent.value(held) == r"OU=A\, B,DC=contoso,DC=com"
    assert parent.value({"groupDN": None}) == "OU=Default,DC=x"
    assert read_expression("IIF(Not(IsNullOrEmpty([groupDN])),1,2)").value({"groupDN": ""}) == 2


@pytest.mark.parametrize(
    "expression",
    [
        "Guid()",
        "RandomString(6,3,0,0,3)",
        "Now()",
        'SelectUniqueValue([displayName], Append([displayName], "1"))',
        'Replace([mail], , "[a-z]*", , "", , )',
        'IIF([empty]="","Other",[empty])',
        'IIF(ToLower([nothing])="x",[nothing],"Other")',
        "[notRead]",
        'Left("😀", 1)',
        'ToLower("x", "tr-TR")',
        'Trim("\u00a0x")',
        'Mid("abc", 0, 1)',
        'Append([proxyAddresses], "x")',
    ],
)
def test_what_cannot_be_known_is_not_guessed(expression: str) -> None:
    with pytest.raises(NotPredictable) as caught:
        read_expression(expression).value(JOHN)
    assert caught.value.why.template


@pytest.mark.parametrize(
    ("expression", "said", "at"),
    [
        ("", "it ends where a value is expected", 1),
        ("append([a])", "did you mean Append?", 1),
        ("Appendd([a],[b])", "did you mean Append?", 1),
        ("Left([a])", "Left takes 2 arguments and has 1", 1),
        ("InStr([a])", "InStr takes 2 to 4 arguments and has 1", 1),
        ("Join([a])", "Join takes at least 2 arguments and has 1", 1),
        ("Left([a], 3", "never closed", 1),
        ("Left([a] 3)", "a comma or a closing bracket is expected", 10),
        ('Append([a], "x', "the quotation mark is never closed", 13),
        ("Append([a, 3)", "the square bracket is never closed", 8),
        ("displayName", "write attributes in [brackets]", 1),
        ('Left([a], 3) "x"', "is left over", 14),
        ("Left([a], ;)", "';' has no meaning here", 11),
        ("Left(,,)", "takes 2 arguments and has 3", 1),
        ("= 3", "'=' stands where a value is expected", 1),
        ("Append(" * 60, "more than", 1),
        ('"' + "x" * MOST_CHARACTERS + '"', "are the most", 1),
    ],
)
def test_an_expression_that_the_service_refuses_is_told_with_its_place(expression: str, said: str, at: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        read_expression(expression)
    assert said in caught.value.message
    assert caught.value.values["at"] == at, caught.value.message
    assert caught.value.code == "mapping-expression"


@given(st.text(st.sampled_from('[]"\\(),=<> &HFAppendLeft0123456789abc😀\n'), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ExpressionError, NotPredictable):
        found = read_expression(text)
        found.value(dict.fromkeys(found.attributes, "a value"))


ANY_VALUE = st.sampled_from(["a", "", "7", 0, 3, -1, None, True, ("a", "b")])


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, list[Value]]:
    name = draw(st.sampled_from(sorted(FUNCTIONS)))
    least, most = FUNCTIONS[name].least, FUNCTIONS[name].most
    return name, draw(st.lists(ANY_VALUE, min_size=least, max_size=least + 3 if most is None else most))


@given(calls())
def test_no_function_breaks_on_any_value(call: tuple[str, list[Value]]) -> None:
    name, values = call
    with contextlib.suppress(NotPredictable):
        result = FUNCTIONS[name].work_out([partial(_same, value) for value in values])
        assert result is None or isinstance(result, (str, int, bool, tuple))


def _same(value: Value) -> Value:
    return value


def test_depth_is_counted_in_functions() -> None:
    assert read_expression("Trim(" * DEEPEST + "[a]" + ")" * DEEPEST).value({"a": "x"}) == "x"

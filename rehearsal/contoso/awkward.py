"""Groups whose names and descriptions break careless tools: markup, formulas, filters, shells, scripts, directions."""

from __future__ import annotations

import unicodedata

from rehearsal.contoso.specification import GroupSpecification

_LONG = ("The committee for names that are as long as a name can possibly be " * 4)[:256]
_CAFE = "Café Pingüino"

_AWKWARD: tuple[tuple[str, str, str | None], ...] = (
    ("accents", "Œuvre Ñandú «Übermut» Łódź", None),
    ("quotes", 'The "Quoted" Team', 'It\'s "quoted" here too'),
    ("commas", "Smith, Jones, and Partners", "One, two; three"),
    ("plus", "Sales + Marketing = Love", None),
    ("script", "<script>alert(1)</script>", "</script><script>alert('description')</script>"),
    ("image", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>'),
    ("command", "=cmd|' /C calc'!A0", '=HYPERLINK("https://example.com","click")'),
    ("formula", "@SUM(1+1)", "+1+1"),
    ("minus", "-rf --help", "-2+3"),
    ("long", _LONG, "d" * 1024),
    ("emoji", "Rocket 🚀 Team 👩‍🚀", "🦄" * 40),
    ("right-to-left", "צוות \u202egnissecca\u202c فريق", "\u2067עברית\u2069 \u200f"),
    ("spaces", "  Leading and trailing  ", "  two  spaces  "),
    ("backslash", "Back\\slash Team", "C:\\Users\\public"),
    ("semicolon", "Semi;colon;Team", None),
    ("hash", "#hash first", "# Heading"),
    ("filter", "Star*(paren)\\2a&|!", "*)(objectClass=*"),
    ("newline", "Newline Notes", "First line\nSecond line\r\n- third\ttabbed"),
    (
        "markdown",
        "**bold** [link](https://example.com) `code` | pipe",
        "| a | b |\n|---|---|\n![x](https://example.com/x.png)",
    ),
    ("powershell", "$(Remove-Item -Recurse C:\\)", "`whoami` $env:PATH"),
    ("composed", unicodedata.normalize("NFC", _CAFE), None),
    ("decomposed", unicodedata.normalize("NFD", _CAFE), None),
    ("template", "{{ 7 * 7 }} {% raw %} ${env:HOME}", "{{ config }}"),
    ("query", "'; DROP TABLE groups; --", "' or 1 eq 1"),
    ("latex", "$x^2$ costs $5", "$$\\frac{1}{2}$$"),
    ("reserved", "CON", None),
    ("entity", "&lt;b&gt; &amp; AT&T", None),
    ("twin-one", "Twins", "The first of two groups with one name"),
    ("twin-two", "Twins", "The second of two groups with one name"),
    ("invisible", "Fin\u200bance\u00ad Con\u2060trol", "\ufeffSeen\U000e0041\U000e007f only in part"),
    ("case-folding", "Straße İstanbul ıi ΣΑΣ", "STRASSE ISTANBUL"),
    ("compatibility", "Ｆｉｎａｎｃｅ ﬁle №1", "\u212a\u2126\u212b"),
    ("typeset", "$\\phantom{Not} \\href{javascript:alert(1)}{Finance}$", "\\begin{align}x\\end{align} \\ref{a}"),
    ("curly-quotes", "\u2018; calc; \u2019 O\u201bBrien\u201a", "\u201c$(calc)\u201d"),
    ("full-width-formula", "＝1+1;=2+2", "\u3000＠SUM(1)"),
    ("line-separators", "Two\u2028lines\u2029three", "\u2029"),
    ("data", '{"a": [1]} key: no', "x\ndn: CN=Administrator\nchangetype: delete"),
)


def awkward_names() -> tuple[str, ...]:
    """Their names alone."""
    return tuple(name for _, name, _ in _AWKWARD)


def awkward_groups(members: tuple[str, ...], owners: tuple[str, ...]) -> tuple[GroupSpecification, ...]:
    """Private Microsoft 365 groups; each holds two or three of ``members`` (keys of people)."""
    return tuple(
        GroupSpecification(
            key,
            name,
            description=description,
            visibility="Private",
            members=tuple(members[(3 * index + offset) % len(members)] for offset in range(2 + index % 2)),
            owners=owners,
        )
        for index, (key, name, description) in enumerate(_AWKWARD)
    )

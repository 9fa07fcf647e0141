"""Texts that break careless programs: named cases by kind, and hypothesis strategies made of them.

Whatever a person, a tenant or a directory can put into a name, a description, an address, a DN or an error body ends at
some edge: a page, a table, a terminal, a filter, a file, a shell. Every test of an edge takes its texts from here, so a
case that is added is tried everywhere.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import strategies as st

Kind = Literal[
    "markup", "formula", "terminal", "powershell", "filter", "dn", "markdown", "direction", "invisible", "twin",
    "length", "characters", "reserved", "template", "math", "data", "address",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One text and what it attacks."""

    name: str
    kind: Kind
    text: str


def _cases(kind: Kind, **texts: str) -> tuple[Case, ...]:
    return tuple(Case(name.replace("_", "-"), kind, text) for name, text in texts.items())


_NAME = "Café Pingüino Å ﬁn"
"""Composed, decomposed and compatibility form all differ."""

CASES: tuple[Case, ...] = (
    *_cases(
        "markup",
        script="<script>alert(1)</script>",
        attribute_double='"><img src=x onerror=alert(1)>',
        attribute_single="'><svg/onload=alert(1)>",
        handler='x" onmouseover="alert(1)" y="',
        unquoted="x onfocus=alert(1) autofocus",
        table_end="</td></tr></table><iframe src='http://127.0.0.1:9/'></iframe>",
        style_end="</style></pre></details></bdi><base href='http://127.0.0.1:9/'>",
        title_end="</title><meta http-equiv=refresh content='0;http://127.0.0.1:9/'>",
        comment="--><!--",
        cdata="<![CDATA[",
        entity="&lt;script&gt;&#60;b&#x3e; &amp",
        mutation="<svg><p><style><g title='</style><img src=x onerror=alert(1)>'>",
        css="red;background-color:url(http://127.0.0.1:9/)}*{display:none",
        css_escape="\\3c script\\3e expression(alert(1))",
        full_width="＜script＞alert(1)＜/script＞",
        nested="<<b>script>alert(1)<</b>/script>",
    ),
    *_cases(
        "address",
        javascript="javascript:alert(1)",
        javascript_split="java\tscript\n:alert(1)",
        data_url="data:text/html,<script>alert(1)</script>",
        userinfo="https://login.microsoft.com@evil.example/",
        unc="\\\\evil.example\\share\\x",
        mail='"a,b\\"c"@[127.0.0.1]',
        mail_header="a@b.example\r\nBcc: all@b.example",
        proxy="SMTP:a@b.example;smtp:x@y.example",
        punycode="xn--80ak6aa92e.com",
    ),
    *_cases(
        "formula",
        command="=cmd|' /C calc'!A0",
        hyperlink='=HYPERLINK("http://127.0.0.1:9/","click")',
        at="@SUM(1+1)",
        plus="+1+1",
        minus="-2+3",
        full_width_equals="＝1+1",
        full_width_at="＠SUM(1)",
        semicolon="x;=1+1",
        tab="\t=1+1",
        line="x\n=1+1",
        quote='"=1+1"',
        apostrophe="'=1+1",
        blank="\u00a0\u3000=1+1",
        unseen="\u200b\ufeff=1+1",
        control="\x00\x0b=1+1",
        array="{=1+1}",
        number="0123e4",
        excel_escape="_x000A_=1",
    ),
    *_cases(
        "terminal",
        colour="a\x1b[31mred\x1b[0m",
        clear="\x1b[2J\x1b[1;1Hgone",
        link="\x1b]8;;http://127.0.0.1:9/\x1b\\link\x1b]8;;\x1b\\",
        clipboard="\x1b]52;c;cm0gLXJmIC8=\x07",
        title="\x1b]0;owned\x07",
        report="\x1b[6n\x1bP$q\x1b\\",
        bell="\x07\x07",
        c1="\x9b31m\x9d52;c;x\x9c",
        back="approved\b\b\b\b\b\b\b\bdenied",
        overwrite="denied\rapproved",
        delete="a\x7fb",
        lines="one\ntwo\r\nthree\vfour\ffive\x85six\u2028seven\u2029eight",
        tabs="a\tb",
        log="x\n2026-11-22 10:00:00 INFO everything approved",
    ),
    *_cases(
        "powershell",
        quotes="'; Remove-Item C:\\ -Recurse; '",
        curly="\u2019; calc; \u2018",
        low_quotes="O\u201aBrien\u201b s'",
        expression="$(calc)",
        variable="$env:PATH ${x} @args",
        backtick="`$x`n`",
        double='"; calc; "',
        line_break="a\r\nRemove-Mailbox *",
        block_end="#> calc",
        here_string="@'\n'@",
        dashes="-WhatIf:$false \u2013Force \u2014x",
        stop="--% & | > < ;",
        unix="$(rm -rf /) `id` && true | sh",
        batch='%PATH% ^& !x! "',
    ),
    *_cases(
        "filter",
        star="*",
        everything="*)(objectClass=*",
        or_all="a)(|(cn=*",
        parentheses=")((",
        escaped="\\2a \\28",
        backslash="\\",
        matching_rule="x:1.2.840.113556.1.4.803:=1",
        operators="~=<>=:=!&|",
        odata="' or 1 eq 1 or '",
        sql="'; DROP TABLE groups; --",
    ),
    *_cases(
        "dn",
        comma="Smith, Jones",
        all_special=',+"\\<>;=#',
        injected="x,OU=Domain Controllers,DC=contoso,DC=com",
        hash="#hash",
        hex_value="#04024869",
        spaces="  leading and trailing  ",
        one_space=" ",
        slash="a/b\\c",
        deleted="x\nDEL:2f9d5a0c-0000-4000-8000-000000000000",
        conflict="x\nCNF:2f9d5a0c-0000-4000-8000-000000000000",
        escapes="\\,\\2c\\zz\\",
    ),
    *_cases(
        "markdown",
        link="[x](javascript:alert(1))",
        image="![x](http://127.0.0.1:9/x.png)",
        table="| a | b |\n|---|---|",
        fence="```\n<b>\n```",
        heading="# Approved\n\n---",
        emphasis="**bold** _it_ `code` ~~no~~",
        reference="[x]: http://127.0.0.1:9/ '<b>'",
        autolink="<http://127.0.0.1:9/> www.evil.example",
    ),
    *_cases(
        "direction",
        override="مجموعة\u202egnp.exe",
        isolate="\u2067עברית\u2069 x",
        unclosed="\u202d\u202a\u2066\u2068a",
        marks="a\u200e\u200f\u061cb",
        hebrew="צוות Finance (1)",
    ),
    *_cases(
        "invisible",
        zero_width="Fin\u200bance",
        joiners="Fin\u200d\u200cance",
        soft_hyphen="Fin\u00adance",
        tags="Finance\U000e0001\U000e0041\U000e007f",
        variation="Finance\ufe0f\U000e0100",
        filler="\u3164\u115f\uffa0\u2800",
        mark="\ufeffFinance",
        operators="a\u2060\u2061\u2064b\u180e",
        annotation="a\ufff9b\ufffac\ufffb",
        grapheme="a\u034fb",
    ),
    *_cases(
        "twin",
        composed=unicodedata.normalize("NFC", _NAME),
        decomposed=unicodedata.normalize("NFD", _NAME),
        compatibility=unicodedata.normalize("NFKC", _NAME),
        full_width="Ｆｉｎａｎｃｅ",
        cyrillic="Fin\u0430nce",
        sharp_s="STRASSE Straße ẞ",
        turkish="İstanbul ISPARTA ıi",
        sigma="ΣΑΣ σας",
        kelvin="\u212a\u2126\u212b",
        ligature="oﬃce",
    ),
    *_cases(
        "length",
        empty="",
        one="x",
        long="The committee for long names " * 9,
        longer="d" * 1025,
        wide="🦄" * 256,
        unbroken="W" * 600,
        marks="a" + "\u0301" * 300,
    ),
    *_cases(
        "characters",
        nul="a\x00b",
        nul_end="admin\x00",
        high_half="a\ud800b",
        low_half="\udfff",
        halves_swapped="\udc00\ud800",
        not_utf8="a\udcffb",
        noncharacter="\ufffe\uffff\U0010ffff",
        private="\ue000\uf8ff",
        replacement="\ufffd",
        emoji="🧑‍🤝‍🧑 Équipe ❤️‍🔥 1️⃣",
        persian="می\u200cخواهم",
    ),
    *_cases(
        "reserved",
        con="CON",
        nul_device="nul.txt",
        port="COM1",
        dots="..",
        dot=".",
        upwards="../../etc/passwd",
        drive="C:\\Windows",
        stream="x.txt:hidden",
        ending="name. ",
        wildcard="a?b*c",
        hidden=".gwb",
        option="-rf --help",
    ),
    *_cases(
        "template",
        jinja="{{ 7*7 }}{% raw %}{# #}",
        python="{0} {x!r} {} %s %(x)d",
        variables="${env:HOME} #{x}",
        ldap_uri="ldap:///dc=x??sub?(cn=*)",
    ),
    *_cases(
        "math",
        inline="$x^2$ costs $5",
        display="$$\\frac{1}{2}$$ \\[x\\] \\(y\\)",
        environment="\\begin{align}a&=b\\end{align}",
        link="$\\href{javascript:alert(1)}{Finance}$",
        hide="$\\phantom{not}$ $\\def\\x{\\x\\x}\\x$",
        reference="\\ref{a} \\eqref {b} \\$5 \\\\",
    ),
    *_cases(
        "data",
        json='{"a": [1, null]} "\\u0041\\n',
        yaml="key: [no, 0123]\n- &a *a !!python/object:x\n...\n---",
        csv='"a","b"\r\n"c"',
        ldif="x\ndn: CN=Administrator,DC=contoso,DC=com\nchangetype: delete",
        ldif_start=":< file:///etc/passwd",
        xml="<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;]]>",
        boolean="no",
        not_a_number="NaN",
        base64="Zm9v\n",
    ),
)  # fmt: skip

TEXTS: tuple[str, ...] = tuple(dict.fromkeys(case.text for case in CASES))


def of(*kinds: Kind) -> tuple[str, ...]:
    """The texts of some kinds."""
    return tuple(case.text for case in CASES if case.kind in kinds)


def unicode_only(texts: Iterable[str] = TEXTS) -> tuple[str, ...]:
    """Those that UTF-8 can hold: Graph and AD send no others, files and JSON escapes may."""
    return tuple(text for text in texts if not any("\ud800" <= char <= "\udfff" for char in text))


def each(*kinds: Kind, whole_unicode: bool = False, empty: bool = True) -> pytest.MarkDecorator:
    """``@each()``: the test runs once for each case, named ``text``; a failure names the case."""
    chosen = [case for case in CASES if (not kinds or case.kind in kinds) and (empty or case.text)]
    if whole_unicode:
        chosen = [case for case in chosen if unicode_only([case.text])]
    return pytest.mark.parametrize("text", [pytest.param(c.text, id=f"{c.kind}:{c.name}") for c in chosen])


# Single characters that mean something to somebody, to be mixed by hypothesis.
_SHARP = sorted(
    set("<>&\"'`=+-@;,\t\r\n\\/|*()#%$^{}[]~!:?. aA0é")
    | set(
        "\x00\x07\x08\x1b\x7f\x85\x9b\xa0\xad\u200b\u200d\u202e\u2018\u2019\u201a\u201b\u2028\u2029\u3000\ufe0f\ufeff"
    )
    | set("＝＋－＠🦄\U000e0041\ufffe")
)


def anything(*, max_size: int = 24, min_size: int = 0, surrogates: bool = True) -> st.SearchStrategy[str]:
    """Any text: random characters, sharp characters, and cases joined to one another.

    ``max_size`` counts characters of the first two; joined cases are longer.
    """
    codec = None if surrogates else "utf-8"
    texts = [text for text in (TEXTS if surrogates else unicode_only()) if len(text) >= min_size]
    return st.one_of(
        st.text(st.characters(codec=codec), min_size=min_size, max_size=max_size),
        st.text(st.sampled_from(_SHARP), min_size=min_size, max_size=max_size),
        st.lists(st.sampled_from([t for t in texts if len(t) < 100]), min_size=1, max_size=3)
        .map("".join)
        .filter(lambda text: len(text) >= min_size and (surrogates or bool(unicode_only([text])))),
    )


def graph_body(text: str) -> bytes:
    """Graph's error body with ``text`` wherever it may stand."""
    return json.dumps({"error": {"code": text, "message": text, "innerError": {"code": text}, text: text}}).encode()


def proxy_page(text: str) -> bytes:
    """What a proxy or a portal answers in Graph's place."""
    return f"<html><title>{text}</title><body>{text}</body></html>".encode("utf-8", "replace")


def ldap_message(text: str) -> str:
    """Active Directory's diagnostic message, which ends with NUL, with ``text`` in it."""
    return f"00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0, {text}\n\x00"

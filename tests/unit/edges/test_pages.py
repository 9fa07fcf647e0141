"""Pages and outputs: the elements of a dull name, whatever the name is, and no formula in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from hypothesis import example, given, settings

from runbook_lib.graph.sign_in.device_code import DeviceCode
from runbook_lib.model.addresses import is_https
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.record.executed import clean
from runbook_lib.record.index import build_index
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.sanitize import safe_html
from runbook_lib.record.seal import seal
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.shown import html as ours
from runbook_lib.shown.change import applied_view
from runbook_lib.shown.findings import findings_html
from runbook_lib.shown.inventory import groups_view, inventory_view, members_view
from runbook_lib.shown.plan import plan_view
from runbook_lib.shown.sign_in import sign_in_code_html
from tests.support import builders as b
from tests.support import hostile
from tests.unit.edges.pages import formulas, tree_of
from tests.unit.edges.readers import assert_quiet
from tests.unit.record.conftest import clock, make_run  # noqa: F401 - fixtures
from tests.unit.record.markup import parsed
from tests.unit.record.notebooks import code, display, notebook


def _parts(name: str) -> list[str]:
    frame = pd.DataFrame({"name": pd.Series([name], dtype=object), "n": [3]})
    finding = Finding(name, Severity.WARNING, verbatim(name), verbatim(name), verbatim(name), verbatim(name), name)
    return [
        ours.table_html(frame, caption=verbatim(name), labels={"n": verbatim(name)}),
        ours.facts_html([(verbatim(name), name)], caption=verbatim(name)),
        ours.bars_html([(name, 1)], caption=verbatim(name)),
        ours.banner_html("bad", verbatim(name), verbatim(name)),
        findings_html([finding], caption=verbatim(name)),
        ours.code_html(name, verbatim(name)),
    ]


def _assert_dull(pages: list[str], dull: list[str]) -> None:
    for page, plain in zip(pages, dull, strict=True):
        read, meant = tree_of(page), tree_of(plain)
        assert read.elements == meant.elements
        assert read.attributes == meant.attributes
        assert_quiet(page, breaks="\n\t")
        assert not formulas(page)
        assert unchanged(page)


@hostile.each()
def test_every_case_is_text_in_every_part(text: str) -> None:
    _assert_dull(_parts(text), _parts("d" * max(1, len(text)) if text else ""))
    assert printable(text)[:20].strip() in tree_of(_parts(text)[1]).text or "\n" in text or not text.strip()


@given(hostile.anything(min_size=1))
@example("\ufe0f\u200c\xa0")  # a joiner behind a style that is an escape itself
@settings(max_examples=60)
def test_any_name_is_text_in_every_part(text: str) -> None:
    _assert_dull(_parts(text), _parts("d" * len(text)))


def unchanged(page: str) -> bool:
    """Whether sanitising takes nothing away: our own HTML passes whole.

    But for the focus of a wide table, by which a keyboard scrolls it in JupyterLab: a record wraps it instead.
    """
    before, after = parsed(page), parsed(safe_html(page))
    focus = ("div", "tabindex", "0")
    assert focus not in after.attributes
    before.attributes[:] = [one for one in before.attributes if one != focus]
    # The line break after <pre> is none to a browser either.
    texts = ["".join(one.text).replace("\n", "") for one in (before, after)]
    return (before.tags, before.attributes, texts[0]) == (after.tags, after.attributes, texts[1])


def _views(text: str) -> list[str]:
    member = b.synced("Ana")
    group = b.cloud_group(text, description=text, mail=text, mail_nickname=text)
    inventory = b.inventory_of(b.cloud_side([group], {text: [member]}), b.directory_side([b.ad_user("Ana")]))
    planned = plan_enable(inventory, b.policy(select_ids=(group.id,)))
    made = (
        plan_view(planned.plan, planned.findings),
        groups_view(inventory),
        inventory_view(inventory),
        members_view(inventory),
        applied_view(planned.plan.changes),
    )
    for html, plain in made:
        assert not formulas(html)
        assert unchanged(html)
        # ``show`` makes the text beside it printable.
        assert_quiet(printable(plain))
    return [html for html, _ in made]


@hostile.each(whole_unicode=True, empty=False)
def test_the_plan_and_the_inventory_of_every_name(text: str) -> None:
    if not text.strip():
        return
    for html in _views(text):
        tree = tree_of(html)
        assert not {"script", "style", "a", "img", "svg", "iframe", "base", "form", "input", "comment"} & {
            element.rpartition(">")[2] for element in tree.elements
        }
        assert {name for _, name in tree.attributes} <= {"style", "scope", "colspan", "title", "dir", "tabindex"}


@pytest.mark.parametrize(
    ("address", "links"),
    [
        ("https://login.microsoft.com/device", 1),
        ("https://login.example/a?b=c", 1),
        ("http://login.example/", 0),
        ("https://login.example/a b", 0),
    ],
)
def test_an_address_to_sign_in_at_is_a_link(address: str, links: int) -> None:
    page = sign_in_code_html(DeviceCode("CODE", address, datetime(2026, 11, 22, tzinfo=UTC), 1))
    assert len([element for element in tree_of(page).elements if element.endswith(">a")]) == links


@hostile.each("address", "markup", "math", "characters")
def test_a_sign_in_code_links_nowhere_else(text: str) -> None:
    for address in (text, f"https://login.example/{text}"):
        page = sign_in_code_html(DeviceCode(text, address, datetime(2026, 11, 22, tzinfo=UTC), 1))
        tree = tree_of(page)
        links = [element for element in tree.elements if element.endswith(">a")]
        # What could look like another address than it is, is no link.
        assert len(links) == is_https(address, with_path=True)
        assert tree.attributes <= {("a", n) for n in ("href", "target", "rel")} | {
            (tag, "style") for tag in ("div", "p", "code", "strong")
        }
        assert not formulas(page)


def test_a_sealed_record_and_the_index_hold_no_name_as_markup(
    make_run: Callable[..., RunRecord],  # noqa: F811
    clock: Callable[[], datetime],  # noqa: F811
    tmp_path: Path,
) -> None:
    shapes = []
    kinds = dict.fromkeys(case.kind for case in hostile.CASES)
    joined = [" ".join(hostile.of(kind)) for kind in kinds]
    for number, texts in enumerate((joined, ["d" * len(text) for text in joined])):
        # Each under a change of its own: the second run of one has lines for the run before it.
        record = make_run(f"run-{number}", f"CHG{number}")
        record.set(parameters={"names": list(texts)})
        for text in texts:
            record.note_findings(
                Finding(text, Severity.WARNING, verbatim(text), verbatim(text), verbatim(text), verbatim(text), text)
            )
            record.note_step(verbatim(text), datetime(2026, 11, 22, tzinfo=UTC))
            record.note_gaps(verbatim(text))
        record.finish(Outcome.DONE, ended=datetime(2026, 11, 22, 10, 0, 9, tzinfo=UTC))
        outputs = [display(text_plain=text) for text in texts]
        path = tmp_path / "out.ipynb"
        path.write_text(json.dumps(notebook(code("x", *outputs))), "utf-8")
        page = seal(record.folder, path, clock=clock).page
        assert page is not None
        html = page.read_bytes().decode("utf-8")
        assert_quiet(html, breaks="\n\t")
        shapes.append([e for e in tree_of(html).elements if not e.endswith(">comment")])
    assert len(shapes[0]) > 200
    assert shapes[0] == shapes[1]
    index = tree_of(build_index(tmp_path / "records").read_text("utf-8"))
    assert index.elements.count("td>a") == 2


@hostile.each()
def test_an_executed_notebook_is_valid_whatever_it_shows(text: str) -> None:
    shown = [display(text_html=part) for part in _parts(text)[:1]] + [display(text_plain=text)]
    cleaned = clean(notebook(code("x", *shown)), Outcome.REFUSED, places={}, reason=text)
    nbformat.validate(cleaned.notebook)
    assert cleaned.notebook["cells"][0]["outputs"][1]["data"]["text/plain"] == text

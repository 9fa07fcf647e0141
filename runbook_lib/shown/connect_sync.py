"""The route connect-sync: what AD will look like, what is handed to people, and what AD looks like."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from runbook_lib.connect.arrived import ArrivalState, ConnectArrival
from runbook_lib.connect.predicted import ConnectGroup, ConnectPrediction, NamingMode, Standing
from runbook_lib.model.predicted import Known, Predicted
from runbook_lib.model.text import NOTHING, Text, counted, joined, t, verbatim
from runbook_lib.routes.connect_sync.hand_over import HandOver
from runbook_lib.shown.html import CellValue, View, banner_html, code_html, rows_html

PREDICTION_COLUMNS = (
    *("group_id", "group", "met_in_ad", "dn", "dn_by_id", "dn_by_display_name", "type", "mail"),
    *("members_written", "members_left_out", "members_unknown", "troubles"),
)
"""Of the table that a record keeps."""
ARRIVALS_COLUMNS = (
    *("group_id", "group", "state", "dn_predicted", "dn", "object_guid", "sid"),
    *("members_predicted", "members", "differences"),
)
"""Of the table that a record keeps of a watch."""
_STANDINGS = {
    Standing.NEW: t("new"),
    Standing.THERE: t("there already"),
    Standing.ADOPTED: t("written by this runbook, taken over"),
    Standing.DOUBLED: t("written by this runbook, doubled"),
    Standing.UNCLEAR: t("unclear"),
}
_REASONS_SHOWN = 20
"""Reasons why members are left out that the page lists; the record's file has every member."""


def connect_prediction_view(prediction: ConnectPrediction) -> View:
    """For each group the name, OU and type that AD will have, how many members are written, and who is left out why."""
    text = t(
        "What AD will look like: {groups}, named {naming}, in {container}.",
        groups=counted(len(prediction.groups), "group"),
        naming=prediction.naming.title if prediction.naming else t("in a way that is not known"),
        container=_value(prediction.container),
    )
    table = rows_html(
        (
            t("Group"),
            t("Met in AD"),
            t("Distinguished name"),
            t("Type"),
            t("Mail address"),
            t("Members written"),
            t("Not written"),
            t("Not known"),
            t("What is wrong"),
        ),
        [_row(group) for group in prediction.groups],
        caption=t("AD as group writeback v1 will make it"),
        limit=200,
    )
    left_out = list(prediction.left_out().items())
    reasons = rows_html(
        (t("Why members are not written"), t("Members")),
        [(why, number) for why, number in left_out],
        caption=t("Members that are left out"),
        limit=_REASONS_SHOWN,
    )
    shown = banner_html("neutral", text, prediction.exchange_why) + table + (reasons if left_out else Markup())
    return View(shown, text)


def prediction_rows(prediction: ConnectPrediction) -> list[tuple[CellValue, ...]]:
    """The same for the table that a record keeps, with ``PREDICTION_COLUMNS``: every group."""
    return [
        (
            group.group_id,
            group.display_name,
            group.standing.value,
            _plain(group.dn),
            _plain(group.dn_in(NamingMode.ID)),
            _plain(group.dn_in(NamingMode.DISPLAY_NAME)),
            _type(group),
            _plain(group.attributes.get("mail", Predicted())),
            group.count(Known.YES),
            group.count(Known.NO),
            group.count(Known.UNKNOWN),
            joined(trouble.what for trouble in group.troubles),
        )
        for group in prediction.groups
    ]


def prediction_json(prediction: ConnectPrediction) -> dict[str, object]:
    """The whole prediction; of the members those that are not written for sure, with the reason."""
    return {
        "container": _told(prediction.container),
        "naming": prediction.naming.value if prediction.naming else None,
        "naming_why": prediction.naming_why,
        "exchange": prediction.exchange.value,
        "exchange_why": prediction.exchange_why,
        "cautions": list(prediction.cautions),
        "groups": [
            {
                "group_id": group.group_id,
                "display_name": group.display_name,
                "written": group.scope.known.value,
                "written_why": group.scope.why,
                "met_in_ad": group.standing.value,
                "met_in_ad_why": group.standing_why,
                "present_guid": group.present_guid,
                "present_dn": group.present_dn,
                "names": {mode.value: _told(name) for mode, name in group.names.items()},
                "attributes": {name: _told(value) for name, value in group.attributes.items()},
                "troubles": [{"code": one.code, "what": one.what} for one in group.troubles],
                "members_written": group.count(Known.YES),
                "members_left_out": [
                    {
                        "id": one.id,
                        "name": one.name,
                        "type": one.type,
                        "written": one.answer.known.value,
                        "code": one.answer.code,
                        "why": one.answer.why,
                    }
                    for one in group.members
                    if one.answer.known is not Known.YES
                ],
            }
            for group in prediction.groups
        ],
        "leftovers": [{"group_id": one.group_id, "dn": one.dn, "guid": one.guid} for one in prediction.leftovers],
    }


def hand_overs_view(handed: Sequence[HandOver]) -> View:
    """What a person has to do now, in its order, each with its lines to copy."""
    text = t("To be done by a person, in this order: {titles}.", titles=joined((one.title for one in handed), "; "))
    blocks = (
        code_html(
            one.text(),
            t(
                "{number} of {all} · {title} · {where}",
                number=number,
                all=len(handed),
                title=one.title,
                where=one.where,
            ),
        )
        for number, one in enumerate(handed, 1)
    )
    return View(banner_html("attention", t("Handed over"), text) + Markup().join(blocks), text)


def connect_arrivals_view(seen: Sequence[ConnectArrival]) -> View:
    """Each group as AD holds it now, compared with the prediction; what is not as predicted first."""
    good = sum(one.state is ArrivalState.AS_PREDICTED for one in seen)
    text = t("{good} of {all} are in AD as predicted.", good=good, all=counted(len(seen), "group"))
    ordered = sorted(seen, key=lambda one: one.state is ArrivalState.AS_PREDICTED)
    table = rows_html(
        (
            t("Group"),
            t("Compared"),
            t("AD object"),
            t("objectGUID"),
            t("objectSid"),
            t("Members"),
            t("What is otherwise"),
        ),
        [
            (
                one.display_name,
                one.state.title,
                one.present.dn if one.present else "",
                one.present.guid if one.present else "",
                (one.present.sid or "") if one.present else "",
                len(one.present.members or ()) if one.present else 0,
                joined(difference.what for difference in one.differences),
            )
            for one in ordered
        ],
        caption=t("Groups in AD"),
        limit=200,
    )
    return View(banner_html("good" if good == len(seen) else "attention", text) + table, text)


def arrivals_rows(seen: Sequence[ConnectArrival]) -> list[tuple[CellValue, ...]]:
    """The same for the table that a record keeps, with ``ARRIVALS_COLUMNS``: every group, in the order compared."""
    return [
        (
            one.group_id,
            one.display_name,
            one.state.value,
            _plain(one.group.dn) if one.group else NOTHING,
            one.present.dn if one.present else "",
            one.present.guid if one.present else "",
            (one.present.sid or "") if one.present else "",
            one.group.count(Known.YES) if one.group else 0,
            len(one.present.members or ()) if one.present else 0,
            joined(difference.what for difference in one.differences),
        )
        for one in seen
    ]


def _row(group: ConnectGroup) -> tuple[CellValue, ...]:
    return (
        group.display_name,
        _STANDINGS[group.standing],
        _value(group.dn),
        _type(group),
        _value(group.attributes.get("mail", Predicted())),
        group.count(Known.YES),
        group.count(Known.NO),
        group.count(Known.UNKNOWN),
        joined(trouble.what for trouble in group.troubles),
    )


def _type(group: ConnectGroup) -> Text:
    told = group.attributes.get("groupType", Predicted())
    return t("universal distribution group") if told.known and told.value == "8" else told.why or verbatim(told.value)


def _value(predicted: Predicted) -> Text:
    return verbatim(predicted.value) if predicted.known else predicted.why


def _plain(predicted: Predicted) -> str:
    return predicted.value if predicted.known else NOTHING


def _told(predicted: Predicted) -> dict[str, object]:
    return {"value": predicted.value if predicted.known else None, "why": predicted.why}

"""What a route brings so that its files can be read and held to it, without any connection.

The modules of this package know no route. They take a ``RouteRules``, or, where a file says which route it is of, all
of them by name (``Routes``; ``runbook_lib/routes/registry.py`` lists them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from runbook_lib.change.step import PlannedStep
from runbook_lib.model.change import Change, ChangeOf, OfRoute, Payload, Plan, PlanOf
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.target import Route, Target
from runbook_lib.model.text import Text, t
from runbook_lib.strict_file import Unfit


class Fields(BaseModel):
    """A part of a file, read without guessing: no key but these, each of its type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TargetFields(Fields):
    """The target of a plan in plan.json and in approvals."""

    def target(self) -> Target:
        """The target that they say; each route has its own."""
        raise NotImplementedError


class PayloadFields(Fields):
    """What a change in plan.json holds beside its head."""

    def payload(self) -> Payload:
        """The payload that they say; each route has its own.

        Raises:
            ValueError: They contradict each other.
        """
        raise NotImplementedError


class RouteRules(Protocol):
    """One way in which changes are carried out, as far as files can be held to it. Pure."""

    def __hash__(self) -> int:
        """Models of its files are built once."""

    @property
    def route(self) -> Route:
        """Its name."""

    @property
    def target_fields(self) -> type[TargetFields]:
        """How its targets stand in files."""

    @property
    def approved_target_fields(self) -> type[TargetFields]:
        """The same in approvals, where nothing but well-formed ids is believed."""

    @property
    def payload_fields(self) -> type[PayloadFields]:
        """How its payloads stand in plan.json, beside the keys of the head."""

    @property
    def intent_fields(self) -> type[BaseModel]:
        """What a journal says before one of its steps (``Step.intent``)."""

    @property
    def effect_fields(self) -> type[BaseModel]:
        """What a journal says after one of its steps (``Step.effect``)."""

    @property
    def place(self) -> Sequence[str]:
        """What the first line of its journals says about where the run wrote, beside what every route's says: texts."""

    @property
    def same_place(self) -> str:
        """The one of these that stays the same until a change is finished."""

    @property
    def standing_kinds(self) -> Sequence[ChangeKind]:
        """The kinds of change that can be approved in advance; ``Payload.beyond_standing`` judges each change."""

    def steps_of(self, changes: Sequence[Change]) -> Sequence[PlannedStep]:
        """The steps of changes of this route in the order in which they are sent."""

    def beyond_kind(self, change: Change, operation: Operation) -> Text:
        """What a change does that its kind never does, as the end of a sentence; empty where there is nothing."""

    def beyond_target(self, plan: Plan) -> Text:
        """What a plan does outside its own target, in the same form."""


_P = TypeVar("_P", bound=Payload)
_T = TypeVar("_T", bound=Target)


@dataclass(frozen=True, slots=True)
class RulesOf(Generic[_P, _T]):
    """The ``RouteRules`` of a route, from functions of its own types.

    Attributes:
        types: Its payload and its target.
        planned_steps: Its ``steps_of``.
        beyond_change: Its ``beyond_kind``.
        beyond_plan: Its ``beyond_target``.
    """

    route: Route
    types: OfRoute[_P, _T]
    target_fields: type[TargetFields]
    approved_target_fields: type[TargetFields]
    payload_fields: type[PayloadFields]
    intent_fields: type[BaseModel]
    effect_fields: type[BaseModel]
    place: tuple[str, ...]
    same_place: str
    standing_kinds: tuple[ChangeKind, ...]
    planned_steps: Callable[[Sequence[ChangeOf[_P]]], Sequence[PlannedStep]]
    beyond_change: Callable[[ChangeOf[_P], Operation], Text]
    beyond_plan: Callable[[PlanOf[_P, _T]], Text]

    def steps_of(self, changes: Sequence[Change]) -> Sequence[PlannedStep]:
        """The steps of changes of this route in the order in which they are sent."""
        return self.planned_steps(self.types.changes(changes))

    def beyond_kind(self, change: Change, operation: Operation) -> Text:
        """What a change does that its kind never does."""
        return self.beyond_change(self.types.change(change), operation)

    def beyond_target(self, plan: Plan) -> Text:
        """What a plan does outside its own target."""
        return self.beyond_plan(self.types.plan(plan))


Routes: TypeAlias = Mapping[Route, RouteRules]
"""The routes that are carried out."""


def rules_in(data: object, routes: Routes) -> RouteRules:
    """The rules of the route that a file or a line names; files from before routes had names are of the direct one.

    Raises:
        Unfit: It names none of these.
    """
    name = data.get("route", Route.DIRECT.value) if isinstance(data, dict) else Route.DIRECT.value
    found = next((rules for route, rules in routes.items() if route.value == name), None)
    if found is None:
        raise Unfit(t("it is of a route that this version does not carry out"))
    return found

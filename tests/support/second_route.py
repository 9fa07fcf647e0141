"""A second route, whole: one that writes to a world in memory, where objects have texts and contents, and no directory.

It stands in the place of Cloud Sync and has everything that a route brings: target, payloads, files, steps, planners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import BaseModel, Field

from runbook_lib.change.journal_check import DoneChange
from runbook_lib.change.route import Fields, PayloadFields, RouteRules, Routes, TargetFields
from runbook_lib.change.step import NOT_TAKEN, Effect, LiveState, Look, PlannedStep, Step, drifted, one_by_one
from runbook_lib.errors import ContradictsLook, NoAccess, Refused, RunbookError, WriteUnanswered
from runbook_lib.model.change import Change, ChangeOf, MemberDifference, Plan, ValueDifference
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.ids import GroupId, as_group_id
from runbook_lib.model.target import Route, Target, TargetPart
from runbook_lib.model.text import NOTHING, Text, t

AT_ONCE = 2
"""Values of one step of the kind ``fill``."""


@dataclass(frozen=True)
class Wording:
    """One text of an object, before and after."""

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class ThingPayload:
    """What is done to one object: its texts, what is put into it and taken out. ``thing`` is empty for a new one."""

    thing: str
    texts: tuple[Wording, ...] = ()
    members_added: tuple[str, ...] = ()
    members_removed: tuple[str, ...] = ()
    route: Route = Route.CLOUD_SYNC

    @property
    def object_id(self) -> str:
        """Its id."""
        return self.thing

    @property
    def object_name(self) -> str:
        """Nothing better than its id."""
        return self.thing

    @property
    def needs(self) -> frozenset[str]:
        """Values that name another group: ``group <id>``."""
        return frozenset(value.split()[1] for value in self.members_added if value.startswith("group "))

    @property
    def groups(self) -> frozenset[str]:
        """None but that of its head."""
        return frozenset()

    @property
    def groups_for_sure(self) -> frozenset[str]:
        """None either."""
        return frozenset()

    def identity(self) -> dict[str, object]:
        """All of it."""
        return self.as_json()

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {
            "thing": self.thing,
            "texts": [[text.name, text.old, text.new] for text in self.texts],
            "put": list(self.members_added),
            "taken": list(self.members_removed),
        }

    def as_read(self, display_name: str, target: Target) -> object:
        """What it is called, and where."""
        return [display_name, self.thing, target.title]

    def beyond_standing(self, kind: ChangeKind) -> Text:
        """Only texts can be approved in advance."""
        stands = kind is ChangeKind.UPDATE and not self.members_added
        return NOTHING if stands else t("A standing approval covers texts alone.")

    def summary(self, kind: ChangeKind) -> tuple[Text, ...]:
        """Its kind."""
        return (t("{kind} a thing", kind=kind.value),)

    def value_differences(self) -> tuple[ValueDifference, ...]:
        """Its texts."""
        return tuple(ValueDifference(text.name, (text.old,), (text.new,)) for text in self.texts)

    def member_differences(self) -> tuple[MemberDifference, ...]:
        """What is put into it and taken out."""
        added = [MemberDifference(True, value) for value in self.members_added]
        return (*added, *(MemberDifference(False, value) for value in self.members_removed))


ThingChange = ChangeOf[ThingPayload]


@dataclass(frozen=True)
class Shelf:
    """Where the objects stand: the target of this route."""

    id: str = "shelf-1"
    title: str = "the top shelf"

    @property
    def locked(self) -> str:
        """Its id."""
        return self.id

    def parts(self) -> tuple[TargetPart, ...]:
        """One part."""
        return (TargetPart(t("shelf"), t("Shelf"), "shelf_id", self.id, "shelf", self.title),)

    def as_json(self) -> dict[str, object]:
        """Id and name."""
        return {"shelf_id": self.id, "shelf": self.title}


class ShelfFields(TargetFields):
    shelf_id: str
    shelf: str

    def target(self) -> Shelf:
        return Shelf(self.shelf_id, self.shelf)


class ThingFields(PayloadFields):
    thing: str
    texts: list[list[str]]
    put: list[str]
    taken: list[str]

    def payload(self) -> ThingPayload:
        texts = tuple(Wording(name, old, new) for name, old, new in self.texts)
        return ThingPayload(self.thing, texts, tuple(self.put), tuple(self.taken))


class ThingIntent(Fields):
    kind: str
    values: list[str] = Field(default_factory=list)


class ThingEffect(Fields):
    kind: str = ""
    put: list[str] = Field(default_factory=list)
    taken: list[str] = Field(default_factory=list)
    refused: list[dict[str, str]] = Field(default_factory=list)


@dataclass
class Thing:
    """One object: its texts by name, what is in it."""

    texts: dict[str, str] = field(default_factory=dict)
    content: set[str] = field(default_factory=set)


@dataclass
class World:
    """Everything that there is, and what was done to it, in order.

    Attributes:
        things: Id to object.
        refuses: Values that no object takes.
        done: What took effect.
        answers: What happens to the next requests: ``lost`` before or ``unanswered`` after they take effect, ``late``
            just before the next one, ``forbidden``.
        tick: Called wherever a process may die.
    """

    things: dict[str, Thing] = field(default_factory=dict)
    refuses: frozenset[str] = frozenset()
    done: list[tuple[str, str, str]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    tick: Callable[[], None] = lambda: None
    late: list[Callable[[], None]] = field(default_factory=list)

    def request(self, action: Callable[[], None]) -> None:
        """Carry out one request, or lose it or its answer."""
        self.tick()
        answer = self.answers.pop(0) if self.answers else "ok"
        if answer == "forbidden":
            raise NoAccess(t("not you"), code="forbidden")
        if answer == "lost":
            raise WriteUnanswered(t("lost"), code="lost")
        if answer == "late":
            self.late.append(action)
            raise WriteUnanswered(t("under way"), code="late")
        for other in self.late:
            with suppress(Refused):
                other()
        self.late.clear()
        action()
        self.tick()
        if answer == "unanswered":
            raise WriteUnanswered(t("no answer"), code="unanswered")

    def make(self, name: str) -> None:
        """Make an object."""
        if f"id of {name}" in self.things:
            raise ContradictsLook(t("there"), code="there")
        self.things[f"id of {name}"] = Thing()
        self.done.append(("make", name, ""))

    def set(self, thing: str, name: str, old: str, new: str) -> None:
        """Change a text from one value to another."""
        if self.things[thing].texts.get(name, "") != old:
            raise ContradictsLook(t("otherwise"), code="otherwise")
        self.things[thing].texts[name] = new
        self.done.append(("set", thing, name))

    def unmake(self, thing: str) -> None:
        """Take an object away."""
        if thing not in self.things:
            raise ContradictsLook(t("gone"), code="gone")
        del self.things[thing]
        self.done.append(("unmake", thing, ""))

    def take(self, thing: str, value: str) -> None:
        """Take a value out of an object."""
        if value not in self.things[thing].content:
            raise ContradictsLook(t("gone"), code="gone")
        self.things[thing].content.remove(value)
        self.done.append(("take", thing, value))

    def put(self, thing: str, value: str) -> None:
        """Put a value into an object."""
        if value in self.refuses:
            raise Refused(t("not {value}", value=value), code="not-this-value")
        if value in self.things[thing].content:
            raise ContradictsLook(t("there"), code="there")
        self.things[thing].content.add(value)
        self.done.append(("put", thing, value))


@dataclass
class ThingStep:
    """One step; without a world it is only planned."""

    id: str
    change: ThingChange
    kind: str
    text: Wording | None = None
    values: tuple[str, ...] = ()
    world: World | None = None
    partly: bool = False
    left: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    earlier: frozenset[str] = frozenset()

    @property
    def together(self) -> str:
        """Empty: one after the other."""
        return ""

    @property
    def makes_object(self) -> bool:
        """Whether it makes the object of its change."""
        return self.kind == "make"

    @property
    def object_id(self) -> str:
        """Known once the object is there."""
        made = f"id of {self.change.group_id}"
        return self.change.payload.thing or (made if made in self._world.things else "")

    @property
    def _world(self) -> World:
        assert self.world is not None
        return self.world

    def recall(self, effect: Effect) -> None:
        """Believe an object that is there."""
        self.refused = list(effect.data.get(NOT_TAKEN, ()))
        if self.makes_object and self.object_id != effect.object_id:
            raise drifted(self.change, t("it is gone"))

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """How its object is now."""
        self._world.tick()
        if self.makes_object:
            return Look(LiveState.AFTER if self.object_id else LiveState.BEFORE)
        if self.kind == "unmake":
            return Look(LiveState.BEFORE if self.object_id in self._world.things else LiveState.AFTER)
        thing = self._world.things[self.object_id]
        if self.text is not None:
            value = thing.texts.get(self.text.name, "")
            if value == self.text.new:
                return Look(LiveState.AFTER)
            if value == self.text.old:
                return Look(LiveState.BEFORE)
            return Look(LiveState.OTHER, t("it says {value}", value=value))
        taking = self.kind == "take"
        self.left = [value for value in self.values if (value in thing.content) is taking]
        self.refused = []
        self.earlier = frozenset((begun or {}).get("values", ()))
        return Look(LiveState.BEFORE if self.left else LiveState.AFTER)

    def intent(self) -> Mapping[str, object]:
        """Its kind and its values."""
        return {"kind": self.kind, "values": sorted(self.earlier | set(self.left))}

    def send(self) -> None:
        """One request, or one for each value."""
        world = self._world
        if self.makes_object:
            world.request(lambda: world.make(self.change.group_id))
        elif self.kind == "unmake":
            world.request(lambda: world.unmake(self.object_id))
        elif self.text is not None:
            text = self.text
            world.request(lambda: world.set(self.object_id, text.name, text.old, text.new))
        move = world.take if self.kind == "take" else world.put
        for value in list(self.left):
            try:
                world.request(lambda value=value: move(self.object_id, value))  # type: ignore[misc]
            except ContradictsLook:
                raise
            except Refused:
                self.refused.append(value)
            else:
                self.partly = True
                self.left.remove(value)

    def effect(self, begun: Mapping[str, Any] | None) -> Mapping[str, object]:
        """What this change did."""
        if begun is None:
            return {}
        if self.kind not in ("fill", "take"):
            return {"kind": self.kind}
        ours = sorted(set(begun["values"]) - set(self.left))
        return {
            **({"taken" if self.kind == "take" else "put": ours} if ours else {}),
            **({NOT_TAKEN: [{"member": v, "dn": v, "cause": "x"} for v in self.refused]} if self.refused else {}),
        }

    def beyond_intent(self, object_id: str, intent: Mapping[str, Any], made: Mapping[str, str]) -> Text:
        """Another kind, other values, another object."""
        own = "" if self.makes_object else self.change.payload.thing or made.get(self.change.group_id)
        wrong = intent["kind"] != self.kind or not set(intent["values"]) <= set(self.values) or object_id != own
        return t("it begins something else") if wrong else NOTHING

    def beyond_effect(self, effect: Effect, made: Mapping[str, str]) -> Text:
        """Another object, other values."""
        wrong = effect.object_id != (self.change.payload.thing or made.get(self.change.group_id))
        values = {*effect.data.get("put", ()), *effect.data.get("taken", ())}
        return t("it did something else") if wrong or not values <= set(self.values) else NOTHING

    def not_begun(self, effect: Mapping[str, Any], begun: Sequence[Mapping[str, Any]], made: Mapping[str, str]) -> Text:
        """An effect without an intent."""
        announced = {value for intent in begun for value in intent["values"]}
        wrong = (effect and not begun) or not {*effect.get("put", ()), *effect.get("taken", ())} <= announced
        return t("it never began it, nor {made}", made=made) if wrong else NOTHING


def steps_of(changes: Iterable[Change], world: World | None = None) -> list[ThingStep]:
    """Objects first, then texts and contents, change by change."""
    first: list[ThingStep] = []
    rest: list[ThingStep] = []
    for change in map(of_things, changes):
        number = 0

        def step(kind: str, text: Wording | None = None, values: tuple[str, ...] = ()) -> ThingStep:
            nonlocal number
            number += 1
            return ThingStep(f"{change.digest}/{number}", change, kind, text, values, world)  # noqa: B023

        if change.kind is ChangeKind.CREATE:
            first.append(step("make"))
        rest += [step("set", text) for text in change.payload.texts]
        for kind, keys in (("fill", change.payload.members_added), ("take", change.payload.members_removed)):
            rest += [step(kind, values=keys[start : start + AT_ONCE]) for start in range(0, len(keys), AT_ONCE)]
        if change.kind is ChangeKind.DELETE:
            rest.append(step("unmake"))
    return first + rest


def of_things(change: Change) -> ThingChange:
    """A change of this route."""
    assert isinstance(change.payload, ThingPayload)
    return cast("ThingChange", change)


class _Patience:
    pauses = (1.0, 2.0)

    def sleep(self, _seconds: float) -> None:
        return


class ThingWork:
    """The steps of some changes in a world."""

    patience = _Patience()

    def __init__(self, changes: Iterable[Change], world: World) -> None:
        self.steps = steps_of(changes, world)

    def send_together(self, steps: Sequence[Step]) -> Sequence[RunbookError | None]:
        """One after the other."""
        return one_by_one(steps)

    def forget(self) -> None:
        """Nothing is kept."""

    def not_taken(self) -> RunbookError | None:
        """One error for all that was refused."""
        refused = [value for step in self.steps for value in step.refused]
        return Refused(t("refused: {refused}", refused=refused), code="values-refused") if refused else None


@dataclass(frozen=True)
class _Rules:
    """The rules of this route."""

    route: Route = Route.CLOUD_SYNC
    target_fields: type[TargetFields] = ShelfFields
    approved_target_fields: type[TargetFields] = ShelfFields
    payload_fields: type[PayloadFields] = ThingFields
    intent_fields: type[BaseModel] = ThingIntent
    effect_fields: type[BaseModel] = ThingEffect
    place: tuple[str, ...] = ("where",)
    same_place: str = "where"
    standing_kinds: tuple[ChangeKind, ...] = (ChangeKind.UPDATE,)

    def steps_of(self, changes: Sequence[Change]) -> Sequence[PlannedStep]:
        return steps_of(changes)

    def beyond_kind(self, change: Change, operation: Operation) -> Text:
        payload = of_things(change).payload
        if bool(payload.thing) is (change.kind is ChangeKind.CREATE):
            return t("names the wrong thing")
        return NOTHING if operation is not Operation.DISABLE else t("is never disabled")

    def beyond_target(self, plan: Plan) -> Text:
        return NOTHING if isinstance(plan.target, Shelf) else t("it stands on no shelf")


THINGS: RouteRules = _Rules()
SECOND: Routes = {Route.CLOUD_SYNC: THINGS}
"""The routes that a test carries out which has this one alone."""


def plan_of(changes: Iterable[Change], operation: Operation = Operation.ENABLE) -> Plan:
    """A plan of this route."""
    return Plan(operation, Shelf(), tuple(changes), route=Route.CLOUD_SYNC)


def undo_of(done: DoneChange) -> Plan:
    """The way back of what was really done."""
    back: list[Change] = []
    for change in map(of_things, reversed(done.plan.changes)):
        effects = done.effects.get(change.digest, ())
        said = {effect.write for effect in effects if effect.data}
        if not said:
            continue
        steps = [step for step in steps_of([change]) if step.id in said]
        put = sorted(value for effect in effects for value in effect.data.get("put", ()))
        thing = effects[0].object_id
        if any(step.kind == "make" for step in steps):
            kind, payload = ChangeKind.DELETE, ThingPayload(thing, members_removed=tuple(put))
        else:
            texts = tuple(Wording(s.text.name, s.text.new, s.text.old) for s in steps if s.text)
            kind, payload = ChangeKind.UPDATE, ThingPayload(thing, texts, members_removed=tuple(put))
        back.append(ThingChange(kind, change.group_id, change.display_name, payload, "undo"))
    return plan_of(back, Operation.UNDO)


def group_of(number: int) -> GroupId:
    """The group that number ``number`` is about."""
    return as_group_id(f"00000000-0000-4000-8000-{number:012x}")


def change(number: int, *, new: bool, texts: int, values: int) -> ThingChange:
    """Number ``number``: makes its object or changes one, some texts, and puts values into it."""
    kind = ChangeKind.CREATE if new else ChangeKind.UPDATE
    wordings = tuple(Wording(f"text {n}", "old", "new") for n in range(0 if new else texts))
    put = tuple(f"value {n}" for n in range(values))
    own = "" if new else f"thing {number}"
    return ThingChange(kind, group_of(number), f"g{number}", ThingPayload(own, wordings, put))

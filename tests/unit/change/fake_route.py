"""A route over a world in memory: objects with a text and contents, and no directory anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.change.journal import Effect
from runbook_lib.change.step import NOT_TAKEN, LiveState, Look, PlannedStep, RouteRules, drifted
from runbook_lib.errors import ContradictsLook, NoAccess, Refused, RunbookError, WriteUnanswered
from runbook_lib.model.change import AttributeDelta, Change, ChangeKind, MemberRef, Plan
from runbook_lib.model.text import t

AT_ONCE = 2
"""Values of one step of the kind ``fill``."""


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

    def put(self, thing: str, value: str) -> None:
        """Put a value into an object."""
        if value in self.refuses:
            raise Refused(t("not {value}", value=value), code="not-this-value")
        if value in self.things[thing].content:
            raise ContradictsLook(t("there"), code="there")
        self.things[thing].content.add(value)
        self.done.append(("put", thing, value))


@dataclass
class FakeStep:
    """One step; without a world it is only planned."""

    id: str
    change: Change
    kind: str
    delta: AttributeDelta | None = None
    values: tuple[str, ...] = ()
    world: World | None = None
    partly: bool = False
    left: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    earlier: frozenset[str] = frozenset()

    @property
    def makes_object(self) -> bool:
        """Whether it makes the object of its change."""
        return self.kind == "make"

    @property
    def object_id(self) -> str:
        """Known once the object is there."""
        made = f"id of {self.change.group_id}"
        return self.change.object_guid or (made if made in self._world.things else "")

    @property
    def _world(self) -> World:
        assert self.world is not None
        return self.world

    def recall(self, effect: Effect) -> None:
        """Believe an object that is there."""
        self.refused = list(effect.data.get(NOT_TAKEN, ()))
        if self.makes_object and self.object_id != effect.object_guid:
            raise drifted(self.change, "it is gone")

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """How its object is now."""
        self._world.tick()
        if self.makes_object:
            return Look(LiveState.AFTER if self.object_id else LiveState.BEFORE)
        thing = self._world.things[self.object_id]
        if self.delta is not None:
            value = thing.texts.get(self.delta.name, "")
            if value in self.delta.added:
                return Look(LiveState.AFTER)
            return Look(LiveState.BEFORE) if value in self.delta.removed else Look(LiveState.OTHER, f"it says {value}")
        self.left = [value for value in self.values if value not in thing.content]
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
        elif self.delta is not None:
            (old,), (new,), name = self.delta.removed, self.delta.added, self.delta.name
            world.request(lambda: world.set(self.object_id, name, old, new))
        for value in list(self.left):
            try:
                world.request(lambda value=value: world.put(self.object_id, value))  # type: ignore[misc]
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
        if self.kind != "fill":
            return {"kind": self.kind}
        ours = sorted(set(begun["values"]) - set(self.left))
        return {
            **({"put": ours} if ours else {}),
            **({NOT_TAKEN: [{"member": v, "dn": v, "cause": "x"} for v in self.refused]} if self.refused else {}),
        }

    def beyond_intent(self, object_id: str, intent: Mapping[str, Any], made: Mapping[str, str]) -> str:
        """Another kind, other values, another object."""
        own = "" if self.makes_object else self.change.object_guid or made.get(self.change.group_id)
        wrong = intent["kind"] != self.kind or not set(intent["values"]) <= set(self.values) or object_id != own
        return "it begins something else" if wrong else ""

    def beyond_effect(self, effect: Effect, made: Mapping[str, str]) -> str:
        """Another object, other values."""
        wrong = effect.object_guid != (self.change.object_guid or made.get(self.change.group_id))
        return "it did something else" if wrong or not set(effect.data.get("put", ())) <= set(self.values) else ""

    def not_begun(self, effect: Mapping[str, Any], begun: Sequence[Mapping[str, Any]], made: Mapping[str, str]) -> str:
        """An effect without an intent."""
        announced = {value for intent in begun for value in intent["values"]}
        wrong = (effect and not begun) or not set(effect.get("put", ())) <= announced
        return f"it never began it, nor {made}" if wrong else ""


def steps_of(changes: Iterable[Change], world: World | None = None) -> list[FakeStep]:
    """Objects first, then texts and contents, change by change."""
    first: list[FakeStep] = []
    rest: list[FakeStep] = []
    for change in changes:
        number = 0
        if change.kind is ChangeKind.CREATE:
            number += 1
            first.append(FakeStep(f"{change.digest}/{number}", change, "make", world=world))
        for delta in change.attributes:
            number += 1
            rest.append(FakeStep(f"{change.digest}/{number}", change, "set", delta, world=world))
        keys = [ref.key for ref in change.members_added]
        for start in range(0, len(keys), AT_ONCE):
            number += 1
            some = tuple(keys[start : start + AT_ONCE])
            rest.append(FakeStep(f"{change.digest}/{number}", change, "fill", values=some, world=world))
    return first + rest


class _Patience:
    pauses = (1.0, 2.0)

    def sleep(self, _seconds: float) -> None:
        return


class FakeWork:
    """The steps of some changes in a world."""

    patience = _Patience()

    def __init__(self, changes: Iterable[Change], world: World) -> None:
        self.steps = steps_of(changes, world)

    def forget(self) -> None:
        """Nothing is kept."""

    def not_taken(self) -> RunbookError | None:
        """One error for all that was refused."""
        refused = [value for step in self.steps for value in step.refused]
        return Refused(t("refused: {refused}", refused=refused), code="values-refused") if refused else None


class _FakeRoute:
    place = ("where",)
    same_place = "where"

    def steps_of(self, changes: Sequence[Change]) -> Sequence[PlannedStep]:
        return steps_of(changes)

    def beyond_target(self, _plan: Plan) -> str:
        return ""


FAKE: RouteRules = _FakeRoute()


def change(number: int, *, new: bool, texts: int, values: int) -> Change:
    """Number ``number``: makes its object or changes one, some texts, and puts values into it."""
    kind = ChangeKind.CREATE if new else ChangeKind.UPDATE
    deltas = tuple(AttributeDelta(f"text {n}", ("old",), ("new",)) for n in range(0 if new else texts))
    refs = tuple(MemberRef(f"value {n}", "") for n in range(values))
    own = "" if new else f"thing {number}"
    name = f"g{number}"
    return Change(kind, name, name, name, own, attributes=deltas, members_added=refs)

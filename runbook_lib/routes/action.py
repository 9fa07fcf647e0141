"""One action as a change: what the actions of the routes cloud-sync and connect-sync have in common. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import ClassVar, Protocol

from runbook_lib.model.change import ChangeOf, Payload, ValueDifference
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.text import NOTHING, Text, t


class RouteAction(ABC):
    """What one change does."""

    __slots__ = ()

    name: ClassVar[str]
    """How files call it."""
    kinds: ClassVar[frozenset[ChangeKind]]
    """The kinds of change that do this."""
    may_say: ClassVar[frozenset[str]]
    """What the effect of its step may hold."""

    @abstractmethod
    def as_json(self) -> dict[str, object]:
        """All of it, without its name; ``files.py`` of its route reads it back."""

    def names_read(self) -> object:
        """Names that a person reads of it and that its identity leaves out; None: there are none."""
        return None

    @abstractmethod
    def summary(self) -> Text:
        """What is done, in a few words."""

    def differences(self) -> tuple[ValueDifference, ...]:
        """Values before and after."""
        return ()

    def replaced(self) -> object:
        """What is there until then, where it is replaced as a whole: the journal says it before the step."""
        return None

    def beyond_kind(self, kind: ChangeKind) -> Text:
        """What it does that a change of this kind never does, as the end of a sentence; empty: nothing."""
        del kind
        return NOTHING


class ActionPayload(Payload, Protocol):
    """A payload that is one action, about a group or about all of them."""

    @property
    def action(self) -> RouteAction:
        """What is done."""

    @property
    def group_id(self) -> str:
        """The cloud group that it is about; empty for what is about all of them."""


def beyond_action(
    change: ChangeOf[ActionPayload],
    operation: Operation,
    kinds: Mapping[Operation, Collection[ChangeKind]],
    of_group: Collection[ChangeKind],
) -> Text:
    """What a change that is one action does beyond its kind, whatever the action: ``RouteRules.beyond_kind`` begins so.

    Args:
        change: The change.
        operation: Of its plan.
        kinds: What each operation may do.
        of_group: Kinds that are about one group; all others are about none.
    """
    if change.kind not in change.payload.action.kinds:
        return t("does something of another kind")
    if change.kind not in kinds[operation]:
        return t("is no part of a plan to {value}", value=operation.value)
    if change.group_id != change.payload.group_id or bool(change.group_id) is not (change.kind in of_group):
        return t("is about another group than it names")
    return NOTHING

"""The steps of the route connect-sync: each looks at the live state before something is handed over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Generic, Protocol, TypeVar, cast

from runbook_lib.change.step import Effect, LiveState, Look
from runbook_lib.connect.choosing import ChoiceProof
from runbook_lib.graph.tenant.group_settings import GroupSettings
from runbook_lib.graph.writing import GraphWrite, Written
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import DeletedObject
from runbook_lib.model.dn import MalformedDnError, same_dn
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.connect_sync.actions import (
    HANDED_OVER,
    ConnectAction,
    HandedOver,
    LetConnectorWrite,
    RunCycle,
    SwitchOn,
)
from runbook_lib.routes.connect_sync.acts import Act
from runbook_lib.routes.connect_sync.choosing_actions import ChooseInStaging, LeaveStaging
from runbook_lib.routes.connect_sync.hand_over import HandOver, ServerFacts, hand_over_of
from runbook_lib.routes.connect_sync.payload import ConnectSyncChange
from runbook_lib.routes.connect_sync.target import ConnectSyncTarget


@dataclass(frozen=True, slots=True)
class LiveSwitch:
    """Group writeback v1 as it is now.

    Attributes:
        v1: Whether it is on.
        container: DN of its OU; empty: not known.
    """

    v1: Switch
    container: str = ""


class Live(Protocol):
    """The live state that steps look at: the tenant, the evidence of the server, AD."""

    def switch(self) -> LiveSwitch:
        """Group writeback v1 now.

        Raises:
            RunbookError: Graph does not answer.
        """

    def connector_may_write(self) -> Switch:
        """Whether the connector account has its rights on the OU of written groups.

        Raises:
            RunbookError: AD does not answer.
        """

    def choice(self, chosen: Collection[str]) -> ChoiceProof:
        """What the evidence of a server in staging mode proves now of a choice of groups, by id.

        Raises:
            RunbookError: The evidence does not count any more.
        """


class GroupsThatWent(Protocol):
    """AD, as far as groups come back from its deleted objects; ``DeletedGroups`` is it."""

    def standing(self, guid: str) -> str | None:
        """Where an object stands; None where it does not."""

    def deleted(self, guid: str) -> DeletedObject | None:
        """The deleted object; None where there is none, or this account may not see it."""

    def written_again(self, anchor: str) -> str | None:
        """Where another object with this anchor stands in the OU of written groups; None: nowhere."""

    def place(self, relative: str) -> tuple[str, bool] | None:
        """Distinguished name in the OU of written groups for a relative one, and whether something has it already.

        None where the OU is gone.
        """

    def bring_back(self, deleted: DeletedObject, dn: str, anchor: str) -> None:
        """Bring it back under this name, with its anchor."""


class TenantSettings(Protocol):
    """The tenant's settings of groups; ``SettingsOfTenant`` is it."""

    def read(self) -> GroupSettings:
        """As they are now."""

    def write(self, write: GraphWrite, version: str = "v1.0") -> Written:
        """Send one write, once."""

    def writeback_state(self, group_id: GroupId) -> bool | None:
        """Whether a group is to be written back under V2; None: not set."""


@dataclass(frozen=True, slots=True)
class ActContext:
    """What the steps of one run share.

    Attributes:
        target: The OU of written groups.
        live: What is so now.
        facts: What the steps of a hand-over name.
        keep: Puts what is handed over into the record.
        groups: Groups that come back from AD's deleted objects.
        settings: The tenant's settings of groups.
        groups_before: SHA-256 of what the run kept of the domain's groups before its first act; empty: nothing.
    """

    target: ConnectSyncTarget
    live: Live
    facts: ServerFacts
    keep: Callable[[HandOver], None]
    groups: GroupsThatWent
    settings: TenantSettings
    groups_before: Callable[[], str] = lambda: ""


ConnectActionT = TypeVar("ConnectActionT", bound=ConnectAction)


class ActStep(Generic[ConnectActionT]):
    """An act in the place where it takes effect; kinds of it say how to look, what is sent and what it changed."""

    partly = False
    """An act is done or not."""
    together = ""
    """Each alone."""

    def __init__(self, act: Act, context: ActContext) -> None:
        self.act = act
        self.action = cast("ConnectActionT", act.change.payload.action)
        self.context = context

    @property
    def id(self) -> str:
        """``<change digest>/1``."""
        return self.act.id

    @property
    def change(self) -> ConnectSyncChange:
        """The change that it is part of."""
        return self.act.change

    @property
    def object_id(self) -> str:
        """The AD object that it is about."""
        return self.change.payload.object_guid

    def recall(self, effect: Effect) -> None:
        """What an earlier run did stays done."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """How things are now."""
        raise NotImplementedError

    def intent(self) -> Mapping[str, object]:
        """What the journal says before it is sent."""
        return self.act.intent()

    def send(self) -> None:
        """Carry it out, once."""
        raise NotImplementedError

    def effect(self, begun: Mapping[str, Any] | None) -> Mapping[str, object]:
        """What it did; empty where it was never begun, because things were as wanted."""
        return self.changed() if begun is not None else {}

    def changed(self) -> Mapping[str, object]:
        """What it did, for the journal."""
        raise NotImplementedError


HandedT = TypeVar("HandedT", bound=HandedOver)


class HandOverStep(ActStep[HandedT]):
    """Something is handed to a person: written into the record, and nowhere else.

    Handed over again it is the same text: one that was begun, and of which nothing more is known, is handed over again.
    """

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether it is done already."""
        del begun
        return Look(LiveState.BEFORE)

    def send(self) -> None:
        """Put it into the record."""
        self.context.keep(self.handed)

    def changed(self) -> Mapping[str, object]:
        """What was handed over, and the file that holds it."""
        text = self.handed.text().encode("utf-8", "backslashreplace")
        return {HANDED_OVER: self.action.name, "file": self.handed.file, "sha256": sha256(text).hexdigest()}

    @property
    def handed(self) -> HandOver:
        """The text."""
        return hand_over_of(self.action, self.context.target, self.context.facts)


class LetConnectorWriteStep(HandOverStep[LetConnectorWrite]):
    """Rights of the connector account."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether it has them."""
        del begun
        has = self.context.live.connector_may_write() is Switch.ON
        return Look(LiveState.AFTER if has else LiveState.BEFORE)


class SwitchOnStep(HandOverStep[SwitchOn]):
    """The wizard."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether v1 is on, and in this OU. Where nobody tells, it is handed over: the plan said so."""
        del begun
        now, here = self.context.live.switch(), self.context.target.ou_dn
        if now.v1 is not Switch.ON:
            return Look(LiveState.BEFORE)
        if now.container and not same_place(now.container, here):
            return Look(
                LiveState.OTHER,
                t("v1 was switched on meanwhile, with the OU {container}", container=printable(now.container)),
            )
        return Look(LiveState.AFTER)


class ChooseInStagingStep(HandOverStep[ChooseInStaging]):
    """Rules on a server in staging mode: nothing that is so in AD or in the tenant says whether they are made."""


class LeaveStagingStep(HandOverStep[LeaveStaging]):
    """The server with the rules becomes the active one."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether the pending exports still prove the choice: nobody leaves staging mode without.

        Once begun, somebody may have left it: the same text is handed over again.
        """
        proof = self.context.live.choice(self.action.groups)
        if begun is not None or proof.may_leave_staging:
            return Look(LiveState.BEFORE)
        names = {one.group_id: one.display_name for one in self.action.groups_coming}
        return Look(LiveState.OTHER, t("the choice is not proved any more: {why}", why=proof.in_words(names)))


class RunCycleStep(HandOverStep[RunCycle]):
    """One cycle."""


def same_place(first: str, second: str) -> bool:
    """Whether two distinguished names are the same; what is none is the same as nothing."""
    try:
        return same_dn(first, second)
    except MalformedDnError:
        return False

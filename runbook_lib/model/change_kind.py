"""Kinds of changes, the routes that have them, and what a plan is for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, t


class ChangeKind(Enum):
    """What a change does to its one object."""

    CREATE = "create"
    UPDATE = "update"
    ADD_MEMBERS = "add-members"
    REMOVE_MEMBERS = "remove-members"
    RETIRE = "retire"
    RESTORE = "restore"
    DELETE = "delete"
    UNDELETE = "undelete"
    ASSIGN = "assign"
    UNASSIGN = "unassign"
    MAP = "map"
    SETTINGS = "settings"
    START = "start"
    PAUSE = "pause"
    PROVISION = "provision"
    CREATE_CONFIGURATION = "create-configuration"
    CREATE_JOB = "create-job"
    REMOVE_JOB = "remove-job"
    REMOVE_CONFIGURATION = "remove-configuration"
    CONVERT = "convert"
    ROLL_BACK = "roll-back"
    MAKE_UNIVERSAL = "make-universal"
    RESTORE_SCOPE = "restore-scope"
    EXTENSION = "extension"
    REMOVE_EXTENSION = "remove-extension"
    MAP_GROUP_DN = "map-group-dn"
    UNMAP_GROUP_DN = "unmap-group-dn"
    ANCHOR = "anchor"
    UNANCHOR = "unanchor"
    MARK = "mark"
    UNMARK = "unmark"
    ADOPT = "adopt"
    GRANT_RIGHTS = "grant-rights"
    CHOOSE_GROUPS = "choose-groups"
    LEAVE_STAGING = "leave-staging"
    SWITCH_ON = "switch-on"
    SWITCH_OFF = "switch-off"
    RUN_CYCLE = "run-cycle"
    BRING_BACK = "bring-back"
    NEW_GROUP_DEFAULT = "new-group-default"
    GROUP_WRITEBACK = "group-writeback"

    @property
    def title(self) -> Text:
        """What is done, for people: as the first word of a line about a group."""
        return _KIND_TITLES[self]

    @property
    def makes_object(self) -> bool:
        """Whether others of its plan may need the object that it creates or brings back."""
        return self in (ChangeKind.CREATE, ChangeKind.UNDELETE, ChangeKind.CREATE_CONFIGURATION)


_KINDS: Mapping[Route, Mapping[ChangeKind, Text]] = {
    Route.DIRECT: {
        ChangeKind.CREATE: t("create"),
        ChangeKind.UPDATE: t("update"),
        ChangeKind.ADD_MEMBERS: t("add-members"),
        ChangeKind.REMOVE_MEMBERS: t("remove-members"),
        ChangeKind.RETIRE: t("retire"),
        ChangeKind.RESTORE: t("restore"),
        ChangeKind.DELETE: t("delete"),
        ChangeKind.UNDELETE: t("undelete"),
    },
    Route.CLOUD_SYNC: {
        ChangeKind.ASSIGN: t("assign"),
        ChangeKind.UNASSIGN: t("unassign"),
        ChangeKind.MAP: t("map"),
        ChangeKind.SETTINGS: t("settings"),
        ChangeKind.START: t("start"),
        ChangeKind.PAUSE: t("pause"),
        ChangeKind.PROVISION: t("provision"),
        ChangeKind.CREATE_CONFIGURATION: t("create-configuration"),
        ChangeKind.CREATE_JOB: t("create-job"),
        ChangeKind.REMOVE_JOB: t("remove-job"),
        ChangeKind.REMOVE_CONFIGURATION: t("remove-configuration"),
        ChangeKind.CONVERT: t("convert"),
        ChangeKind.ROLL_BACK: t("roll-back"),
        ChangeKind.MAKE_UNIVERSAL: t("make-universal"),
        ChangeKind.RESTORE_SCOPE: t("restore-scope"),
        ChangeKind.EXTENSION: t("extension"),
        ChangeKind.REMOVE_EXTENSION: t("remove-extension"),
        ChangeKind.MAP_GROUP_DN: t("map-group-dn"),
        ChangeKind.UNMAP_GROUP_DN: t("unmap-group-dn"),
        ChangeKind.ANCHOR: t("anchor"),
        ChangeKind.UNANCHOR: t("unanchor"),
        ChangeKind.MARK: t("mark"),
        ChangeKind.UNMARK: t("unmark"),
        ChangeKind.ADOPT: t("adopt"),
    },
    Route.CONNECT_SYNC: {
        ChangeKind.GRANT_RIGHTS: t("grant-rights"),
        ChangeKind.CHOOSE_GROUPS: t("choose-groups"),
        ChangeKind.LEAVE_STAGING: t("leave-staging"),
        ChangeKind.SWITCH_ON: t("switch-on"),
        ChangeKind.SWITCH_OFF: t("switch-off"),
        ChangeKind.RUN_CYCLE: t("run-cycle"),
        ChangeKind.BRING_BACK: t("bring-back"),
        ChangeKind.NEW_GROUP_DEFAULT: t("new-group-default"),
        ChangeKind.GROUP_WRITEBACK: t("group-writeback"),
    },
}
"""Titles are in English the names by which options and files know the kinds, so that a reader can type them."""
_KIND_TITLES = {kind: title for kinds in _KINDS.values() for kind, title in kinds.items()}
KINDS_OF_ROUTE: Mapping[Route, tuple[ChangeKind, ...]] = {route: tuple(kinds) for route, kinds in _KINDS.items()}
"""The kinds that a route's plans count: a file of one route says nothing of another's."""


class Operation(Enum):
    """What a plan is for; also the verb of the phrase that approves it."""

    ENABLE = "enable"
    DISABLE = "disable"
    UNDO = "undo"

    @property
    def title(self) -> Text:
        """The verb, for people."""
        titles = {Operation.ENABLE: t("enable"), Operation.DISABLE: t("disable"), Operation.UNDO: t("undo")}
        return titles[self]

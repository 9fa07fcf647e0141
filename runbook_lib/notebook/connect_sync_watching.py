"""After everything was handed over: AD is watched, what arrived is compared, and what is left to do is handed over."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

import pandas as pd

from runbook_lib.connect.arrived import ArrivalState, ConnectArrival, connect_arrivals
from runbook_lib.connect.choosing import ChoiceProof
from runbook_lib.connect.predicted import ConnectPrediction
from runbook_lib.connect.settings import names_by_rules
from runbook_lib.directory.below import GroupsBelow
from runbook_lib.errors import AwaitingHandoff, RunbookError, VerificationFailed
from runbook_lib.exchange.address_book import address_book_of, written_group
from runbook_lib.exchange.facts import Facts
from runbook_lib.exchange.read import read_exchange
from runbook_lib.exchange.versions import load_versions
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Severity
from runbook_lib.model.ids import as_group_id
from runbook_lib.model.predicted import Known
from runbook_lib.model.text import t
from runbook_lib.notebook.connect_sync_reading import ServerRead
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.front_end import ProgressLine
from runbook_lib.notebook.way import ReadBack
from runbook_lib.parameters.check_change import with_acknowledgements
from runbook_lib.preflight.address_book import address_book_finding
from runbook_lib.routes.connect_sync.handed import EarlierHandOver
from runbook_lib.routes.connect_sync.other_choice import other_names, other_ou
from runbook_lib.routes.connect_sync.watch import choice_not_proved, end_of_arrivals, watch_connect
from runbook_lib.routes.predicted_members import accounts_of
from runbook_lib.shown.connect_choice import CHOICE_COLUMNS, choice_rows, choice_view
from runbook_lib.shown.connect_sync import ARRIVALS_COLUMNS, arrivals_rows, connect_arrivals_view
from runbook_lib.shown.hand_offs import hand_offs_of_plan_view, hand_offs_text
from runbook_lib.shown.html import View

ADDRESS_BOOK_FILE = "hand-off-address-book.txt"
ARRIVALS_FILE = "arrivals.csv"
CHOICE_FILE = "choice.csv"


class ConnectWatching:
    """What a run looks at when nothing is left to be handed over.

    Args:
        context: Of the run.
        inventory: Both sides, as they were read when the run began.
        server: The Connect server, likewise.
        earlier: What was handed over; None: v1 was on before.
    """

    def __init__(
        self, context: RunContext, inventory: Inventory, server: ServerRead, earlier: EarlierHandOver | None
    ) -> None:
        self._context = context
        self._inventory = inventory
        self._server = server
        self._earlier = earlier
        self._since = earlier.at if earlier else None

    def arrivals(self, prediction: ConnectPrediction) -> ReadBack:
        """Watch until every group that is sure to come is there, or the time is over.

        Raises:
            NoAccess, ServiceFailed: AD cannot be looked at.
        """
        context, server = self._context, self._server.now
        container = prediction.container.value if prediction.container.known else context.parameters.target_ou
        groups = GroupsBelow(context.connect_directory(), container)
        accounts = accounts_of(self._inventory)
        exported = server.exported(self._since)
        elsewhere = self._elsewhere(prediction)

        def look(changed_only: bool) -> Sequence[ConnectArrival]:
            return connect_arrivals(
                prediction,
                groups.look(changed_only=changed_only),
                self._inventory.index.guid_of_dn,
                accounts,
                exported=exported,
                since=self._since,
            )

        minutes = 0 if elsewhere else context.parameters.connect_wait
        watched = watch_connect(
            look,
            wait=timedelta(minutes=minutes),
            clock=context.clock,
            sleep=time.sleep,
            progress=ProgressLine(t("Waiting for Connect Sync")),
            hopeless=lambda seen: self._other_names(seen) is not None,
        )
        context.record.folder.write_csv(ARRIVALS_FILE, _table(watched.seen))
        otherwise = elsewhere or self._other_names(watched.seen)
        error = otherwise or end_of_arrivals(watched, server, self._since)
        after = self._after_work(watched.of(ArrivalState.AS_PREDICTED), prediction)
        return ReadBack(
            connect_arrivals_view(watched.seen),
            error or after,
            cancelled=watched.cancelled,
            finishes=self._since is not None,
        )

    def choice(self, prediction: ConnectPrediction, proof: ChoiceProof) -> ReadBack:
        """What the pending exports of the server in staging mode say of the chosen groups; AD is not waited for.

        Args:
            prediction: With the chosen groups alone.
            proof: What they prove, which is not all that is chosen and nothing else.
        """
        view = kept_choice(self._context, self._inventory, proof)
        names = {group.id: group.display_name for group in self._inventory.cloud.groups}
        otherwise = self._elsewhere(prediction) or self._other_names(())
        return ReadBack(view, otherwise or choice_not_proved(proof, names))

    def _elsewhere(self, prediction: ConnectPrediction) -> VerificationFailed | None:
        earlier = self._earlier
        if earlier is None or earlier.naming is None or self._server.v1 is Switch.OFF:
            return None
        handed, now = earlier.plan.target, self._inventory.directory.target
        # The OU is known by its GUID: it may have another name now.
        wanted = now.dn if now.guid == handed.ou_guid else handed.ou_dn
        return other_ou(self._inventory, prediction, wanted, earlier.at)

    def _other_names(self, seen: Sequence[ConnectArrival]) -> VerificationFailed | None:
        earlier, evidence = self._earlier, self._server.now.evidence
        if earlier is None or earlier.naming is None or self._server.v1 is Switch.OFF:
            return None
        return other_names(seen, names_by_rules(evidence) if evidence else None, earlier.naming, earlier.at)

    def _has_shell(self) -> bool:
        """Whether somebody can be sent to the Exchange Management Shell: not to one that is known not to exist."""
        facts = Facts(read_exchange(self._context.connect_directory()), load_versions())
        return facts.tools.shell is not Switch.OFF

    def _after_work(self, arrived: Sequence[ConnectArrival], prediction: ConnectPrediction) -> RunbookError | None:
        """Update-Recipient for every group that is in AD and not in the address book: noted, shown, kept as lines.

        None where that is done, where AD was not prepared for Exchange, or where v1 is not on yet.
        """
        if prediction.exchange is Known.NO or self._server.v1 is Switch.OFF:
            return None
        context = self._context
        book = address_book_of(
            written_group(one.present, as_group_id(one.group_id)) for one in arrived if one.present is not None
        )
        finding = address_book_finding(book, has_shell=bool(book.waiting) and self._has_shell())
        if finding is None:
            return None
        (finding,) = with_acknowledgements([finding], context.parameters, context.clock().date())
        context.note(finding)
        context.record.folder.write_text(ADDRESS_BOOK_FILE, hand_offs_text(finding.hand_offs))
        if view := hand_offs_of_plan_view([finding]):
            context.show(view)
        if finding.severity is not Severity.WARNING:
            return None
        return AwaitingHandoff(
            finding.seen,
            code="address-book-waiting",
            hint=t(
                "Run the lines of {file} in the Exchange Management Shell, then this notebook again with the same "
                "change id: it looks at showInAddressBook. Or acknowledge mail-not-in-address-book.",
                file=ADDRESS_BOOK_FILE,
            ),
            values={"groups": [one.group_id for one in book.waiting]},
        )


def kept_choice(context: RunContext, inventory: Inventory, proof: ChoiceProof) -> View:
    """What a server in staging mode would do with each group, to be shown; the record keeps it as a table."""
    names = {group.id: group.display_name for group in inventory.cloud.groups}
    if not proof.unproved:
        rows = choice_rows(proof, names)
        context.record.folder.write_csv(CHOICE_FILE, pd.DataFrame(rows, columns=list(CHOICE_COLUMNS), dtype=object))
    return choice_view(proof, names)


def _table(seen: Sequence[ConnectArrival]) -> pd.DataFrame:
    return pd.DataFrame(arrivals_rows(seen), columns=list(ARRIVALS_COLUMNS), dtype=object)

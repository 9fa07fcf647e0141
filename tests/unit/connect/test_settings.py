"""What decides about every group: the server's evidence, the tenant, a plan, and where they contradict each other."""

from __future__ import annotations

from pathlib import Path

from runbook_lib.connect.predicted import NamingMode
from runbook_lib.connect.settings import EXCHANGE_RULE, LIMIT_RULE, NAMES_RULE, WizardChoice, writeback_settings
from runbook_lib.model.cloud import Switch
from runbook_lib.model.predicted import Known
from tests.support import builders as b
from tests.support.connect_evidence import CONTAINER
from tests.unit.connect.world import collected, rule

OUT = rule("Out to AD - Group SOAInAAD")
OFF = {"v1": False, "v2": False}


def test_names_by_the_rules_while_v1_is_on(tmp_path: Path) -> None:
    assert writeback_settings(collected(tmp_path)).naming is NamingMode.ID
    by_name = collected(tmp_path, rules=[OUT, rule(NAMES_RULE)])
    assert writeback_settings(by_name).naming is NamingMode.DISPLAY_NAME
    disabled = collected(tmp_path, rules=[OUT, rule(NAMES_RULE, disabled=True)])
    assert writeback_settings(disabled).naming is NamingMode.ID
    choice = WizardChoice(CONTAINER, NamingMode.DISPLAY_NAME)
    assert writeback_settings(collected(tmp_path), choice=choice).naming is NamingMode.ID
    unread = collected(tmp_path, rules=None, unread=[{"part": "rules", "why": "no"}])
    assert writeback_settings(unread, choice=choice).naming is None


def test_names_by_the_plan_before(tmp_path: Path) -> None:
    read = collected(tmp_path, features=OFF)
    choice = WizardChoice(CONTAINER, NamingMode.DISPLAY_NAME)
    assert writeback_settings(read, choice=choice).naming is NamingMode.DISPLAY_NAME
    assert writeback_settings(read).naming is None
    assert writeback_settings(None, v1=Switch.ON, choice=choice).naming is None


def test_the_container(tmp_path: Path) -> None:
    elsewhere = f"OU=Other,{b.BASE}"
    assert writeback_settings(collected(tmp_path)).container.value == CONTAINER
    assert writeback_settings(collected(tmp_path), reported=CONTAINER.lower()).container.value == CONTAINER
    torn = writeback_settings(collected(tmp_path), reported=elsewhere).container
    assert (torn.known, elsewhere in torn.why) == (False, True)
    assert writeback_settings(None, v1=Switch.ON, reported=elsewhere).container.value == elsewhere
    choice = WizardChoice(elsewhere)
    assert writeback_settings(collected(tmp_path), choice=choice).container.value == CONTAINER
    assert writeback_settings(collected(tmp_path, features=OFF), choice=choice).container.value == elsewhere
    assert not writeback_settings(None).container.known


def test_rules_count_only_where_they_can_be_there(tmp_path: Path) -> None:
    every = collected(tmp_path, rules=[OUT, rule(LIMIT_RULE), rule(EXCHANGE_RULE, disabled=True)])
    on = writeback_settings(every)
    assert (on.limited, on.exchange_rule) == (Known.YES, Known.NO)
    off = writeback_settings(collected(tmp_path, features=OFF, rules=[]))
    assert (off.limited, off.exchange_rule) == (Known.UNKNOWN, Known.UNKNOWN)
    assert writeback_settings(None, v1=Switch.ON).limited is Known.UNKNOWN


def test_the_tenant_counts_before_the_server(tmp_path: Path) -> None:
    read = collected(tmp_path)
    assert writeback_settings(read).v1 is Switch.ON
    assert writeback_settings(read, v1=Switch.OFF).v1 is Switch.OFF
    assert writeback_settings(collected(tmp_path, features={"v1": None, "v2": True})).v2 is Switch.ON
    assert writeback_settings(None).v2 is Switch.UNKNOWN


def test_rules_of_somebodys_own(tmp_path: Path) -> None:
    mine = [rule("Mine", standard=False), rule("Chooses", standard=False, destination="cloudnoflow")]
    off = rule("Switched off", standard=False, disabled=True)
    found = writeback_settings(collected(tmp_path, rules=[OUT, *mine, off]))
    assert (found.own, found.choosing) == (("Mine",), ("Chooses",))

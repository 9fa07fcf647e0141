"""Which request meets which fault."""

from __future__ import annotations

import pytest

from rehearsal.cloud.faults import Fault, Faults


def kinds(faults: Faults, *paths: str, service: str = "graph") -> list[str | None]:
    met = (faults.next_for(service, path) for path in paths)
    return [fault.kind if fault else None for fault in met]


def test_a_fault_lasts_for_its_count() -> None:
    faults = Faults()
    faults.arm(Fault("429", count=2))
    assert faults.waiting == 2
    assert kinds(faults, "/v1.0/groups", "/v1.0/users", "/v1.0/groups") == ["429", "429", None]
    assert (faults.waiting, faults.met) == (0, 2)


def test_a_fault_waits_for_its_path_and_lets_some_pass() -> None:
    faults = Faults()
    faults.arm(Fault("503", path="/members", skip=1))
    assert kinds(faults, "/v1.0/groups", "/g/1/members", "/g/2/members", "/g/3/members") == [None, None, "503", None]


def test_faults_of_sign_in_do_not_meet_graph() -> None:
    faults = Faults()
    faults.arm(Fault("504", service="sign-in"))
    assert kinds(faults, "/v1.0/groups") == [None]
    assert kinds(faults, "/token", service="sign-in") == ["504"]


def test_the_first_armed_comes_first_and_clear_forgets() -> None:
    faults = Faults()
    faults.arm(Fault("429"))
    faults.arm(Fault("close"))
    assert kinds(faults, "/a") == ["429"]
    faults.clear()
    assert kinds(faults, "/a") == [None]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "418"},
        {"kind": "429", "count": 0},
        {"kind": "429", "service": "dns"},
        {"kind": "close", "when": "during"},
        {"kind": "429", "when": "after"},
        {"kind": "half", "service": "sign-in"},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"is|are"):
        Fault(**wrong)  # type: ignore[arg-type]

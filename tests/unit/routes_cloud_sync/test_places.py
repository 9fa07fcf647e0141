"""Where a mapping leads: what it names is there, and nothing goes into a protected OU."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.cloud_sync.configuration import require_known_attributes, source_attributes
from runbook_lib.cloud_sync.expression import read_expression
from runbook_lib.errors import Refused
from runbook_lib.model.directory import Container
from runbook_lib.model.ids import ObjectGuid
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.scope.places import places_of, require_places
from runbook_lib.routes.cloud_sync.scope.plan_enable import plan_enable
from tests.support import builders as b
from tests.unit.routes_cloud_sync.runs import Runs
from tests.unit.routes_cloud_sync.tenant import FACTS, Tenant, sides_now
from tests.unit.routes_cloud_sync.world import OU, Graph, inventory, schema, security, sides_of, source

SALES, OPS = security("Sales"), security("Ops")
READ = inventory([SALES, OPS], {"Sales": [], "Ops": []})
HERE, THERE = f"OU=Here,{b.BASE}", f"OU=There,OU=Deep,{b.BASE}"


def there(dn: str) -> Container:
    return Container(dn, exists=True, guid=ObjectGuid(b.guid("ou")))


@pytest.mark.parametrize(
    ("expression", "texts"),
    [
        ('"a"', ("a",)),
        ('IIF([x]="no","a","b")', ("a", "b")),
        ('Switch([x],"a","key","b","other",IIF(True,"c","a"))', ("a", "b", "c")),
        ('Coalesce([x],"a")', ("a",)),
        ('Append("part",[x])', ()),
        ("[x]", ()),
    ],
)
def test_what_an_expression_can_give_as_it_stands_in_it(expression: str, texts: tuple[str, ...]) -> None:
    assert read_expression(expression).results == texts


def test_every_ou_of_the_expression_and_of_the_selected_groups_is_looked_at() -> None:
    expression = f'Switch([displayName],"{HERE}","Sales","{THERE}")'
    desired = DesiredSettings({"parentDistinguishedName": source(expression)})
    made = plan_enable(sides_of(READ, Graph()), b.policy("Sales"), desired)
    assert made.places == {HERE: (), THERE: ("Sales",)}
    assert made.settled == {OU}, "which may be protected from the other route"
    assert plan_enable(sides_of(READ, Graph()), b.policy("Sales"), DesiredSettings({})).places == {OU: ("Sales",)}
    made = plan_enable(sides_now(READ, Tenant()), b.policy("Sales"), DesiredSettings({}), FACTS)
    assert made.places == {f"CN=Users,{b.BASE}": ("Sales",)}, "the default of a new configuration"
    assert made.settled == frozenset()
    assert places_of('"DC=elsewhere,DC=org"', [], b.BASE) == places_of("broken(", [], b.BASE) == {}


@pytest.mark.parametrize(
    ("container", "protected", "code", "shown"),
    [
        (Container(HERE, exists=False), (), "ou-missing", f"leads to {HERE}, which does not exist ('Sales' first)"),
        (
            there(HERE),
            (HERE.upper(),),
            "ou-protected",
            "stands in the protected OU",
        ),
        (
            there(THERE),
            (f"OU=Deep,{b.BASE}",),
            "ou-protected",
            "('Sales' first)",
        ),
    ],
)
def test_a_mapping_to_nowhere_or_into_a_protected_ou_is_refused(
    container: Container, protected: tuple[str, ...], code: str, shown: str
) -> None:
    with pytest.raises(Refused) as caught:
        require_places({container.dn: ("Sales",)}, {container.dn: container}, protected)
    assert caught.value.code == code
    assert shown in caught.value.message
    found = there(container.dn)
    require_places({found.dn: ()}, {found.dn: found}, protected, {found.dn})
    require_places({found.dn: ()}, {found.dn: found}, (f"OU=Other,{b.BASE}",))


def with_attributes(*names: str) -> dict[str, object]:
    made = schema()
    made["synchronizationRules"][0]["sourceDirectoryName"] = "Microsoft Entra ID"
    objects = [{"name": "Group", "attributes": [{"name": one} for one in names]}, {"name": "User", "attributes": []}]
    made["directories"] = [{"name": "Microsoft Entra ID", "objects": objects}, {"name": "Active Directory"}]
    return made


def test_an_attribute_that_groups_do_not_have_is_named_with_the_nearest() -> None:
    known = with_attributes("displayName", "objectId")
    assert source_attributes(known) == {"displayName", "objectId"}
    require_known_attributes(known, {"cn": "Append([displayname],[objectId])"})
    with pytest.raises(Refused) as caught:
        require_known_attributes(known, {"cn": "[displayNam]"})
    assert caught.value.code == "unknown-attribute"
    assert "of cn reads displayNam" in caught.value.message
    assert "displayName" in str(caught.value.hint)
    require_known_attributes(schema(), {"cn": "[anything]"})  # a schema that lists none refuses nothing


def test_a_new_job_does_not_get_an_expression_that_reads_what_is_not_there(tmp_path: Path) -> None:
    tenant = Tenant()
    tenant.default |= {"directories": with_attributes("displayName")["directories"]}
    tenant.default["synchronizationRules"][0]["sourceDirectoryName"] = "Microsoft Entra ID"
    desired = DesiredSettings({"sAMAccountName": source("[mailNick]")})
    plan = plan_enable(sides_now(READ, tenant), b.policy("Sales"), desired, FACTS).plan
    first = Runs(tmp_path, plan, tenant).one([])
    assert not first.carried_out
    assert "unknown-attribute" in str(first.lines[-1])
    assert tenant.assigned == {}

"""The address space of our OPC UA server: what is made when it is asked for is what the library would have made."""

from pathlib import Path

import pytest
from asyncua import ua
from asyncua.server.internal_server import InternalServer
from asyncua.server.standard_address_space import standard_address_space

from plantctl.core.recording import Keep
from plantctl.hmi.opcua.space import MADE_MAX, PlantSpace, node_id
from plantctl.hmi.opcua.standard_nodes import standard_nodes
from plantctl.hmi.opcua.tree import METHODS, Sort, Tree
from plantctl.hmi.opcua.values import told, utc_of
from plantctl.plan.build import build_path
from tests.gateway_bench import demo_plan

ROOT = Path(__file__).parents[2]


class Zero:
    """A plant whose values are all 0."""

    def value(self, node):
        return told(0.0, 0, utc_of(0), None)


@pytest.fixture(scope="module")
def tree():
    return Tree(demo_plan())


def space(tree):
    made = PlantSpace(tree, standard_nodes(), Zero())
    made.started()
    return made


def test_every_standard_node_is_the_librarys_own():
    server = InternalServer()
    standard_address_space.fill_address_space(server.node_mgt_service)
    server.method_service.stop()
    ours, differing = standard_nodes(), []

    def seen(node):
        references = {(str(r.ReferenceTypeId), str(r.NodeId), r.IsForward): r for r in node.references}
        return references, {number: value.value for number, value in node.attributes.items()}

    for wanted, node in server.aspace._nodes.items():
        if seen(node) != seen(ours.make(wanted)):
            differing.append(str(wanted))
    assert differing == []
    assert len(ours) == len(server.aspace._nodes)


def test_what_one_server_writes_into_a_standard_node_no_other_sees(tree):
    one, other = space(tree), space(tree)
    wanted = ua.NodeId(ua.ObjectIds.EnumValueType)
    assert one[wanted] is not other[wanted]
    level = ua.NodeId(ua.ObjectIds.Server_ServiceLevel)
    one[level].attributes[ua.AttributeIds.Value].value = ua.DataValue(ua.Variant(7, ua.VariantType.Byte))
    assert other[level].attributes[ua.AttributeIds.Value].value.Value.Value != 7
    assert space(tree)[level].attributes[ua.AttributeIds.Value].value.Value.Value != 7


def test_who_looks_at_everything_costs_no_more_than_one_who_does_not(tree):
    made = space(tree)
    for wanted in list(made.keys()):
        assert made[wanted].nodeid == wanted
    assert len(made._nodes._made) <= MADE_MAX < len(made._nodes)


def test_every_reference_leads_to_a_node_and_back(tree):
    made = space(tree)
    for node in tree:
        for reference in made[node_id(node.id)].references:
            assert reference.NodeId in made, (node.id, reference.NodeId)
            if reference.IsForward and reference.NodeId.NamespaceIndex == 2 and node.sort is Sort.FOLDER:
                other = made[reference.NodeId]
                assert any(not r.IsForward and r.NodeId == node_id(node.id) for r in other.references), node.id


def test_every_method_says_what_goes_in_and_what_comes_out(tree):
    for identifier in METHODS:
        method = tree.find(identifier)
        assert [*tree.properties(method)] == ["InputArguments", "OutputArguments"]
        assert tree.find(f"{identifier}/InputArguments").value.told[-1][0] == "Reason"


def test_what_is_written_with_a_reason_takes_no_write(tree):
    whole = Tree(build_path(ROOT / "config" / "demo", {}).plan)
    assert whole.write(whole.find("40-XA-4010")) is None
    assert whole.write(whole.find("40-EC-4010")).verb == "set"
    assert tree.write(tree.find("40-AIC-4212.op")).verb == "output"


def test_how_a_points_history_is_to_be_joined_stands_at_the_point():
    plan = build_path(ROOT / "config" / "demo", {}).plan
    made = space(Tree(plan))
    types = ua.ObjectIds

    def told(name):
        """`Stepped` of a point, found as a client finds it: by references and standard names."""
        (link,) = [r for r in made[node_id(name)].references if r.ReferenceTypeId.Identifier == 56]
        assert (link.BrowseName, link.TypeDefinition.Identifier) == (
            ua.QualifiedName("HA Configuration", 0),
            types.HistoricalDataConfigurationType,
        )
        parts = {r.BrowseName.Name: r for r in made[link.NodeId].references if r.IsForward}
        back = [r for r in made[link.NodeId].references if not r.IsForward]
        assert [(r.NodeId, r.ReferenceTypeId.Identifier) for r in back] == [(node_id(name), 56)]
        aggregates = made[parts["AggregateConfiguration"].NodeId]
        assert len([r for r in aggregates.references if r.ReferenceTypeId.Identifier == types.HasProperty]) == 4
        value = made[parts["Stepped"].NodeId].attributes[ua.AttributeIds.Value].value
        assert value.Value.VariantType is ua.VariantType.Boolean
        return value.Value.Value

    assert plan.keeping.recording[plan.points[plan.rows["40-TI-4272"]].id].keep is Keep.SWINGING_DOOR
    assert told("40-TI-4272") is False
    assert told("40-FI-4013") is True
    assert told("40-AIC-4212.sp") is True


@pytest.mark.parametrize(
    "wanted",
    [
        "/tags/HA Configuration",
        "/HA Configuration",
        "40-FI-4013/HA Configuration/HA Configuration",
        "nobody/HA Configuration",
    ],
)
def test_only_points_have_a_history_to_be_joined(tree, wanted):
    assert tree.find("40-FI-4013/HA Configuration/Stepped").value is True
    assert tree.find(wanted) is None
    assert tree.find(f"{wanted}/AggregateConfiguration") is None
    assert tree.find(f"{wanted}/Stepped") is None

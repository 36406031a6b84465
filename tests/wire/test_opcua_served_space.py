"""The address space of our OPC UA server: what is made when it is asked for is what the library would have made."""

from pathlib import Path

import pytest
from asyncua import ua
from asyncua.server.internal_server import InternalServer
from asyncua.server.standard_address_space import standard_address_space

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

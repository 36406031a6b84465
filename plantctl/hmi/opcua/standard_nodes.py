"""The nodes that every OPC UA server has, each made when somebody first asks for it.

The library makes some 6,000 of them each time a server starts: seconds of work and 40 MB, of which a client ever sees
a hundred. Here its description of them is kept as it is read (0.2 s), and a node is made of it at the first look.

Rules of the file: a description is shared by all servers of this process and never changed; what is made of it is the
caller's own.
"""

import copy
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

from asyncua import ua as typed_ua
from asyncua.server.address_space import AddressSpace, NodeData, NodeManagementService

ua: Any = typed_ua


class StandardNodes:
    """The library's description of the standard nodes, by node id."""

    def __init__(self) -> None:
        self._items: dict[Any, Any] = {}
        self._children: dict[Any, list[Any]] = defaultdict(list)
        self._references: dict[Any, list[Any]] = defaultdict(list)
        self._maker: Any = NodeManagementService(AddressSpace())

    # -- what the library's own filling says, which takes this for the service that adds nodes

    def add_nodes(self, items: list[Any]) -> None:
        """Nodes to be noted."""
        for item in items:
            self._items[item.RequestedNewNodeId] = item
            if not item.ParentNodeId.is_null():
                self._children[item.ParentNodeId].append(item)

    def add_references(self, items: list[Any]) -> None:
        """References to be noted."""
        for item in items:
            self._references[item.SourceNodeId].append(item)

    # -- looking

    def __contains__(self, node_id: object) -> bool:
        return node_id in self._items

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def make(self, node_id: Any) -> NodeData:
        """The node; `KeyError` where there is none."""
        item = self._items[node_id]
        node = NodeData(node_id)
        self._maker._add_node_attributes(node, item, add_timestamps=False)
        value = node.attributes.get(ua.AttributeIds.Value)
        if value is not None:
            value.value = copy.deepcopy(value.value)
        found: dict[tuple[Any, Any, bool], Any] = {}
        for child in self._children.get(node_id, ()):
            self._put(found, child.ReferenceTypeId, child.RequestedNewNodeId, forward=True)
        if not item.ParentNodeId.is_null():
            self._put(found, item.ReferenceTypeId, item.ParentNodeId, forward=False)
        if not item.TypeDefinition.is_null():
            self._put(found, ua.NodeId(ua.ObjectIds.HasTypeDefinition), item.TypeDefinition, forward=True)
        for reference in self._references.get(node_id, ()):
            self._put(found, reference.ReferenceTypeId, reference.TargetNodeId, forward=reference.IsForward)
        node.references = list(found.values())
        return node

    def reference(self, kind: Any, target: Any, *, forward: bool) -> Any:
        """A reference to a standard node, as who browses is told of it; None where there is no such node."""
        item = self._items.get(target)
        if item is None:
            return None
        return ua.ReferenceDescription(
            ReferenceTypeId=kind,
            IsForward=forward,
            NodeId=target,
            BrowseName=item.BrowseName,
            DisplayName=item.NodeAttributes.DisplayName,
            NodeClass=item.NodeClass,
            TypeDefinition=item.TypeDefinition,
        )

    def _put(self, found: dict[tuple[Any, Any, bool], Any], kind: Any, target: Any, *, forward: bool) -> None:
        if (kind, target, forward) not in found:
            reference = self.reference(kind, target, forward=forward)
            if reference is not None:
                found[(kind, target, forward)] = reference


@cache
def standard_nodes() -> StandardNodes:
    """The standard nodes, read once in this process."""
    from asyncua.server.standard_address_space import standard_address_space_services as described

    nodes = StandardNodes()
    described.create_standard_address_space_Services(nodes)  # type: ignore[no-untyped-call]
    return nodes

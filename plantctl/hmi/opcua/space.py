"""The address space: the plant's tree and the standard nodes, each made into a node when somebody asks for it.

A value is never kept here: whoever reads one is given what the plant is now, and who monitors one is told by
`Listeners` when it changes. What was made of the tree is forgotten again where too much was, so that a client that
looks at everything costs no more than one that does not; standard nodes that the server writes while it starts stay.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping
from functools import partial
from typing import Any, Final, Protocol

from asyncua import ua as typed_ua
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData

from plantctl.hmi.opcua.standard_nodes import StandardNodes
from plantctl.hmi.opcua.tree import (
    AGGREGATES,
    HISTORY,
    ROOT,
    Arguments,
    EngineeringUnit,
    Node,
    Percent,
    Sort,
    Span,
    Tree,
)
from plantctl.hmi.opcua.units import URI, number_of

ua: Any = typed_ua

# The plant's namespace: 0 is the standard's, 1 the server's own.
INDEX: Final = 2
MADE_MAX: Final = 2_000
SAMPLING_MS: Final = 100.0
_O: Final = ua.ObjectIds
Callback = Callable[..., Any]


class Values(Protocol):
    """The plant's values as they are now."""

    def value(self, node: Node) -> Any:
        """The data value of a point's node."""


def node_id(identifier: str) -> Any:
    """The node id of a node of the plant."""
    return ua.NodeId(identifier, INDEX)


class Nodes(MutableMapping[Any, NodeData]):
    """Node data by node id."""

    def __init__(self, tree: Tree, standard: StandardNodes, maker: "NodeMaker") -> None:
        self._tree = tree
        self._standard = standard
        self._maker = maker
        self._kept: dict[Any, NodeData] = {}
        self._made: OrderedDict[Any, NodeData] = OrderedDict()
        self.starting = True

    def __getitem__(self, wanted: Any) -> NodeData:
        node = self._kept.get(wanted) or self._made.get(wanted)
        if node is not None:
            return node
        if wanted in self._standard:
            node = self._standard.make(wanted)
            if self._maker.adds_to(wanted):
                self._maker.add_plant(node)
        else:
            found = self._tree.find(wanted.Identifier) if self._is_ours(wanted) else None
            if found is None:
                raise KeyError(wanted)
            node = self._maker.make(found)
        if self.starting:
            self._kept[wanted] = node
        else:
            self._made[wanted] = node
            while len(self._made) > MADE_MAX:
                self._made.popitem(last=False)
        return node

    def __setitem__(self, wanted: Any, node: NodeData) -> None:
        self._kept[wanted] = node

    def __delitem__(self, wanted: Any) -> None:
        raise KeyError(wanted)

    def __contains__(self, wanted: object) -> bool:
        return wanted in self._standard or (self._is_ours(wanted) and self._tree.find(wanted.Identifier) is not None)  # type: ignore[attr-defined]

    def __iter__(self) -> Iterator[Any]:
        yield from self._standard
        yield from (node_id(node.id) for node in self._tree)

    def __len__(self) -> int:
        return len(self._standard) + len(self._tree)

    @staticmethod
    def _is_ours(wanted: Any) -> bool:
        return wanted.NamespaceIndex == INDEX and isinstance(wanted.Identifier, str)


class NodeMaker:
    """Makes nodes of the tree's descriptions."""

    def __init__(self, tree: Tree, standard: StandardNodes) -> None:
        self._tree = tree
        self._standard = standard
        self._objects = ua.NodeId(_O.ObjectsFolder)

    def adds_to(self, wanted: Any) -> bool:
        """Whether the plant hangs below a standard node."""
        return bool(wanted == self._objects)

    def add_plant(self, node: NodeData) -> None:
        """Hang the plant below a standard node."""
        root = self._tree.find(ROOT)
        assert root is not None
        node.references.append(self._reference(_O.Organizes, root, forward=True))

    def make(self, node: Node) -> NodeData:
        """The node of a description."""
        made = NodeData(node_id(node.id))
        put = _putter(made)
        put(ua.AttributeIds.NodeId, made.nodeid, ua.VariantType.NodeId)
        put(ua.AttributeIds.BrowseName, self._browse_name(node), ua.VariantType.QualifiedName)
        put(ua.AttributeIds.DisplayName, ua.LocalizedText(node.name), ua.VariantType.LocalizedText)
        put(ua.AttributeIds.NodeClass, self._class(node), ua.VariantType.Int32)
        if node.text:
            put(ua.AttributeIds.Description, ua.LocalizedText(node.text), ua.VariantType.LocalizedText)
        put(ua.AttributeIds.WriteMask, 0, ua.VariantType.UInt32)
        put(ua.AttributeIds.UserWriteMask, 0, ua.VariantType.UInt32)
        if node.sort is Sort.POINT:
            self._put_point(put, node)
        elif node.sort is Sort.PROPERTY:
            self._put_property(put, node)
        elif node.sort is Sort.METHOD:
            put(ua.AttributeIds.Executable, True, ua.VariantType.Boolean)
            put(ua.AttributeIds.UserExecutable, True, ua.VariantType.Boolean)
        else:
            put(ua.AttributeIds.EventNotifier, 0, ua.VariantType.Byte)
        made.references = list(self._references(node))
        return made

    def _put_point(self, put: Callback, node: Node) -> None:
        words = self._tree.words(node)
        access = ua.AccessLevel.CurrentRead.mask | ua.AccessLevel.HistoryRead.mask
        if self._tree.write(node) is not None:
            access |= ua.AccessLevel.CurrentWrite.mask
        put(ua.AttributeIds.DataType, ua.NodeId(_O.UInt32 if words else _O.Double), ua.VariantType.NodeId)
        put(ua.AttributeIds.ValueRank, -1, ua.VariantType.Int32)
        put(ua.AttributeIds.AccessLevel, access, ua.VariantType.Byte)
        put(ua.AttributeIds.UserAccessLevel, access, ua.VariantType.Byte)
        put(ua.AttributeIds.Historizing, True, ua.VariantType.Boolean)
        put(ua.AttributeIds.MinimumSamplingInterval, SAMPLING_MS, ua.VariantType.Double)
        put(ua.AttributeIds.Value, None, ua.VariantType.Null)

    def _put_property(self, put: Callback, node: Node) -> None:
        kind, value, variant, rank = self._typed(node.value)
        put(ua.AttributeIds.DataType, ua.NodeId(kind), ua.VariantType.NodeId)
        put(ua.AttributeIds.ValueRank, rank, ua.VariantType.Int32)
        put(ua.AttributeIds.AccessLevel, ua.AccessLevel.CurrentRead.mask, ua.VariantType.Byte)
        put(ua.AttributeIds.UserAccessLevel, ua.AccessLevel.CurrentRead.mask, ua.VariantType.Byte)
        put(ua.AttributeIds.Historizing, False, ua.VariantType.Boolean)
        put(ua.AttributeIds.MinimumSamplingInterval, 0.0, ua.VariantType.Double)
        put(ua.AttributeIds.Value, value, variant, is_array=rank > 0)

    @staticmethod
    def _typed(value: Any) -> tuple[int, Any, Any, int]:
        """Data type, value, variant's type and rank of a property."""
        kinds = ua.VariantType
        if isinstance(value, Span):
            return _O.Range, ua.Range(value.low, value.high), kinds.ExtensionObject, -1
        if isinstance(value, EngineeringUnit):
            name = ua.LocalizedText(value.text)
            return _O.EUInformation, ua.EUInformation(URI, number_of(value.text), name, name), kinds.ExtensionObject, -1
        if isinstance(value, Arguments):
            return _O.Argument, [_argument(*each) for each in value.told], kinds.ExtensionObject, 1
        if isinstance(value, tuple):
            return _O.LocalizedText, [ua.LocalizedText(word) for word in value], kinds.LocalizedText, 1
        if isinstance(value, bool):
            return _O.Boolean, value, kinds.Boolean, -1
        if isinstance(value, Percent):
            return _O.Byte, value.value, kinds.Byte, -1
        if isinstance(value, int):
            return _O.UInt32, value, kinds.UInt32, -1
        if isinstance(value, float):
            return _O.Double, value, kinds.Double, -1
        return _O.String, str(value), kinds.String, -1

    # -- references

    def _references(self, node: Node) -> Iterator[Any]:
        kind = self._type(node)
        if kind:
            yield self._standard.reference(ua.NodeId(_O.HasTypeDefinition), ua.NodeId(kind), forward=True)
        parent = self._tree.find(node.parent) if node.parent else None
        if parent is not None:
            yield self._reference(self._link(parent, node), parent, forward=False)
        elif node.id == ROOT:
            yield self._standard.reference(ua.NodeId(_O.Organizes), self._objects, forward=False)
        for name in self._tree.properties(node):
            found = self._tree.find(f"{node.id}/{name}")
            assert found is not None
            yield self._reference(_O.HasProperty, found, forward=True)
        history = self._tree.find(f"{node.id}/{HISTORY}") if node.sort is Sort.POINT else None
        if history is not None:
            yield self._reference(_O.HasHistoricalConfiguration, history, forward=True)
        for identifier in node.children:
            child = self._tree.find(identifier)
            if child is not None:
                yield self._reference(self._link(node, child), child, forward=True)
        for identifier in node.also:
            other = self._tree.find(identifier)
            if other is not None:
                yield self._reference(_O.Organizes, other, forward=True)

    @staticmethod
    def _link(parent: Node, child: Node) -> int:
        if child.sort is Sort.PROPERTY:
            return int(_O.HasProperty)
        if child.name == HISTORY:
            return int(_O.HasHistoricalConfiguration)
        return int(_O.Organizes if parent.sort is Sort.FOLDER else _O.HasComponent)

    def _reference(self, kind: int, other: Node, *, forward: bool) -> Any:
        type_of = self._type(other)
        return ua.ReferenceDescription(
            ReferenceTypeId=ua.NodeId(kind),
            IsForward=forward,
            NodeId=node_id(other.id),
            BrowseName=self._browse_name(other),
            DisplayName=ua.LocalizedText(other.name),
            NodeClass=self._class(other),
            TypeDefinition=ua.NodeId(type_of) if type_of else ua.NodeId(),
        )

    @staticmethod
    def _browse_name(node: Node) -> Any:
        standard = node.sort in (Sort.PROPERTY, Sort.OBJECT) and node.name in _STANDARD_NAMES
        return ua.QualifiedName(node.name, 0 if standard else INDEX)

    @staticmethod
    def _class(node: Node) -> Any:
        if node.sort is Sort.METHOD:
            return ua.NodeClass.Method
        return ua.NodeClass.Variable if node.sort in (Sort.POINT, Sort.PROPERTY) else ua.NodeClass.Object

    def _type(self, node: Node) -> int:
        """The type definition; 0 for a method, which has none."""
        if node.sort is Sort.POINT:
            properties = self._tree.properties(node)
            if "EnumStrings" in properties:
                return int(_O.MultiStateDiscreteType)
            return int(_O.AnalogItemType if "EURange" in properties else _O.DataItemType)
        if node.sort is Sort.OBJECT and node.name in _HISTORY_TYPES:
            return int(_HISTORY_TYPES[node.name])
        by_sort = {Sort.FOLDER: _O.FolderType, Sort.OBJECT: _O.BaseObjectType, Sort.PROPERTY: _O.PropertyType}
        return int(by_sort.get(node.sort, 0))


def _argument(name: str, number: bool, text: str) -> Any:
    kind = ua.NodeId(_O.Double if number else _O.String)
    return ua.Argument(Name=name, DataType=kind, ValueRank=-1, Description=ua.LocalizedText(text))


_HISTORY_TYPES: Final = {HISTORY: _O.HistoricalDataConfigurationType, AGGREGATES: _O.AggregateConfigurationType}
_STANDARD_NAMES: Final = frozenset(
    (
        *("EURange", "EngineeringUnits", "Definition", "EnumStrings", "InputArguments", "OutputArguments"),
        *(HISTORY, AGGREGATES, "Stepped"),
        *("TreatUncertainAsBad", "PercentDataBad", "PercentDataGood", "UseSlopedExtrapolation"),
    )
)


def _putter(node: NodeData) -> Callback:
    def put(attribute: Any, value: Any, kind: Any, *, is_array: bool = False) -> None:
        node.attributes[attribute] = AttributeValue(ua.DataValue(ua.Variant(value, kind, is_array=is_array)))

    return put


class PlantSpace(AddressSpace):
    """The library's address space over `Nodes`. `watched` is how many listen to each row of the plan."""

    def __init__(self, tree: Tree, standard: StandardNodes, values: Values) -> None:
        super().__init__()
        self._tree = tree
        self._values = values
        nodes: Any = Nodes(tree, standard, NodeMaker(tree, standard))
        self._nodes = nodes
        self._listening: dict[Any, dict[int, Callback]] = {}
        self._of_handle: dict[int, Any] = {}
        self.watched: dict[int, dict[str, Node]] = {}

    def started(self) -> None:
        """From now on nodes are forgotten again where there are too many."""
        nodes: Any = self._nodes
        nodes.starting = False

    def plant_node(self, wanted: Any) -> Node | None:
        """The plant's node of a node id; None for all others."""
        ours = wanted.NamespaceIndex == INDEX and isinstance(wanted.Identifier, str)
        return self._tree.find(wanted.Identifier) if ours else None

    def read_attribute_value(self, nodeid: Any, attr: Any) -> Any:
        """An attribute; the value of a point is what the plant is now."""
        if attr == ua.AttributeIds.Value:
            node = self.plant_node(nodeid)
            if node is not None and node.sort is Sort.POINT:
                return self._values.value(node)
        return super().read_attribute_value(nodeid, attr)

    async def write_attribute_value(self, nodeid: Any, attr: Any, value: Any) -> Any:
        """The server's own writes of standard nodes, told to who monitors them."""
        status = await super().write_attribute_value(nodeid, attr, value)
        if attr == ua.AttributeIds.Value:
            await self.tell(nodeid, value)
        return status

    # -- who listens

    def add_datachange_callback(self, nodeid: Any, attr: Any, callback: Callback) -> tuple[Any, int]:
        """Listen to a value. Other attributes never change: who monitors them is told once, by the library."""
        found = self.read_attribute_value(nodeid, attr)
        if found.StatusCode.value in (ua.StatusCodes.BadNodeIdUnknown, ua.StatusCodes.BadAttributeIdInvalid):
            return found.StatusCode, 0
        self._datachange_callback_counter += 1
        handle = self._datachange_callback_counter
        if attr == ua.AttributeIds.Value:
            self._listening.setdefault(nodeid, {})[handle] = callback
            self._of_handle[handle] = nodeid
            node = self.plant_node(nodeid)
            if node is not None and node.sort is Sort.POINT:
                self.watched.setdefault(node.row, {})[node.id] = node
        return ua.StatusCode(), handle

    def delete_datachange_callback(self, handle: int) -> None:
        """Listen no more."""
        nodeid = self._of_handle.pop(handle, None)
        if nodeid is None:
            return
        listening = self._listening[nodeid]
        del listening[handle]
        if not listening:
            del self._listening[nodeid]
            node = self.plant_node(nodeid)
            if node is not None and node.sort is Sort.POINT:
                of_row = self.watched[node.row]
                del of_row[node.id]
                if not of_row:
                    del self.watched[node.row]

    async def tell(self, nodeid: Any, value: Any) -> None:
        """Tell who listens to a value."""
        for callback in self.listeners(nodeid):
            await callback(value)

    def listeners(self, nodeid: Any) -> list[Callback]:
        """Who listens to a value, as it is called with it."""
        return [partial(self._call, handle) for handle in self._listening.get(nodeid, ())]

    async def _call(self, handle: int, value: Any) -> None:
        # Who listens no more since it was looked up is passed over.
        nodeid = self._of_handle.get(handle)
        if nodeid is not None:
            await self._listening[nodeid][handle](handle, value)

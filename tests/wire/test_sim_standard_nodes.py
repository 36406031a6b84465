"""The OPC UA server's standard address space comes from a cache that is only believed when it is ours and whole."""

import pickle

import pytest
from asyncua import ua

from simulators.servers import standard_nodes
from simulators.servers.standard_nodes import StandardNodes, cache_file, standard_bytes

ROOT = ua.NodeId(ua.ObjectIds.RootFolder)
OBJECTS = ua.NodeId(ua.ObjectIds.ObjectsFolder)


class Built:
    """Stands in for the seconds of building: the standard nodes cost nothing here, and each build is counted."""

    def __init__(self, monkeypatch, folder):
        self.count = 0
        self.standard = dict(list(standard_bytes().items())[:50])
        monkeypatch.setenv("PLANTCTL_CACHE", str(folder))
        monkeypatch.setattr(standard_nodes, "_build", self.build)
        monkeypatch.setattr(standard_nodes, "_kept", [])

    def build(self):
        self.count += 1
        return self.standard

    def start(self):
        """As a new process would."""
        standard_nodes._kept.clear()
        return standard_bytes()


@pytest.fixture
def built(monkeypatch, tmp_path):
    return Built(monkeypatch, tmp_path / "cache")


def test_the_second_start_builds_nothing(built):
    assert built.start() == built.start() == built.standard
    assert built.count == 1
    assert cache_file().stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"not a pickle", pickle.dumps({"a": 1})[:-3]])
def test_a_broken_cache_is_built_again(built, content):
    cache_file().parent.mkdir(parents=True)
    cache_file().write_bytes(content)
    assert built.start() == built.standard
    assert built.count == 1
    assert built.start() == built.standard
    assert built.count == 1


def test_a_cache_that_others_can_write_is_not_read(built):
    built.start()
    cache_file().chmod(0o666)
    built.start()
    assert built.count == 2


def test_a_folder_that_cannot_be_written_costs_only_time(built, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PLANTCTL_CACHE", str(tmp_path / "file"))
    assert built.start() == built.start() == built.standard
    assert built.count == 2


def test_no_two_servers_share_a_node():
    one, other = StandardNodes(standard_bytes()), StandardNodes(standard_bytes())
    assert one[ROOT] is one[ROOT]
    assert one[ROOT] is not other[ROOT]
    one[ROOT].references.clear()
    assert other[ROOT].references


def test_nodes_can_be_added_replaced_and_removed():
    nodes = StandardNodes(standard_bytes())
    whole = len(nodes)
    node = nodes[OBJECTS]
    del nodes[OBJECTS]
    assert OBJECTS not in nodes
    assert len(nodes) == whole - 1
    assert OBJECTS not in list(nodes)
    with pytest.raises(KeyError):
        nodes[OBJECTS]
    with pytest.raises(KeyError):
        del nodes[OBJECTS]
    nodes[OBJECTS] = node
    assert nodes.get(OBJECTS) is node
    assert len(nodes) == whole
    assert nodes.get(ua.NodeId("none", 7)) is None

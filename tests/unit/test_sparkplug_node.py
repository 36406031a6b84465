"""A Sparkplug node given rows of an older plan, when a point had another unit; which recording it says that it is."""

import json
from dataclasses import replace

from plantctl.core.batch import PointLabel
from plantctl.sinks._sparkplug_node import JOURNAL_ALIAS, Node
from plantctl.sinks._sparkplug_payload import DataType, decode
from tests.wire.feed_rig import LABELS, alarm, batch


def test_its_unit_stands_beside_the_value_without_a_birth_and_no_birth_tells_the_value_in_the_unit_of_now():
    node = Node(["*"], journal=False, facts={})
    node.birth(LABELS, 0, 0)
    old = replace(batch((0, 3, 180.0), (0, 4, 1.0)), plan_hash=5, otherwise={3: PointLabel("40-TI-4216", "degF")})

    def told(rows):
        assert not node.must_be_born_again(rows, LABELS)
        (data,) = node.data(rows, 0, 500, {})
        node.settle(rows)
        return [(m.alias, m.value, m.properties.get("engUnit")) for m in decode(data, node.types()).metrics]

    def born():
        found = {m.name: m for m in decode(node.birth(LABELS, 0, 0), {}).metrics}["40-TI-4216"]
        return found.value, found.properties["engUnit"]

    assert told(old) == [(3, 180.0, "degF"), (4, True, None)]
    assert born() == (None, "degC")
    assert told(batch((1, 3, 82.5))) == [(3, 82.5, None)]
    assert told(old)[0] == (3, 180.0, "degF")
    assert born() == (82.5, "degC")


def test_a_transition_and_each_birth_name_the_recording():
    node = Node(["*"], journal=True, facts={"recording": "5f0c"})
    born = {m.name: m.value for m in decode(node.birth(LABELS, 0, 0), {}).metrics}
    assert born["Properties/recording"] == "5f0c"
    (data,) = node.data(batch(events=[alarm(1)], first=812), 0, 500, {})
    ((told,),) = ([m.value for m in decode(data, {JOURNAL_ALIAS: DataType.STRING}).metrics],)
    assert (json.loads(told)["recording"], json.loads(told)["frame"]) == ("5f0c", 812)

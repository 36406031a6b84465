"""Corners of linking: what is left out, what is broken elsewhere, and graphs that go round."""

import types

import pytest

from plantctl.core.block import Block, In, Out, Param, param, port
from plantctl.plan import network
from plantctl.plan.build import build
from plantctl.plan.check import read_plant
from plantctl.plan.explain import explain_plan
from plantctl.plan.kind import find_kind, kind_of
from plantctl.plan.link import link
from plantctl.plan.link_loops import OF_CONTROLLERS
from plantctl.plan.network import BlockNode, Network
from plantctl.plan.order import Edge, sort_nodes, stretches
from plantctl.plan.source import from_texts
from plantctl.plan.units_of_block import field_unit
from tests.plan_bench import PlanBench
from tests.unit.test_link_findings import CASCADE, GOOD, found


@pytest.mark.parametrize("kind", ["cause", "effect", "vote", "permissive", "out", "limit_alarm", "lag", "pid"])
def test_a_kind_that_is_not_installed_is_a_finding(kind, monkeypatch):
    def find(name):
        if name == kind:
            raise KeyError(name)
        return find_kind(name)

    monkeypatch.setattr(network, "find_kind", find)
    shown = found(GOOD.replace("protect: 100 ms", "protect: {period: 100 ms, overrun: trip}"))
    assert "PC303" in {f[0] for f in shown}
    assert any(f"`{kind}`" in f[2] for f in shown)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("effects:", "effects:\n  C1: {force: {HS-1: 0}, rank: 7}"),
        ("blocks:", "blocks:\n  C1: {kind: lag, u: PI-1}"),
        ("blocks:", "blocks:\n  E1: {kind: lag, u: PI-1}"),
    ],
)
@pytest.mark.parametrize("overrun", ["skip", "trip"])
def test_one_name_for_two_things_is_told_whatever_they_are(old, new, overrun):
    text = GOOD.replace(old, new).replace("protect: 100 ms", f"protect: {{period: 100 ms, overrun: {overrun}}}")
    assert "PC301" in [f[0] for f in found(text)]


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("PC312", ", limits: {out: [1 L/h, 9 L/h], setpoint: [1 bar, 8 bar], rate_up: 1 L/h/s}", ""),
        ("PC401", '"{PI-1} < 5 [bar] for 2 s"', '"{PI-1} < 5 [bar] for 2 apples"'),
        ("PC401", 'arm: "{XI-1} > 0.5"', 'arm: "{XI-1} > 0.5 for 2 apples"'),
        ("PC401", 'when: ["{PI-1} > 8 [bar]"', 'when: ["{PI-1} > 8 [bar] for 2 apples"'),
        ("PC401", 'after: "{PI-1} < 1 [bar] or 0.5 s"', 'after: "{PI-1} < 1 [bar] for 2 apples"'),
        ("PC401", 'pressure: "{PI-1} > 1 [bar]"', 'pressure: "{PI-1} > 1 [bar] for 2 apples"'),
        ("PC411", '"{PI-1} - {PI-2}"', '"{PI-1} - "'),
        ("PC330", 'arm: "{XI-1} > 0.5"', 'arm: "{XI-1} > 0.5 for 3 s"'),
        ("PC402", "PI-2: {unit: bar", "PI-2: {unit: furlong"),
        ("PC402", 'expression: "{PI-1} - {PI-2}", unit: bar', 'expression: "{PI-1} - {PI-2}", unit: furlong'),
        ("PC402", "FC-1: {unit: L/h, range: [0, 30], access", "FC-1: {unit: furlong, range: [0, 30], access"),
        ("PC402", "FC-1: {unit: L/h, range: [0, 30], access", "FC-1: {unit: furlong, access"),
        ("PC602", "PI-2: {unit", "PI-2: {device: PLC-1, item: X, unit"),
        ("PC601", "XI-1: {range", "XI-1: {device: PLC-2, item: X, range"),
    ],
)
def test_a_mistake_is_found(code, old, new):
    devices = (
        "devices:\n  PLC-1: {kind: opcua, connect: opc.tcp://h:1, security: {insecure: true}}\n"
        "  PLC-2: {kind: opcua, connect: 5}\n"
    )
    text = GOOD.replace("          limits: {out", "          x: 1, limits: {out").replace("x: 1, ", "")
    text = text.replace("\n          limits:", " limits:")
    assert text.count(old) == 1, old
    shown = found(text.replace(old, new).replace("tags:", devices + "tags:") if code.startswith("PC6") else text)
    if not code.startswith("PC6"):
        text = text.replace(old, new)
        if code == "PC312":
            text = text.replace("range: [0, 30], access: write", "access: write")
        shown = found(text)
    assert code in [f[0] for f in shown], shown


def test_limits_may_be_left_out_where_the_range_says_them():
    text = GOOD.replace("out: [1 L/h, 9 L/h], setpoint: [1 bar, 8 bar], ", "")
    built = build("plant.yaml", from_texts({"plant.yaml": text}))
    assert built.findings == []
    rows = next(k for k in built.plan.kinds if k.kind.name == "pid").rows
    assert (rows["out_low"][0], rows["out_high"][0], rows["sp_high"][0]) == (0.0, 30.0, 1e29)


def test_an_output_may_have_no_range_at_all():
    plant = PlanBench("plant: {name: free}\ntags:\n  FC-1: {access: write}\n")
    plant.scan(("set", "FC-1", 1e6))
    assert plant["FC-1"] == 1e6


def test_a_tag_that_the_plan_calculates_is_no_input():
    text = "plant: {name: c}\ntags:\n  AI-1: {range: [0, 9]}\n  AY-1: {unit: bar, range: [0, 1]}\n"
    text += 'calculated:\n  AY-1: "{AI-1} * 1 [bar]"\n'
    built = build("plant.yaml", from_texts({"plant.yaml": text}))
    assert [row.tag for row in built.plan.inputs] == ["AI-1"]


def test_what_refers_to_a_broken_entry_is_not_told_again():
    text = GOOD.replace("PI-2: {unit: bar, range: [0, 10]}", "PI-2: {unitt: bar, range: [0, 10]}")
    assert [f[0] for f in found(text)] == ["PC201"]
    text = GOOD.replace("E2: {force: {HS-1: 0}", "E2: {forc: {HS-1: 0}")
    assert "PC302" not in [f[0] for f in found(text)]
    text = GOOD.replace("blocks:", "blocks:\n  HS-1: {kindd: heartbeat}")
    assert "PC301" not in [f[0] for f in found(text)]


def test_a_calculated_request_to_an_arbiter_is_not_waited_for():
    text = GOOD.replace("blocks:", "blocks:\n  HS-1: {kind: out, auto: XI-1, low: 0, high: 1, unit: '1'}").replace(
        'permissives:\n  HS-1: {pressure: "{PI-1} > 1 [bar]"}\n', ""
    )
    built = build("plant.yaml", from_texts({"plant.yaml": text}))
    assert built.findings == []
    kind = next(k for k in built.plan.kinds if k.kind.name == "out")
    tracks = dict(zip(kind.tags, kind.rows["auto_tracks"], strict=True))
    assert tracks == {"HS-1": 0, "FC-1": 1}


def test_an_initial_value_given_to_an_arbiter_in_its_own_entry_counts():
    text = GOOD.replace("blocks:", "blocks:\n  HS-1: {kind: out, low: 0, high: 1, initial: 1, unit: '1'}")
    built = build("plant.yaml", from_texts({"plant.yaml": text}))
    assert built.findings == []
    kind = next(k for k in built.plan.kinds if k.kind.name == "out")
    rows = kind.rows[list(kind.tags).index("HS-1")]
    assert (rows["initial"], rows["has_initial"], rows["has_fail_safe"]) == (1.0, 1, 0)


def test_a_pv_made_of_its_own_masters_output_is_a_cycle_through_both_halves():
    text = (
        CASCADE.replace("pv: FI-1", "pv: FY-1") + 'calculated:\n  FY-1: {expression: "{FI-1} + {LIC-1}", unit: L/h}\n'
    )
    (finding,) = build("plant.yaml", from_texts({"plant.yaml": text})).findings
    assert finding.code == "PC501"
    assert {"LIC-1", "FIC-1", "FY-1"} <= set(finding.what.split())


def test_a_shortest_cycle_of_each_knot_is_told_and_what_hangs_on_it_is_not():
    edges = [Edge(0, 1), Edge(1, 0), Edge(1, 2), Edge(2, 3), Edge(3, 4), Edge(4, 2), Edge(4, 5)]
    order, cycles = sort_nodes(["a"] * 6, edges)
    assert order == []
    assert [[(e.source, e.target) for e in cycle] for cycle in cycles] == [[(0, 1), (1, 0)], [(2, 3), (3, 4), (4, 2)]]
    order, cycles = sort_nodes(["a"] * 4, [Edge(1, 2), Edge(2, 3), Edge(3, 1), Edge(3, 0), Edge(1, 3)])
    assert [len(cycle) for cycle in cycles] == [2]
    assert sort_nodes([], []) == ([], [])


def test_stretches_rise_or_fall_by_one_and_end_where_they_do_not():
    groups = ["a"] * 6 + ["b"]
    cut = [(s.first, s.count, s.stride) for s in stretches(range(7), groups, [0, 1, 2, 5, 4, 9, 0])]
    assert cut == [(0, 3, 1), (5, 2, -1), (9, 1, 1), (0, 1, 1)]


def fake_node(block):
    module = types.ModuleType("fake")
    block.__module__ = "fake"
    module.Fake, module.step = block, lambda b, dt: None
    return BlockNode("X-1", kind_of(module, "fake"), ("blocks", "X-1"))


def net():
    return link(read_plant("plant.yaml", from_texts({"plant.yaml": GOOD})).plant)[0]


def test_units_that_name_each_other_are_unknown_and_not_endless():
    class Fake(Block):
        u: In = port("y", "input")
        y: Out = port("u", "output")

    node = fake_node(Fake)
    assert field_unit(net(), node, node.kind.field("y")) is None


def test_a_block_file_with_a_unit_that_is_none_is_its_authors_mistake():
    class Fake(Block):
        y: Out = port("1", "output")
        p: Param[float] = param("furlong", "what is that", default=1.0)

    node = fake_node(Fake)
    with pytest.raises(TypeError, match="neither a port nor a unit"):
        field_unit(net(), node, node.kind.field("p"))


def test_the_network_of_a_good_plant_has_no_finding():
    assert isinstance(net(), Network)
    assert net().findings == []


@pytest.mark.parametrize("text", ["1e300 s", "0.0000001 us", "1e12 d"])
def test_a_duration_beyond_reason_is_a_finding_and_no_traceback(text):
    for old in ("control: 1 s", "for: 1 s", "on_delay: 1 s", "trip_after: 3 s"):
        key = old.partition(":")[0]
        found(GOOD.replace(old, f"{key}: {text}"))
    found(GOOD.replace("XI-1: {range", f"XI-1: {{stale_after: {text}, flat_line_after: {text}, range"))


@pytest.mark.parametrize("below", ["kind: pidd, pv", "kind: lag, pv"])
def test_a_loop_above_one_that_cannot_be_is_told_of_once(below):
    above = "  TIC-1: {pv: TI-1, out: PIC-1, setpoint: 50 degC, tuning: {gain: 1 bar/K, integral: 1 min}}\n"
    text = GOOD.replace("PIC-1: {pv", f"PIC-1: {{{below}").replace("\ncauses:", f"\n{above}causes:")
    assert {f[0] for f in found(text)} <= {"PC303", "PC311", "PC312"}


def test_an_effect_that_takes_over_and_has_no_block_is_told_of_once():
    text = GOOD.replace("blocks:", "blocks:\n  E2: {kind: lag, u: PI-1}")
    assert "PC301" in {f[0] for f in found(text)}


def test_a_block_in_the_place_of_an_effect_whose_kind_is_missing_calls_nobody(monkeypatch):
    def find(name):
        if name == "effect":
            raise KeyError(name)
        return find_kind(name)

    monkeypatch.setattr(network, "find_kind", find)
    shown = {f[0] for f in found(GOOD.replace("blocks:", "blocks:\n  E1: {kind: lag, u: PI-1}"))}
    assert "PC303" in shown


def installed(monkeypatch, name, block):
    """Let `kind: name` be `block`, as a package of somebody else would."""
    module = types.ModuleType("plantctl_others")
    block.__module__ = module.__name__
    module.Theirs, module.step, module.back = block, lambda b, dt: None, lambda b, dt: None
    kind = kind_of(module, name)
    monkeypatch.setattr(network, "find_kind", lambda wanted: kind if wanted == name else find_kind(wanted))


def theirs(left_out):
    """A controller like ours, but for one field."""
    ours = find_kind("pid").block
    hints = {name: hint for name, hint in ours.__annotations__.items() if name != left_out}
    return type("Theirs", (Block,), {"__annotations__": hints, **{n: vars(ours)[n] for n in hints if n in vars(ours)}})


def test_a_controller_of_somebody_else_may_stand_in_a_loop(monkeypatch):
    installed(monkeypatch, "theirs", theirs(""))
    assert found(GOOD.replace("PIC-1: {pv", "PIC-1: {kind: theirs, pv")) == []


@pytest.mark.parametrize("field", OF_CONTROLLERS)
def test_a_controller_that_lacks_what_a_loop_may_say_is_none(field, monkeypatch):
    """What it lacks would be dropped in silence: `action`, the steps of a bad PV, a rate."""
    installed(monkeypatch, "theirs", theirs(field))
    assert "PC311" in [f[0] for f in found(GOOD.replace("PIC-1: {pv", "PIC-1: {kind: theirs, pv"))]


def test_all_that_a_loop_may_say_is_asked_of_a_controller():
    more = "derivative: 1 s, filter: 8, beta: 1, gamma: 0, tracking: 5 s"
    schedule = "schedule: {by: TI-1, at: [20 degC, 80 degC], share: [1, 2]}"
    text = GOOD.replace("integral: 10 s}", f"integral: 10 s, {more}, {schedule}}}")
    master = "  TIC-1: {pv: TI-1, out: PIC-1, setpoint: 50 degC, tuning: {gain: 1 bar/K}, limits: {rate: 1 bar/min}}\n"
    built = link(
        read_plant("plant.yaml", from_texts({"plant.yaml": text.replace("\ncauses:", f"\n{master}causes:")})).plant
    )
    loops = [built[0].blocks[tag] for tag in ("PIC-1", "TIC-1")]
    ports = {port for loop in loops for port, _ in loop.wires}
    said = ports | {name for loop in loops for name in (*loop.params, *loop.settings, *loop.values)}
    # What a trip below it sets is asked for where it is set: a controller may do without.
    assert said - {"sp_tracks_pv"} == set(OF_CONTROLLERS) - {"op"}


def test_a_parameter_in_the_unit_of_a_port_that_is_not_wired_must_be_a_plain_number(monkeypatch):
    class Theirs(Block):
        u: In = port("any", "signal")
        aid: In = port("any", "what helps", optional=True)
        y: Out = port("u", "result")
        limit: Param[float] = param("aid", "what is too much", default=1.0)

    installed(monkeypatch, "theirs", Theirs)
    text = GOOD.replace("blocks:", "blocks:\n  XY-1: {kind: theirs, u: PI-1, limit: 3 L/h}")
    assert [(f[0], f[2]) for f in found(text)] == [("PC404", "the unit of `limit` cannot be worked out here")]
    assert found(text.replace("limit: 3 L/h", "limit: 3")) == []
    assert found(text.replace("u: PI-1, limit", "u: PI-1, aid: FY-1, limit")) == []


@pytest.mark.parametrize(
    ("pv", "gain", "shown"),
    [
        ("bar", "2 L/h/bar", "L/h/bar"),
        ("Ohm m2", "2 L/h/(Ohm m2)", "L/h/(Ohm m2)"),
        ("1/min", "2 L/h/(1/min)", "L/h/(1/min)"),
        ("mol/(m2 s)", "2 L/h/(mol/(m2 s))", "L/h/(mol/(m2 s))"),
        # A bracket more than the reader takes: the coherent unit stands for it.
        ("J/(m2 (K s))", "2", "2.77778e-07 m3*s2*K/kg"),
    ],
)
def test_a_gain_is_shown_in_the_unit_of_output_over_pv(pv, gain, shown):
    text = f"""\
plant: {{name: g}}
tags:
  AI-1: {{unit: "{pv}"}}
  FC-1: {{unit: L/h, range: [0, 30], access: write}}
loops:
  AIC-1: {{pv: AI-1, out: FC-1, tuning: {{gain: {gain}}}}}
"""
    plan = build("plant.yaml", from_texts({"plant.yaml": text})).plan
    assert plan.addresses["AIC-1.gain"].unit == shown
    assert [k.rows["gain"][0] for k in plan.kinds if k.kind.name == "pid"] == [2.0]


@pytest.mark.parametrize(("fail_safe", "codes"), [("2 L/h", []), ("2 bar", ["PC403"])])
def test_an_output_to_a_device_without_read_back_waits_for_its_release_too(fail_safe, codes):
    text = f"""\
plant: {{name: hold}}
devices: {{D: {{kind: modbus, connect: "tcp://h:1"}}}}
tags:
  FC-1: {{device: D, item: "1", unit: L/h, range: [0, 9], access: write, fail_safe: {fail_safe}}}
"""
    net = link(read_plant("plant.yaml", from_texts({"plant.yaml": text})).plant)[0]
    node = net.blocks["FC-1"]
    assert sorted({f.code for f in net.findings}) == codes
    assert [port for port, _ in node.wires] == ["hold"]
    assert node.params.get("fail_safe") == (None if codes else 2.0)


def test_missed_scans_that_are_made_up_are_explained():
    text = GOOD.replace("protect: 100 ms", "protect: {period: 100 ms, overrun: catch up}")
    built = build("plant.yaml", from_texts({"plant.yaml": text}))
    assert "missed scans are made up one after the other" in explain_plan(built.plan), built.findings


def test_the_fail_safe_value_of_an_entry_of_outputs_goes_before_that_of_its_tag():
    text = """\
plant: {name: hold}
devices: {D: {kind: modbus, connect: "tcp://h:1"}}
tags:
  FC-1: {device: D, item: "1", unit: L/h, range: [0, 9], access: write, fail_safe: 2 L/h}
outputs:
  FC-1: {fail_safe: 50 mL/min}
"""
    net = link(read_plant("plant.yaml", from_texts({"plant.yaml": text})).plant)[0]
    assert net.blocks["FC-1"].params["fail_safe"] == 3.0


def test_a_read_back_in_a_unit_that_does_not_exist_is_told_and_followed_by_nobody():
    text = """\
plant: {name: hold}
devices: {D: {kind: modbus, connect: "tcp://h:1"}}
tags:
  FY-1: {device: D, item: "2", unit: apples, range: [0, 9]}
  FC-1: {device: D, item: "1", unit: L/h, range: [0, 9], access: write, readback: FY-1}
"""
    net = link(read_plant("plant.yaml", from_texts({"plant.yaml": text})).plant)[0]
    assert {f.code for f in net.findings} == {"PC402"}
    assert [port for port, _ in net.blocks["FC-1"].wires] == ["hold"]


SPLIT = """
plant: {name: P}
tasks: {protect: 100 ms, control: 1 s}
tags:
  TI-1: {service: t, unit: degC, range: [0, 100]}
  TV-1: {service: c, unit: "%", range: [0, 100], access: write}
  JV-1: {service: h, unit: "%", range: [0, 100], access: write}
loops:
  TIC-1: {text: t, pv: TI-1, split: {TV-1: [50 %, 0 %], JV-1: [50 %, 100 %]}, setpoint: 40 degC,
          tuning: {gain: 10 %/K, integral: 18 min}}
"""


def test_a_split_whose_block_is_not_installed_is_a_finding(monkeypatch):
    def find(name):
        if name == "split":
            raise KeyError(name)
        return find_kind(name)

    assert found(SPLIT) == []
    monkeypatch.setattr(network, "find_kind", find)
    assert any(f[0] == "PC303" and "`split`" in f[2] for f in found(SPLIT))


def test_a_split_asks_an_output_for_limits_and_one_whose_unit_is_unknown_for_nothing():
    ranged = 'TV-1: {service: c, unit: "%", range: [0, 100]'
    assert "PC312" in [f[0] for f in found(SPLIT.replace(ranged, 'TV-1: {service: c, unit: "%"'))]
    assert [f[0] for f in found(SPLIT.replace(ranged, "TV-1: {service: c, unit: apples"))] == ["PC402"]

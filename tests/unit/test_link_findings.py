"""What the link step finds, each finding at its line; and that a good plant gives none."""

import pytest

from plantctl.plan.build import build
from plantctl.plan.source import from_texts

GOOD = """\
plant: {name: good}
tasks: {protect: 100 ms, control: 1 s}
tags:
  PI-1: {unit: bar, range: [0, 10]}
  PI-2: {unit: bar, range: [0, 10]}
  TI-1: {unit: degC, range: [0, 100]}
  XI-1: {range: [0, 1]}
  FC-1: {unit: L/h, range: [0, 30], access: write, readback: FY-1}
  FY-1: {unit: L/h, range: [0, 30]}
  HS-1: {range: [0, 1], access: write}
outputs:
  FC-1: {limits: [0 L/h, 20 L/h], rate: 5 L/h/s, initial: 2 L/h}
calculated:
  PY-1: {expression: "{PI-1} - {PI-2}", unit: bar}
loops:
  PIC-1: {pv: PI-1, out: FC-1, setpoint: 4 bar, tuning: {gain: 2 L/h/bar, integral: 10 s}, gap: 0.1 bar,
          feedforward: "2 [L/h/bar] * {PI-2}",
          limits: {out: [1 L/h, 9 L/h], setpoint: [1 bar, 8 bar], rate_up: 1 L/h/s},
          on_bad_pv: {switch_to: PI-2, else: {hold: 5 s, then: {manual: hold}}}}
causes:
  C1: {when: ["{PI-1} > 8 [bar]", "{PI-2} > 8 [bar]", "{PY-1} > 1 [bar]"], vote: 2oo3, for: 1 s, arm: "{XI-1} > 0.5",
       clear: "{PI-1} < 5 [bar] for 2 s", on_bad: {policy: degrade}}
  C2: {when: "{PI-1} > 9 [bar]", on_bad: {trip_after: 3 s}}
effects:
  E1: {force: {FC-1: 0 L/h, HS-1: 0}, rank: 1, verify: {tag: PI-1, below: 1 bar, within: 1 s}, else: E2}
  E2: {force: {HS-1: 0}, rank: 2, after: "{PI-1} < 1 [bar] or 0.5 s"}
chart:
  C1: {E1: latched}
  C2: {E2: auto}
permissives:
  HS-1: {pressure: "{PI-1} > 1 [bar]"}
alarms:
  PI-1: {low_low: 1 bar, low: 2 bar, high: 7 bar, high_high: 8 bar, dead_band: 0.1 bar, on_delay: 1 s, priority: 2,
         cause: a plug, consequence: the vessel vents, response: open the bypass}
blocks:
  PI-1F: {kind: lag, u: PI-1, tau: 2 s}
"""


def found(text):
    """(code, line, what) of every finding."""
    built = build("plant.yaml", from_texts({"plant.yaml": text}))
    assert (built.plan is None) == bool(built.findings)
    return [(f.code, f.where.line if f.where else 0, f.what) for f in built.findings]


def line_of(text, part):
    """The number of the one line that holds `part`."""
    numbers = [n for n, line in enumerate(text.splitlines(), 1) if part in line]
    assert len(numbers) == 1, (part, numbers)
    return numbers[0]


def test_the_good_plant_has_no_finding():
    assert found(GOOD) == []


# (code, what is said, text taken out, text put in). The finding stands in the line of what is put in.
MUTATIONS = [
    ("PC301", "two writers", "blocks:", "blocks:\n  PY-1: {kind: lag, u: PI-1}"),
    ("PC301", "defined twice", "blocks:", "blocks:\n  PIC-1: {kind: lag, u: PI-1}"),
    ("PC301", "two writers", "\ncauses:", "\n  PIC-2: {pv: PI-2, out: FC-1, tuning: {gain: 2 L/h/bar}}\ncauses:"),
    ("PC301", "nobody else can", "blocks:", "blocks:\n  HS-1: {kind: heartbeat}"),
    ("PC302", "`PI-9` is not known", "{pv: PI-1,", "{pv: PI-9,"),
    ("PC302", "`PI-9` is not known", '"{PI-1} - {PI-2}"', '"{PI-9} - {PI-2}"'),
    ("PC302", "`PI-9` is not known", "switch_to: PI-2", "switch_to: PI-9"),
    ("PC302", "`PI-9` is not known", "verify: {tag: PI-1", "verify: {tag: PI-9"),
    ("PC302", "`FC-9` is not known", "out: FC-1,", "out: FC-9,"),
    ("PC302", "effect `E9` is not known", "C1: {E1: latched}", "C1: {E1: latched, E9: latched}"),
    ("PC302", "cause `C9` is not known", "C1: {E1: latched}", "C1: {E1: latched}\n  C9: {E1: latched}"),
    ("PC302", "effect `E9` is not known", "else: E2", "else: E9"),
    (
        "PC302",
        "`PI-9` is not known",
        "alarms:",
        "alarms:\n  PI-9: {high: 3, priority: 1, cause: a, consequence: b, response: c}",
    ),
    ("PC302", "`PI-9` is not known", "u: PI-1,", "u: PI-9,"),
    ("PC302", "device `PLC-9` is not known", "XI-1: {range", "XI-1: {device: PLC-9, item: X, range"),
    ("PC303", "block kind `lagg`", "kind: lag,", "kind: lagg,"),
    ("PC303", "block kind `pidd`", "PIC-1: {pv", "PIC-1: {kind: pidd, pv"),
    ("PC304", "needs `gain`", "tuning: {gain: 2 L/h/bar, integral: 10 s}, ", ""),
    ("PC304", "needs `limit`", "blocks:", "blocks:\n  XA-1: {kind: limit_alarm, pv: PI-1}"),
    ("PC305", "`PI-2` is not a written tag", "out: FC-1,", "out: PI-2,"),
    ("PC305", "`PI-2` is not a written tag", "FC-1: {limits", "PI-2: {limits: [0, 1]}\n  FC-1: {limits"),
    ("PC305", "`TI-1` is not a written tag", "E2: {force: {HS-1: 0}", "E2: {force: {HS-1: 0, TI-1: 0}"),
    ("PC305", "`PI-2` is not a written tag", "HS-1: {pressure", 'PI-2: {x: "{XI-1} > 0.5"}\n  HS-1: {pressure'),
    ("PC306", "`tauu` is not a setting", "tau: 2 s", "tauu: 2 s"),
    ("PC306", "`bad_s` is not a setting", "tau: 2 s", "bad_s: 2"),
    ("PC307", "takes 1 wire at most", "u: PI-1,", "u: [PI-1, PI-2],"),
    ("PC308", "no wire to", "u: PI-1,", "u: 3,"),
    ("PC308", "no wire to", "u: PI-1,", "u: {tag: PI-1, delay: 2 scans},"),
    ("PC309", "needs the input `in`", "u: PI-1, ", ""),
    ("PC310", "cannot be written", "HS-1: {range: [0, 1],", "HS-1: {system: sis, range: [0, 1],"),
    ("PC311", "is no controller", "PIC-1: {pv", "PIC-1: {kind: lag, pv"),
    ("PC313", "votes 2oo2", "vote: 2oo3", "vote: 2oo2"),
    ("PC314", "cannot `limit`", "E2: {force", "E2: {limit: {FC-1: 8 L/h}, force"),
    ("PC314", "cannot `while`", "E2: {force", 'E2: {while: "{XI-1} > 0.5", force'),
    ("PC315", "does nothing", "E2: {force: {HS-1: 0}, ", "E2: {"),
    ("PC316", "exactly one of", "below: 1 bar, within", "below: 1 bar, above: 2 bar, within"),
    ("PC316", "exactly one of", "below: 1 bar, within", "within"),
    ("PC318", "no cause of the chart", "effects:", "effects:\n  E3: {force: {HS-1: 0}, rank: 3}"),
    ("PC318", "has no effect", "causes:", 'causes:\n  C3: {when: "{XI-1} > 0.5"}'),
    ("PC319", "no rank decides", "HS-1: 0}, rank: 2", "HS-1: 1}, rank: 1"),
    ("PC319", "no rank decides", "HS-1: 0}, rank: 2", "HS-1: 1}"),
    ("PC320", "task `slow` is not defined", "tau: 2 s", "tau: 2 s, task: slow"),
    ("PC320", "task `slow` is not defined", "unit: bar}\nloops", "unit: bar, task: slow}\nloops"),
    ("PC403", "", "tau: 2 s", "tau: 2 bar"),
    (
        "PC404",
        "cannot be worked out",
        "PI-1F: {kind: lag, u: PI-1",
        "PI-1G: {kind: out, low: 2 bar}\n  PI-1F: {kind: lag, u: PI-1",
    ),
    ("PC402", "", "XI-1: {range", "XI-1: {unit: furlong, range"),
    ("PC403", "", "setpoint: 4 bar", "setpoint: 4 degC"),
    ("PC403", "", "gain: 2 L/h/bar,", "gain: 2 L/h,"),
    ("PC403", "", "rate: 5 L/h/s", "rate: 5 L/h"),
    ("PC403", "", "initial: 2 L/h", "initial: 2 bar"),
    ("PC403", "", "high: 7 bar", "high: 7 degC"),
    ("PC403", "", "{FC-1: 0 L/h,", "{FC-1: 0 bar,"),
    ("PC405", "takes", "switch_to: PI-2", "switch_to: TI-1"),
    ("PC411", "", "{PI-1} - {PI-2}", "{PI-1} - {TI-1}"),
    ("PC411", "", 'arm: "{XI-1} > 0.5"', 'arm: "{PI-1} > 0.5"'),
    ("PC411", "", 'feedforward: "2 [L/h/bar] * {PI-2}"', 'feedforward: "{PI-2}"'),
    ("PC501", "algebraic loop", "blocks:", "blocks:\n  A-1: {kind: lag, u: A-2}\n  A-2: {kind: lag, u: A-1}"),
    ("PC701", "at least 0", "tau: 2 s", "tau: 2 s, hold: -1 s"),
    ("PC701", "above 0", "tau: 2 s", "tau: 0 s"),
    ("PC701", "at most 4", "priority: 2", "priority: 5"),
    ("PC702", "must rise", "[0 L/h, 20 L/h]", "[20 L/h, 0 L/h]"),
    ("PC702", "must rise", "out: [1 L/h, 9 L/h]", "out: [9 L/h, 1 L/h]"),
    ("PC702", "must rise", "TI-1: {unit: degC, range: [0, 100]}", "TI-1: {unit: degC, range: [100, 0]}"),
    ("PC703", "must be above", "low: 2 bar, high: 7", "low: 7 bar, high: 2"),
    ("PC704", "outside its range", "high_high: 8 bar", "high_high: 18 bar"),
    ("PC705", "outside its limits", "setpoint: 4 bar", "setpoint: 9 bar"),
    ("PC706", "below 1 ms", "protect: 100 ms", "protect: 0.1 ms"),
    ("PC707", "whole scans", "control: 1 s", "control: 250 ms"),
    ("PC707", "whole scans", "control: 1 s", "control: {period: 1 s, phase: 1 s}"),
    ("PC708", "no overrun policy", "control: 1 s", "control: {period: 1 s, overrun: panic}"),
    ("PC709", "half", "on_bad: {trip_after: 3 s}", "on_bad: {trip_after: 3 s}, process_safety_time: 4 s"),
    ("PC323", "not built", "{manual: hold}", "{manual: 5 L/h}"),
]


@pytest.mark.parametrize(("code", "said", "old", "new"), MUTATIONS, ids=lambda part: part[:24].strip() or "-")
def test_a_mistake_is_found_at_its_line(code, said, old, new):
    assert GOOD.count(old) == 1, old
    text = GOOD.replace(old, new)
    shown = found(text)
    assert code in [f[0] for f in shown], shown
    match = next(f for f in shown if f[0] == code)
    assert said in match[2]
    assert match[1] > 0


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m[3][:24].strip() or "-")
def test_a_mistake_brings_no_crowd_with_it(mutation):
    """One mistake gives one finding, or two where it truly breaks two rules."""
    _, _, old, new = mutation
    assert len(found(GOOD.replace(old, new))) <= 3


CASCADE = """\
plant: {name: cascade}
tasks: {protect: 100 ms, control: 1 s}
tags:
  LI-1: {unit: "%", range: [0, 100]}
  FI-1: {unit: L/h, range: [0, 30]}
  FI-2: {unit: L/h, range: [0, 30]}
blocks:
  LIC-1: {kind: pid, unit: L/h, pv: LI-1, gain: 1 L/h/%, out_low: 0 L/h, out_high: 30 L/h}
  FIC-1: {kind: pid, unit: "%", pv: FI-1, cas: LIC-1, gain: 1 %*h/L, out_low: 0 %, out_high: 100 %}
"""


def test_one_request_has_one_taker():
    assert found(CASCADE) == []
    text = CASCADE + CASCADE.splitlines()[-1].replace("FIC-1", "FIC-2").replace("FI-1", "FI-2") + "\n"
    assert found(text) == [("PC322", 10, "`LIC-1` asks both `FIC-1` and `FIC-2`, and would hear two answers")]


def test_a_cascade_stays_in_its_task():
    text = CASCADE.replace("pv: FI-1,", "pv: FI-1, task: control,")
    assert [f[:2] for f in found(text)] == [("PC321", 9)]


def test_a_set_point_of_a_calculated_value_is_no_cascade_and_needs_no_answer():
    text = CASCADE.replace("cas: LIC-1", "cas: FI-2")
    assert found(text) == []


@pytest.mark.parametrize(("count", "codes"), [(16, []), (17, ["PC317"])])
def test_a_block_takes_so_many_wires_and_no_more(count, codes):
    """Causes of an effect, and conditions of a permissive."""
    lines = "".join(f'  C{k}: {{when: "{{XI-1}} > 0.5"}}\n' for k in range(count))
    chart = "".join(f"  C{k}: {{E1: auto}}\n" for k in range(count))
    permits = "".join(f'    c{k}: "{{XI-1}} > 0.5"\n' for k in range(count))
    text = (
        "plant: {name: many}\ntags:\n  XI-1: {range: [0, 1]}\n  HS-1: {range: [0, 1], access: write}\n"
        f"causes:\n{lines}effects:\n  E1: {{force: {{HS-1: 0}}}}\nchart:\n{chart}"
    )
    assert [f[0] for f in found(text)] == codes
    text = (
        "plant: {name: many}\ntags:\n  XI-1: {range: [0, 1]}\n  HS-1: {range: [0, 1], access: write}\n"
        f"permissives:\n  HS-1:\n{permits}"
    )
    assert [f[0] for f in found(text)] == codes


@pytest.mark.parametrize(("count", "codes"), [(8, []), (9, ["PC317"])])
def test_an_output_is_forced_by_so_many_effects_and_no_more(count, codes):
    effects = "".join(f"  E{k}: {{force: {{HS-1: 0}}, rank: {k}}}\n" for k in range(count))
    cells = ", ".join(f"E{k}: latched" for k in range(count))
    text = (
        "plant: {name: many}\ntags:\n  XI-1: {range: [0, 1]}\n  HS-1: {range: [0, 1], access: write}\n"
        f'causes:\n  C1: {{when: "{{XI-1}} > 0.5"}}\neffects:\n{effects}chart:\n  C1: {{{cells}}}\n'
    )
    assert [f[0] for f in found(text)] == codes


def test_a_loop_through_an_expression_names_every_edge():
    text = (
        "plant: {name: ring}\ntags:\n  AI-1: {range: [0, 1]}\n"
        'calculated:\n  A-1: {expression: "{A-2} + {AI-1}", unit: "1"}\n  A-2: {expression: "{L-1} * 2", unit: "1"}\n'
        'blocks:\n  L-1: {kind: lag, u: A-1, unit: "1"}\n'
    )
    (finding,) = build("plant.yaml", from_texts({"plant.yaml": text})).findings
    assert finding.code == "PC501"
    assert {"A-1", "A-2", "L-1"} <= set(finding.what.replace(":", "").split())
    assert len([finding.where, *finding.also]) == 3
    broken = text.replace("u: A-1", "u: {tag: A-1, delay: 1 scan}")
    assert found(broken) == []


def test_a_statistic_of_the_executive_can_be_used_and_is_not_to_be_written():
    text = "plant: {name: s}\ntags: {AI-1: {range: [0, 1]}}\ncalculated:\n  AY-1: '{AI-1} + {scan.overruns}'\n"
    assert found(text) == []


def test_an_overrun_policy_of_trip_demands_every_effect():
    text = GOOD.replace("protect: 100 ms", "protect: {period: 100 ms, overrun: trip}")
    built = build("plant.yaml", from_texts({"plant.yaml": text}))
    assert built.plan is not None
    assert all("scan.overrun_trip" in [point for point, _ in e.demands] for e in built.plan.effects.values())

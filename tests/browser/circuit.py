"""Circuit A as the page is told of it, for browser tests that need a plant which does exactly what the test says.

Tags, limits and texts are those of the process tag list; the shape is that of GET /api/v1/plant.
"""

from typing import Any

from tests.browser import feeding, laboratory

CELLS = ("01", "02", "03", "04")
CELL_TAGS = {  # column: (letters, digit, text, unit, low, high, decimals, deviation, value)
    "current": ("II", "0", "current", "A", -150, 150, 1, 2.0, 78.0),
    "voltage": ("EI", "0", "voltage", "V", -10, 10, 2, 0.15, 3.03),
    "ph": ("AI", "1", "outlet pH", "pH", 0, 14, 2, 0.3, 8.31),
    "temperature": ("TI", "1", "outlet T", "degC", 0, 100, 1, 2.0, 40.4),
    "flow": ("FI", "3", "flow", "m3/h", 0, 1, 3, 0.05, 0.601),
    "felt": ("PDI", "4", "felt dp", "bar", 0, 1, 3, 0.05, 0.082),
    "membrane": ("PDI", "5", "membrane dp", "bar", -0.5, 0.5, 3, 0.05, 0.05),
}
CIRCUIT_TAGS = (  # tag, text, unit, low, high, decimals, device, value
    ("LI-4211", "tank level", "%", 0, 100, 1, "PLC-4", 61.2),
    ("AI-4212", "tank pH, probe A", "pH", 0, 14, 2, "GW-4A", 8.02),
    ("AI-4213", "tank pH, probe B", "pH", 0, 14, 2, "GW-4A", 8.04),
    ("TI-4214", "tank temperature", "degC", 0, 100, 1, "PLC-4", 40.1),
    ("FI-4215", "feed flow", "L/h", 0, 30, 2, "PLC-4", 5.84),
    ("FI-4216", "recirculation", "kg/h", 0, 4000, 0, "COR-40", 2506.0),
    ("DI-4216", "slurry density", "kg/m3", 900, 1400, 1, "COR-40", 1043.2),
    ("SI-4216", "recirculation pump, speed", "%", 0, 100, 1, "FC-40", 55.0),
    ("CI-4217", "catholyte conductivity", "mS/cm", 0, 200, 1, "LQ-40", 61.8),
    ("FI-4219", "nitrogen purge", "Nm3/h", 0, 2, 2, "PLC-4", 0.81),
    ("LI-4261", "anolyte level", "%", 0, 100, 1, "PLC-4", 60.3),
    ("CI-4262", "anolyte conductivity", "mS/cm", 0, 400, 0, "LQ-40", 258.0),
    ("AI-4263", "anolyte ORP", "mV", 0, 1500, 0, "GW-4A", 1052.0),
    ("TI-4264", "anolyte temperature", "degC", 0, 100, 1, "PLC-4", 40.0),
    ("FI-4265", "anolyte flow", "m3/h", 0, 6, 2, "PLC-4", 3.61),
    ("LI-4271", "acid loop level", "%", 0, 100, 1, "PLC-4", 60.0),
    ("CI-4272", "acid conductivity", "mS/cm", 0, 900, 0, "LQ-40", 611.0),
    ("CY-4272", "acid strength", "mol/L", 0, 5, 2, None, 2.01),
    ("DI-4273", "acid density", "kg/m3", 900, 1400, 1, "COR-41", 1029.9),
    ("FI-4274", "acid loop flow", "m3/h", 0, 4, 2, "PLC-4", 2.39),
    ("FI-4275", "water to acid loop", "L/h", 0, 30, 1, "PLC-4", 3.5),
    ("FI-4276", "acid product", "L/h", 0, 40, 1, "PLC-4", 4.1),
    ("AI-4277", "acid turbidity", "NTU", 0, 100, 1, "LQ-40", 0.6),
    ("II-4200", "sum of currents", "A", 0, 600, 1, None, 312.0),
)
OUTPUTS = (  # tag, text, unit, low, high, decimals, states, write class, value
    ("FC-4215", "feed pump", "L/h", 0, 30, 2, None, None, 5.83),
    ("SC-4216", "recirculation pump speed", "%", 0, 100, 1, None, None, 55.0),
    ("TV-4214", "cooling water valve", "%", 0, 100, 1, None, None, 22.0),
    ("FV-4275", "water valve", "%", 0, 100, 1, None, None, 12.0),
    ("FV-4276", "acid product valve", "%", 0, 100, 1, None, None, 10.0),
    ("HS-4216", "recirculation pump", "", 0, 1, 0, {"0": "STOPPED", "1": "RUNNING"}, "confirm", 1.0),
    ("XV-4218", "slurry draw-off", "", 0, 1, 0, {"0": "CLOSED", "1": "OPEN"}, "confirm", 0.0),
)
LOOPS = (  # loop, text, pv, out, set-point, low, high
    ("AIC-4212", "tank pH by feed", "AI-4212", "FC-4215", 8.0, 6.5, 9.0),
    ("FIC-4216", "recirculation by pump speed", "FI-4216", "SC-4216", 2500.0, 0, 4000),
    ("TIC-4214", "tank temperature by cooling", "TI-4214", "TV-4214", 40.0, 20, 55),
    ("CIC-4272", "acid strength by water", "CY-4272", "FV-4275", 2.0, 1.5, 2.5),
    ("LIC-4271", "acid loop level by product", "LI-4271", "FV-4276", 60.0, 20, 85),
)
ALARMS = (  # tag, limit name, limit, priority, text, cause, consequence, response, time_s
    ("LI-4211", "low", 25, 2, "tank level", "bleed or feed", "pump runs dry", "check bleed and feed", 600),
    ("LI-4211", "high", 85, 2, "tank level", "bleed or feed", "overflow", "check bleed and feed", 600),
    ("AI-4212", "low", 7.0, 2, "tank pH", "too much feed", "loss of rare earth", "reduce the feed; look at it", 600),
    (
        "AI-4212",
        "high",
        9.0,
        2,
        "tank pH",
        "feed pump, stock or a probe",
        "gel, felt clogging, lot off-spec",
        "check feed pump and stock level, compare the probes, cut current",
        600,
    ),
    ("TI-4214", "high", 50, 3, "tank temperature", "cooling", "membrane ages", "check cooling water", 1800),
    ("AI-4263", "high", 1150, 2, "anolyte ORP", "membrane", "chlorine starts", "lower current, check chloride", 600),
    (
        "AI-4277",
        "high",
        10,
        2,
        "acid turbidity",
        "membrane pinhole",
        "acid off-spec",
        "divert acid, find the cell by isolating one at a time",
        600,
    ),
    ("FI-4274", "low", 1.2, 1, "acid loop flow", "pump or filter", "trip at 0.8 m3/h", "start the standby pump", 60),
    ("SI-4216", "low", 20, 3, "pump speed", "drive or loop", "less flow", "look at the drive", 900),
    ("CI-4217", "low", 35, 4, "catholyte conductivity", "salt make-up", "voltage rises", "make up salt", 3600),
)
CELL_ALARMS = (
    ("FI-4{}3", "low", 0.36, 1, "catholyte flow", "pump, filter or felt", "trip in 1.5 s",
     "check pump and felt pressure drop; start standby", 60),
    ("EI-4{}0", "high", 4.5, 2, "cell voltage", "felt or membrane fouls", "trip at 5.5 V", "plan an acid wash", 1800),
    ("AI-4{}1", "high", 9.5, 3, "outlet pH", "low flow or low rare earth", "trip at 10.5", "check flow and feed", 900),
)  # fmt: skip


def full(tag: str) -> str:
    """A tag with its area."""
    return f"40-{tag}"


def description() -> dict[str, Any]:
    """GET /api/v1/plant."""
    tags, alarms, causes, effects, permissives = [], [], [], [], []
    for tag, text, unit, low, high, decimals, device, _ in CIRCUIT_TAGS:
        tags.append(entry(tag, text, unit, low, high, decimals, "input" if device else "calculated", device=device))
    by_hand = entry("IC-4200", "total current asked for", "A", 0, 400, 1, "input")
    tags.append(by_hand | {"write": {"class": "confirm"}})
    for tag, text, unit, low, high, decimals, states, write, _ in OUTPUTS:
        made = entry(tag, text, unit, low, high, decimals, "output", device="PLC-4", states=states)
        tags.append(made | {"write": {"class": write} if write else None})
    for tag, *alarm in ALARMS:
        alarms.append(alarm_entry(tag, *alarm))
    for cell in CELLS:
        cell_entries(cell, tags, alarms, causes, effects, permissives)
    for loop in LOOPS:
        add_loop_points(loop, tags)
    add_indicators(tags, alarms, causes)
    tags += feeding.tags() + laboratory.tags()
    alarms += feeding.alarms()
    for number, tag in enumerate(tags):
        tag["id"] = number
    return {
        "plant": {"name": "Circuit A", "text": "four electro-extraction cells with their loops"},
        "config": "c0ffee",
        "simulated": True,
        "time_zone": "UTC",
        "tags": tags,
        "loops": [loop_entry(*loop) for loop in LOOPS],
        "alarms": alarms,
        "causes": causes,
        "effects": effects,
        "permissives": permissives,
        "devices": devices(),
        "feeds": feeding.FEEDS,
        "laboratory": laboratory.LABORATORY,
        "displays": displays(),
    }


def entry(tag, text, unit, low, high, decimals, kind, device=None, states=None):
    return {
        "tag": full(tag),
        "text": text,
        "unit": unit,
        "low": low,
        "high": high,
        "decimals": decimals,
        "kind": kind,
        "device": device,
        "item": "MEASURED" if device else None,
        "system": None,
        "stale_after_ms": 1000 if device else None,
        "states": states,
        "write": None,
        "indicator": None,
    }


def add_loop_points(loop, tags):
    name, _, pv, out, _, low, high = loop
    known = {tag["tag"]: tag for tag in tags}
    measured, written = known[full(pv)], known[full(out)]
    direct = {"class": "direct", "confirm_beyond": (high - low) / 10}
    setpoint = entry(f"{name}.sp", "set-point", measured["unit"], low, high, measured["decimals"], "block")
    output = entry(name, "output", written["unit"], written["low"], written["high"], written["decimals"], "block")
    tags.append(setpoint | {"write": direct})
    tags.append(output | {"write": {"class": "direct", "confirm_beyond": (written["high"] - written["low"]) / 10}})
    for part in ("p", "i", "d", "ff"):
        tags.append(entry(f"{name}.{part}", part, written["unit"], None, None, written["decimals"], "block"))


def add_indicators(tags, alarms, causes):
    for tag in tags:
        own = [{"side": a["side"], "limit": a["limit"]} for a in alarms if a["tag"] == tag["tag"]]
        trips = [
            {"cause": c["cause"], "side": "low" if " < " in c["when"] else "high", "limit": float(c["when"].split()[2])}
            for c in causes
            if tag["tag"] in c["tags"]
        ]
        if own or trips:
            low = max((a["limit"] for a in own if a["side"] == "low"), default=tag["low"])
            high = min((a["limit"] for a in own if a["side"] == "high"), default=tag["high"])
            tag["indicator"] = {"normal": [low, high] if own else None, "alarms": own, "trips": trips, "setpoints": []}


def alarm_entry(tag, side, limit, priority, text, cause, consequence, response, time_s):
    name = f"{full(tag)}.{side}"
    return {
        "alarm": name,
        "tag": full(tag),
        "limit": limit,
        "side": side,
        "unit": "",
        "priority": priority,
        "text": f"{text} {side}",
        "cause": cause,
        "consequence": consequence,
        "response": response,
        "time_s": time_s,
        "arm": "{40-XI-4216} == 1 for 20 s" if tag.startswith("FI-40") else None,
        "points": {"state": name, "ack": f"{name}.ack", "suppressed": f"{name}.suppressed"},
    }


def cell_entries(cell, tags, alarms, causes, effects, permissives):
    switch = {"0": "OFF", "1": "ON"}
    for letters, digit, text, unit, low, high, decimals, _, _ in CELL_TAGS.values():
        device = f"RECT-{cell}" if letters in ("II", "EI") else "GW-4A" if letters in ("AI", "TI") else "PLC-4"
        tags.append(
            entry(f"{letters}-4{cell}{digit}", f"cell {cell} {text}", unit, low, high, decimals, "input", device)
        )
    rectifier = f"RECT-{cell}"
    outputs = [
        entry(f"IC-4{cell}0", f"cell {cell} current set-point", "A", 0, 120, 1, "output", rectifier),
        entry(f"EC-4{cell}0", f"cell {cell} voltage limit", "V", 0, 6, 2, "output", rectifier),
        entry(f"HS-4{cell}0", f"cell {cell} rectifier", "", 0, 1, 0, "output", rectifier, switch),
    ]
    classes = ("direct", "confirm", "confirm-reason")
    tags += [made | {"write": {"class": kind}} for made, kind in zip(outputs, classes, strict=True)]
    for tag, *alarm in CELL_ALARMS:
        alarms.append(alarm_entry(tag.format(cell), *alarm))
    flow, ph = f"C15-{cell}", f"C35-{cell}"
    trip, contactor = f"E1-{cell}", f"E4-{cell}"
    for name, text, when, tag, delay, mirrors in (
        (flow, "catholyte flow low with current", f"{{FI-4{cell}3}} < 0.24 [m3/h]", f"FI-4{cell}3", 1.5, "safety-plc"),
        (ph, "outlet pH high", f"{{AI-4{cell}1}} > 10.5 [pH]", f"AI-4{cell}1", 15, None),
    ):
        causes.append(
            {
                "cause": name,
                "text": text,
                "when": when,
                "tags": [full(tag)],
                "delay_s": delay,
                "vote": "1oo1",
                "mirrors": mirrors,
                "effects": [trip, contactor] if name == flow else [trip],
                "arm": f"{{II-4{cell}0}} > 5 [A]",
                "clear": f"{{FI-4{cell}3}} > 0.30 [m3/h] for 5 s" if name == flow else None,
                "points": {"tripped": name, "first_out": f"{name}.first_out", "bad_input": f"{name}.bad_input"},
            }
        )
    for name, text, forced in (
        (trip, "rectifier off", {full(f"HS-4{cell}0"): 0, full(f"IC-4{cell}0"): 0}),
        (contactor, "contactor open", {full(f"HS-4{cell}0"): 0}),
    ):
        effects.append(
            {
                "effect": name,
                "text": text,
                "group": f"CELL-{cell}",
                "outputs": forced,
                "demands": [flow, ph] if name == trip else [flow],
                "points": {
                    "tripped": name,
                    "active": f"{name}.active",
                    "failed": f"{name}.failed",
                    "first": f"{name}.first",
                    "reset": f"{name}.reset",
                },
            }
        )
    output = full(f"HS-4{cell}0")
    permissives.append({
        "output": output, "point": f"{output}.permit",
        "conditions": [
            {"text": "catholyte flow", "when": f"{{FI-4{cell}3}} > 0.36 [m3/h]", "point": f"{output}.permit.1"},
            {"text": "tank level", "when": "{LI-4211} > 20 [%]", "point": f"{output}.permit.2"},
        ],
    })  # fmt: skip


def loop_entry(loop, text, pv, out, _setpoint, low, high):
    name = full(loop)
    return {
        "loop": name,
        "text": text,
        "pv": full(pv),
        "out": full(out),
        "outputs": [full(out)],
        "unit": "",
        "out_unit": "",
        "sp_low": low,
        "sp_high": high,
        "out_low": 0,
        "out_high": 100,
        "modes": ["man", "auto", "cas"],
        "points": {
            key: f"{name}.{key}"
            for key in ("sp", "mode", "target", "limits", "p", "i", "d", "ff", "pv_source", "manual")
        }
        | {"op": name},
        "interlocks": [],
    }


def devices():
    made = [{"device": "PLC-4", "kind": "opcua", "insecure": True, "address": "opc.tcp://127.0.0.1:4840"}]
    made += [
        {"device": f"RECT-{cell}", "kind": "modbus", "insecure": None, "address": "tcp://127.0.0.1"} for cell in CELLS
    ]
    made.append({"device": "GW-4A", "kind": "modbus", "insecure": None, "address": "rtu+tcp://127.0.0.1"})
    return made


def displays():
    def tag(name, show="indicator"):
        return {"tag": full(name), "show": show}

    def loop(name):
        return {"loop": full(name), "show": "indicator"}

    groups = [
        (
            "catholyte tank",
            [
                tag("LI-4211"),
                loop("AIC-4212"),
                tag("AI-4213"),
                loop("TIC-4214"),
                tag("FI-4215"),
                tag("CI-4217"),
                tag("DI-4216"),
                tag("FI-4219", "value"),
            ],
        ),
        ("recirculation", [loop("FIC-4216"), tag("HS-4216", "pump"), tag("SI-4216"), tag("XV-4218", "valve")]),
        (
            "cells",
            [tag("II-4200", "value")]
            + [
                tag(f"{letters}-4{cell}{digit}")
                for cell in CELLS
                for letters, digit in (("II", "0"), ("EI", "0"), ("FI", "3"))
            ],
        ),
        (
            "acid loop",
            [
                loop("LIC-4271"),
                loop("CIC-4272"),
                tag("FI-4274"),
                tag("FI-4275"),
                tag("FI-4276"),
                tag("AI-4277"),
                tag("DI-4273"),
            ],
        ),
        ("anolyte loop", [tag("LI-4261"), tag("FI-4265"), tag("TI-4264"), tag("CI-4262"), tag("AI-4263")]),
    ]
    rows = [
        {
            "row": f"CELL-{cell}",
            "tags": {column: full(f"{made[0]}-4{cell}{made[1]}") for column, made in CELL_TAGS.items()},
        }
        for cell in CELLS
    ]
    columns = [
        {"column": column, "text": made[2], "unit": made[3], "deviation": made[7]} for column, made in CELL_TAGS.items()
    ]
    return [
        {
            "display": "overview",
            "kind": "overview",
            "text": "circuit A",
            "groups": [{"text": text, "items": items} for text, items in groups],
        },
        {"display": "cells", "kind": "matrix", "text": "cells of circuit A", "rows": rows, "columns": columns},
    ]


def values() -> dict[str, float]:
    """Every point of the plant at work."""
    made = {full(tag): value for tag, *_, value in (*CIRCUIT_TAGS, *OUTPUTS, ("IC-4200", 340.0))}
    for cell in CELLS:
        for letters, digit, *_, value in CELL_TAGS.values():
            made[full(f"{letters}-4{cell}{digit}")] = value
        made |= {full(f"IC-4{cell}0"): 78.0, full(f"EC-4{cell}0"): 5.0, full(f"HS-4{cell}0"): 1.0}
        made |= {f"C15-{cell}": 0.0, f"C35-{cell}": 0.0, f"C15-{cell}.first_out": 0.0, f"C35-{cell}.first_out": 0.0}
        made |= {f"C15-{cell}.bad_input": 0.0, f"C35-{cell}.bad_input": 0.0}
        for effect in (f"E1-{cell}", f"E4-{cell}"):
            made |= {effect: 0.0, f"{effect}.active": 0.0, f"{effect}.failed": 0.0, f"{effect}.first": 0.0}
        output = full(f"HS-4{cell}0")
        made |= {f"{output}.permit": 1.0, f"{output}.permit.1": 1.0, f"{output}.permit.2": 1.0, f"{output}.source": 2.0}
    made |= {name: 0.0 for a in description()["alarms"] for name in (a["alarm"], a["points"]["suppressed"])}
    for loop, _, _, out, setpoint, *_ in LOOPS:
        name = full(loop)
        made |= {f"{name}.sp": setpoint, name: made[full(out)], f"{name}.mode": 4.0, f"{name}.target": 4.0}
        made |= {f"{name}.limits": 0.0, f"{name}.p": 0.1, f"{name}.i": 1.2, f"{name}.d": 0.0, f"{name}.ff": 4.5}
        made |= {f"{name}.pv_source": 1.0, f"{full(out)}.source": 1.0}
    return made | feeding.VALUES | laboratory.VALUES | {"scan.held": 0.0}

"""Device profiles, and what becomes of a device of the text: a plan for its driver, or all that is wrong with it."""

import pytest

from plantctl.drivers._profile import Profile, TagAddress, assemble, profiles_from, shipped_profiles
from plantctl.drivers._runner import driver_kinds, load

PROFILES = profiles_from(shipped_profiles())
NAMES = sorted(p.stem for p in shipped_profiles().glob("*.yaml"))
PLC = {"connect": "opc.tcp://plc-4:4840", "profile": "s7-plc", "security": {"insecure": True}}
RECTIFIER = {"connect": "tcp://rect-01:502", "profile": "rectifier", "watchdog": "2 s"}
GATEWAY = {"connect": "rtu+tcp://gw-4a:5020", "poll": "1 s"}


def made(kind, settings, *tags):
    plan, problems = assemble(3, "DEV", kind, settings, tags, PROFILES)
    assert problems == []
    return plan


def wrong(kind, settings, *tags):
    plan, problems = assemble(0, "DEV", kind, settings, tags, PROFILES)
    assert plan is None
    return [(p.tag, p.key, p.what, p.hint) for p in problems]


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_profile_fits_its_driver_and_says_where_it_comes_from(name):
    profile = PROFILES(name)
    assert profile.profile == name
    assert profile.source
    assert profile.traps
    settings = {"modbus": {"connect": "tcp://x:1"}, "opcua": {**PLC, "profile": ""}}[profile.kind]
    written = [n for n, i in profile.items.items() if "w" in i.get("access", "r")]
    tags = [TagAddress(f"40-FI-{n}", n, profile.items[i].get("unit", ""), i, name) for n, i in enumerate(profile.items)]
    tags += [
        TagAddress(f"40-FC-{n}", n, profile.items[i].get("unit", ""), i, name, write=True)
        for n, i in enumerate(written)
    ]
    plan, problems = assemble(0, "D", profile.kind, {**settings, **profile.device}, tags, PROFILES)
    assert problems == []
    assert len(plan.inputs) == len(profile.items)


def test_a_tag_of_the_area_controller_is_addressed_by_its_name():
    plan = made(
        "opcua",
        PLC,
        TagAddress("40-FI-4013", 7, "m3/h"),
        TagAddress("40-FY-4215", 8, "L/h", "40-FC-4215.OP"),
        TagAddress("40-XI-1", 9, item='s="DB_X"."Y"'),
        TagAddress("40-FC-4215", 0, "L/h", "SP", write=True),
    )
    assert [i.config["node"] for i in plan.inputs] == [
        '"DB_A40"."FI_4013"."PV"',
        '"DB_A40"."FC_4215"."OP"',
        's="DB_X"."Y"',
    ]
    assert plan.outputs[0].config["node"] == '"DB_A40"."FC_4215"."SP"'
    assert (plan.order, plan.inputs[0].index, plan.config["namespace"]) == (
        3,
        7,
        "http://www.siemens.com/simatic-s7-opcua",
    )


def test_a_probe_behind_a_gateway_brings_its_profile_with_the_tag():
    plan = made("modbus", GATEWAY, TagAddress("40-AI-4011", 0, "pH", profile="arc-ph", station=1, poll="2 s"))
    config = plan.inputs[0].config
    assert (config["station"], config["block"], config["poll"]) == (1, [2090, 10], "2 s")
    assert plan.config == {"poll": "1 s"}


def test_units_are_settled_once_between_item_and_tag():
    plan = made(
        "modbus",
        RECTIFIER,
        TagAddress("40-II-4010", 0, "mA", "I_MON"),
        TagAddress("40-TI-4010", 1, "Kabs", "T_HS"),
        TagAddress("40-XS-4010", 2, "", "STAT"),
    )
    assert [(i.factor, i.offset) for i in plan.inputs] == [(1000.0, 0.0), (1.0, 273.15), (1.0, 0.0)]
    ((tag, key, what, _),) = wrong("modbus", RECTIFIER, TagAddress("40-II-4010", 0, "pH", "I_MON"))
    assert (tag, key) == ("40-II-4010", "unit")
    assert "A" in what


def test_a_register_without_a_profile():
    plan = made("modbus", GATEWAY, TagAddress("40-DI-4216", 0, "kg/m3", "5051 f32 CDAB", station=2))
    assert plan.inputs[0].config["order"] == "CDAB"
    ((_, key, what, _),) = wrong("modbus", GATEWAY, TagAddress("40-DI-4216", 0, item="FLOW"))
    assert key == "item"
    assert "5051 f32 CDAB" in what


def test_all_problems_of_a_device_are_told_at_once():
    found = wrong(
        "modbus",
        {"profile": "rectifier", "timeout": "1 sec", "gapp": 3, "identity": {"address": 1}},
        TagAddress("40-II-4010", 0, "A", "I_MONN"),
        TagAddress("40-II-4020", 1, "A", ""),
        TagAddress("40-II-4030", 2, "A", "STAT", profile="no-such"),
        TagAddress("40-II-4040", 3, "A", "PV", profile="s7-plc"),
    )
    assert [(tag, key) for tag, key, _, _ in found] == [
        ("", "connect"),
        ("", "timeout"),
        ("", "identity.0"),
        ("", "gapp"),
        ("40-II-4010", "item"),
        ("40-II-4020", "item"),
        ("40-II-4030", "profile"),
        ("40-II-4040", "profile"),
    ]
    assert found[4][3] == "did you mean `I_MON`?"


@pytest.mark.parametrize(
    ("kind", "settings", "tags", "complaint"),
    [
        ("modbuss", RECTIFIER, [], "no driver of the kind"),
        ("modbus", {**RECTIFIER, "connect": "http://x"}, [], "not an address like tcp://"),
        ("modbus", RECTIFIER, [TagAddress("40-IC-1", 0, "A", "I_MON", write=True)], "cannot be written"),
        ("modbus", {**RECTIFIER, "holes": [[110, 112]]}, [TagAddress("40-II-1", 0, "A", "I_MON")], "must not be read"),
        ("modbus", {"connect": "tcp://x", "watchdog": "2 s"}, [], "watchdog_registers"),
        ("modbus", {**RECTIFIER, "refresh": "1.5 s"}, [], "at most half"),
        ("opcua", {**PLC, "security": {"policy": "Basic256Sha256"}}, [], "`policy` and `mode` are needed"),
        ("opcua", {**PLC, "connect": "plc-4"}, [], "not an address like opc.tcp://"),
        ("opcua", PLC, [TagAddress("flow", 0)], "not a name like 40-FI-4013"),
        ("opcua", PLC, [TagAddress("40-FI-1", 0, station=4)], "not a key of this driver"),
    ],
)
def test_what_does_not_fit_is_said_in_words(kind, settings, tags, complaint):
    assert any(complaint in what for _, _, what, _ in wrong(kind, settings, *tags))


@pytest.mark.parametrize(("kind", "named"), [("modbuss", ["modbus"]), ("qqqq", driver_kinds())])
def test_an_unknown_kind_of_driver_is_told_which_there_are(kind, named):
    ((_, _, _, hint),) = wrong(kind, GATEWAY)
    assert [name for name in named if name not in hint] == []


def test_a_profile_is_found_by_a_plain_name_only():
    assert PROFILES("../devices/rectifier") is None
    assert PROFILES("nothing") is None
    assert isinstance(PROFILES("rectifier"), Profile)


@pytest.mark.parametrize("kind", driver_kinds())
def test_every_driver_says_how_far_it_has_been_taken(kind):
    scale = load(kind).SCALE
    assert scale
    assert [rule for rule, state in scale.items() if state != "done" and not state.startswith("exempt: ")] == []


@pytest.mark.parametrize("kind", ["modbus", "opcua"])
def test_the_reference_page_names_every_key(kind):
    page = (shipped_profiles().parents[1] / "docs" / "reference" / "device-profiles.md").read_text(encoding="utf-8")
    module = load(kind)
    keys = {*module.Config.model_fields, *module.Item.model_fields, *Profile.model_fields}
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_page_lists_every_shipped_profile(name):
    page = (shipped_profiles().parents[1] / "docs" / "reference" / "device-profiles.md").read_text(encoding="utf-8")
    assert f"| `{name}` |" in page

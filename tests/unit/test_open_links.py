"""A link that could be protected and is not is told at each start and in the explanation; one that is says how."""

from pathlib import Path

from plantctl.cli.run import tell_open_links
from plantctl.plan.build import build_path
from plantctl.plan.explain import explain_plan

ROOT = Path(__file__).parents[2]


def test_an_open_link_is_told_at_the_start_and_a_protected_one_is_not(capsys):
    tell_open_links(build_path(ROOT / "tests" / "plant" / "one_cell", {}).plan.devices)
    assert capsys.readouterr().err == (
        "INSECURE: the link to PLC-4 is neither signed nor encrypted, and nobody is asked who they are\n"
    )
    tell_open_links(build_path(ROOT / "config" / "demo", {}).plan.devices)
    assert capsys.readouterr().err == ""


def test_the_explanation_says_how_each_link_is_protected():
    text = explain_plan(build_path(ROOT / "tests" / "plant" / "one_cell", {}).plan)
    assert "\n  PLC-4 (opcua) at opc.tcp://127.0.0.1:4840: INSECURE: neither signed nor encrypted" in text
    assert "\n  RECT-01 (modbus) at tcp://127.0.0.1:5021\n" in text + "\n"
    text = explain_plan(build_path(ROOT / "config" / "demo", {}).plan)
    assert "\n  PLC-4 (opcua) at opc.tcp://127.0.0.1:4840: Basic256Sha256, SignAndEncrypt, as the user plantctl" in text
    assert "password" not in text

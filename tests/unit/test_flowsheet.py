"""A flowsheet that is wrong says what is wrong; kinds are found by their file or an entry point."""

import importlib.metadata
import types

import pytest

from simulators import unit as form
from simulators.flowsheet import Flowsheet, link
from simulators.unit import Unit, field, load_kind


def two_pipes():
    sheet = Flowsheet()
    sheet.add("first", "pipe")
    sheet.add("second", "pipe")
    sheet.add("sink", "acid_loop")
    return sheet


def test_outlet_that_leads_nowhere():
    sheet = two_pipes()
    sheet.stream("first.outlet", "second.inlet")
    with pytest.raises(ValueError, match=r"outlet second\.outlet leads 0 of its stream"):
        link(sheet, seed=1)


def test_shares_that_do_not_add_up():
    sheet = two_pipes()
    sheet.stream("first.outlet", "second.inlet", share=0.6)
    sheet.stream("first.outlet", "sink.inlet", share=0.5)
    sheet.stream("second.outlet", "sink.inlet")
    with pytest.raises(ValueError, match=r"outlet first\.outlet leads 1\.1"):
        link(sheet, seed=1)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda s: s.add("first", "pipe"), "stands twice"),
        (lambda s: s.add("third", "pipe", colour=1.0), "has no field 'colour': inlet"),
        (lambda s: s.add("third", "pipe", contents=(1.0, 2.0)), "takes 28 numbers, not 2"),
        (lambda s: s.stream("first.inlet", "second.inlet"), "first.inlet is of role inlet"),
        (lambda s: s.wire("first.volume_l", "second.volume_l"), "second.volume_l is of role param"),
        (lambda s: s.stream("third.outlet", "second.inlet"), "no unit 'third' in the flowsheet: first"),
        (lambda s: s.signal("level", "first.level"), "has no field 'level'"),
    ],
)
def test_what_does_not_fit_is_refused(build, said):
    with pytest.raises(ValueError, match=said):
        build(two_pipes())


def test_streams_that_meet_add_up():
    sheet = two_pipes()
    sheet.stream("first.outlet", "sink.inlet")
    sheet.stream("second.outlet", "sink.inlet")
    linked = link(sheet, seed=1)
    inlet = linked.addresses["sink.inlet"]
    assert linked.wires[linked.wires[:, 0] == inlet, 2].tolist() == [0, 1] * 2  # for both halves of the sink


def test_no_such_kind():
    with pytest.raises(LookupError, match=r"simulators/units/windmill\.py and no entry point"):
        load_kind("windmill")


class Windmill(Unit):
    """One row is one windmill."""

    wind_m_s: form.In = field(5.0, "wind, m/s")
    power_w: form.Out = field(0.0, "power, W")


def advance(u, dt):
    u.power_w = u.wind_m_s * u.wind_m_s * u.wind_m_s * dt


def module(**attributes):
    made = types.ModuleType("windmill")
    vars(made).update(attributes)
    return made


def entry(monkeypatch, made):
    point = types.SimpleNamespace(load=lambda: made)
    found = lambda group, name: [point] if (group, name) == ("simulators.units", "windmill") else []  # noqa: E731
    monkeypatch.setattr(importlib.metadata, "entry_points", found)
    Windmill.__module__ = made.__name__


def test_kind_from_an_entry_point(monkeypatch):
    entry(monkeypatch, module(Windmill=Windmill, advance=advance))
    kind = load_kind("windmill")
    assert list(kind.fields) == ["wind_m_s", "power_w"]
    assert (kind.size, kind.release) == (2, None)


def test_unit_file_without_a_unit(monkeypatch):
    entry(monkeypatch, module(advance=advance))
    with pytest.raises(TypeError, match="exactly one unit class, it holds 0"):
        load_kind("windmill")


def test_unit_file_without_functions(monkeypatch):
    entry(monkeypatch, module(Windmill=Windmill))
    with pytest.raises(TypeError, match="neither release"):
        load_kind("windmill")


def test_field_without_description(monkeypatch):
    class Bare(Unit):
        wind_m_s: form.In

    Bare.__module__ = "windmill"
    entry(monkeypatch, module(Bare=Bare, advance=advance))
    with pytest.raises(TypeError, match=r"Bare\.wind_m_s must be annotated"):
        load_kind("windmill")


def test_a_broken_import_inside_a_unit_file_is_not_taken_for_a_missing_file(monkeypatch):
    def broken(name):
        raise ModuleNotFoundError("No module named 'numpi'", name="numpi")

    monkeypatch.setattr(form.importlib, "import_module", broken)
    with pytest.raises(ModuleNotFoundError, match="numpi"):
        load_kind("pump")

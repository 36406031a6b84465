"""Thickener with brine return, as the boundary of area 40: keeps the solids, evaporates the surplus water.

Slurry comes in while the draw-off valve is open. The solids stay, the clear liquor goes back at the same flow, trimmed
so that the tank's level stays at its set-point; what water the feed brought is evaporated from the store (EV-751
returns the sodium chloride, so the salt inventory of the circuit stays closed).

First step  a store of clear liquor, as the flowsheet gave it.
Bad input   `open` other than 0 counts as open; NaN as closed.
Limits      return at most 20 L/h; with an empty store nothing returns.
Source      process design basis 1.5 streams 8 and 14, 5.2 rows DIC-42k6 and LIC-42k1.
Situation   tests/cases/units/thickener/
"""

from simulators.stream import COMPONENTS, LIQUID, SOLID
from simulators.unit import Holdup, In, Inlet, Out, Outlet, Param, State, Unit, field, stream

MOST_L_S = 20.0 / 3600.0


class Thickener(Unit):
    """One row is the draw-off of one circuit."""

    open: In = field(0.0, "1: the draw-off valve is open")
    inlet: Inlet = stream("slurry from the tank")
    outlet: Outlet = stream("clear liquor back to the tank")
    contents: Holdup = stream("store of clear liquor, and the solids won")
    level_percent: In = field(60.0, "level of the tank, %")
    level_set_percent: Param = field(60.0, "level to hold, %")
    gain_l_h: Param = field(2.0, "return flow per % of level error, L/h")
    rate_l_h: Param = field(6.0, "flow through the open valve, L/h")
    store_l: Param = field(20.0, "volume of the store, L")
    evaporated_l: State = field(0.0, "account of water taken out, L")
    drain_l_s: Out = field(0.0, "flow taken from the tank, L/s")


def release(u: Thickener) -> None:
    """Return clear liquor: as much as is drawn, more when the tank is low, less when it is high."""
    held, outlet = u.contents, u.outlet
    u.drain_l_s = u.rate_l_h / 3600.0 if u.open >= 0.5 else 0.0
    trim = u.gain_l_h * (u.level_set_percent - u.level_percent) / 3600.0
    flow = min(max(u.drain_l_s + trim, 0.0), MOST_L_S)
    if u.drain_l_s <= 0.0:
        flow = 0.0
    share = min(flow / max(held[LIQUID], 1.0), 1.0)
    for k in range(COMPONENTS):
        outlet[k] = held[k] * share
    outlet[SOLID] = 0.0


def advance(u: Thickener, dt: float) -> None:
    """Keep what came, take the water out that is more than the store holds."""
    held, inlet, outlet = u.contents, u.inlet, u.outlet
    for k in range(COMPONENTS):
        held[k] += (inlet[k] - outlet[k]) * dt
    surplus = max(held[LIQUID] - u.store_l, 0.0)
    held[LIQUID] -= surplus
    u.evaporated_l += surplus

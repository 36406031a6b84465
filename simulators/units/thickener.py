"""Thickener, overflow, bleed and brine return, as the boundary of area 40: keeps the solids, evaporates the bleed.

Slurry comes in while the draw-off valve is open. The solids stay; as much clear liquor runs over as slurry comes. The
bleed valve takes its flow out of this overflow, the rest goes back to the tank: so the bleed takes out the water that
the feed brought. The bleed is evaporated and its sodium chloride returned (EV-751), so that the salt inventory of the
circuit stays closed.

    return = draw-off - bleed + gain x (set level - level)          the last part only where no valve stands (gain 0)

First step  a store of clear liquor, as the flowsheet gave it.
Bad input   `open` other than 0 counts as open; NaN as closed. A bleed that is no number, or below nothing, counts as 0.
Limits      return at most 20 L/h more than what is drawn; no more is bled than runs over; with an empty store nothing
            returns.
Source      process design basis 1.5 streams 8 and 14, 5.2 rows DIC-42k6 and LIC-42k1.
Situation   tests/cases/units/thickener/
"""

from simulators.stream import COMPONENTS, LIQUID, SOLID
from simulators.unit import Holdup, In, Inlet, Out, Outlet, Param, State, Unit, field, stream

MOST_L_S = 20.0 / 3600.0
DRAWN_L_H = 6.0
"""Slurry drawn for each cell while the valve is open: what a cell makes stands at 30 g/L in that."""
BLEED_L_H = 30.0
"""What the open bleed valve passes: all that runs over when four cells are drawn off, and a quarter more."""


class Thickener(Unit):
    """One row is the draw-off of one circuit."""

    open: In = field(0.0, "1: the draw-off valve is open")
    inlet: Inlet = stream("slurry from the tank")
    outlet: Outlet = stream("clear liquor back to the tank")
    contents: Holdup = stream("store of clear liquor, and the solids won")
    bleed_l_s: In = field(0.0, "flow that the bleed valve passes when enough runs over, L/s")
    level_percent: In = field(60.0, "level of the tank, %")
    level_set_percent: Param = field(60.0, "level to hold, %")
    gain_l_h: Param = field(2.0, "return flow per % of level error where no valve stands, L/h; 0: there is one")
    rate_l_h: Param = field(DRAWN_L_H, "flow through the open valve, L/h")
    store_l: Param = field(20.0, "volume of the store, L")
    evaporated_l: State = field(0.0, "account of water taken out, L")
    drain_l_s: Out = field(0.0, "flow taken from the tank, L/s")
    bled_l_h: Out = field(0.0, "bleed: what runs over and does not return, L/h")


def release(u: Thickener) -> None:
    """Return clear liquor: what runs over less the bleed; without a valve more when the tank is low, less when high."""
    held, outlet = u.contents, u.outlet
    u.drain_l_s = u.rate_l_h / 3600.0 if u.open >= 0.5 else 0.0
    trim = u.gain_l_h * (u.level_set_percent - u.level_percent) / 3600.0
    bleed = min(u.bleed_l_s, u.drain_l_s) if u.bleed_l_s > 0.0 else 0.0
    flow = min(max(u.drain_l_s - bleed + trim, 0.0), u.drain_l_s + MOST_L_S)
    if u.drain_l_s <= 0.0:
        flow = 0.0
    u.bled_l_h = max(u.drain_l_s - flow, 0.0) * 3600.0
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

"""Control valve with positioner: what share of its full flow passes for a command.

    positioner  first order, 1 s
    stiction    the stem stays until the positioner is more than the static band away, then slips to within the
                kinetic band: static (S + J) / 2, kinetic (S - J) / 2 with band S and jump J
    stroke      8 s from end to end
    flow        equal percentage R^(x - 1), 2 % of the full flow at x = 0.02 and nothing when shut; R = 1 is linear

First step  stem and positioner are where the flowsheet put them.
Bad input   a command outside 0..1 is held at the limit; NaN is a lost signal: the valve goes to `fails_to`.
Limits      the pressure over the valve is constant.
Source      process design basis 2.5; He, Wang, Pottmann and Qin, Ind. Eng. Chem. Res. 46 (2007) for the stiction.
Situation   tests/cases/units/control_valve/
"""

import math

from simulators.unit import In, Out, Param, State, Unit, field

SEAT = 0.001


class ControlValve(Unit):
    """One row is one valve."""

    command: In = field(0.0, "position asked for, 0..1")
    full_l_h: Param = field(30.0, "flow through the open valve, L/h")
    ratio: Param = field(50.0, "rangeability R; 1 is a linear valve")
    stroke_s: Param = field(8.0, "time from end to end, s")
    positioner_s: Param = field(1.0, "time constant of the positioner, s")
    band: Param = field(0.01, "stiction band S, share of the stroke")
    jump: Param = field(0.005, "slip jump J, share of the stroke, at most the band")
    fails_to: Param = field(0.0, "position without signal: 0 shut, 1 open")
    stuck: Param = field(0.0, "1: the stem does not move")
    asked: State = field(0.0, "where the positioner is, 0..1")
    freed: State = field(0.0, "where the stem goes, 0..1")
    position: Out = field(0.0, "position of the stem, 0..1")
    share: Out = field(0.0, "flow over that of the open valve, 0..1")
    flow_l_s: Out = field(0.0, "flow at the pressure it was laid out for, L/s")


def passed(x: float, ratio: float) -> float:
    """Share of the full flow at a position."""
    if ratio <= 1.0:
        return x
    shut = 1.0 / ratio
    # below the position of the smallest flow the plug is in its seat: from there to nothing in a straight line
    return math.pow(ratio, x - 1.0) if x >= shut else x * ratio * math.pow(ratio, shut - 1.0)


def advance(u: ControlValve, dt: float) -> None:
    """Positioner, stiction, stroke, flow."""
    wanted = min(max(u.command, 0.0), 1.0) if u.command == u.command else u.fails_to
    u.asked += (wanted - u.asked) * -math.expm1(-dt / u.positioner_s)
    jump = min(u.jump, u.band)
    static, kinetic = 0.5 * (u.band + jump), 0.5 * (u.band - jump)
    away = u.asked - u.freed
    if abs(away) > static:
        u.freed = u.asked - (kinetic if away > 0.0 else -kinetic)
    if wanted <= 0.0 and u.asked < max(static, SEAT):
        u.freed = 0.0
    if wanted >= 1.0 and u.asked > 1.0 - max(static, SEAT):
        u.freed = 1.0
    if u.stuck < 0.5:
        most = dt / max(u.stroke_s, 1e-3)
        u.position += min(max(u.freed - u.position, -most), most)
    u.share = passed(u.position, u.ratio)
    u.flow_l_s = u.share * u.full_l_h / 3600.0

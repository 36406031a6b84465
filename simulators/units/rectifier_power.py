"""Power part of a rectifier with the polarity contactor: what current flows for a set-point and a voltage limit.

    set-point   ramped 5 A/s up, 50 A/s down; the output follows within 50 ms
    limit       constant current, unless the cell would need more than the voltage limit: then constant voltage, with
                the current that the cell takes there (from its voltage and differential resistance of the last step)
    contactor   follows its position at once, unless it is welded to one
    heat sink   3 K, and 30 K at the rated current, above its air; six times that without the fan; 120 s
    mains       without one of three phases the rectifier gives half its rated current and ripples

Registers, watchdog and interlock bits belong to the device server.

First step  current is what the flowsheet gave.
Bad input   set-points outside the ratings are held at the rating; NaN counts as 0.
Limits      150 A, 10 V. Open contactor or open circuit: no current within one step, output at the voltage limit.
            Off with the contactor closed: the cell's own voltage drives a back-current through the bleeder, a tenth
            of an ampere while the output blocks, 5 to 20 A where it does not (`bleeder_ohm` 0.1 to 0.3). Without fan
            85 A end above 85 degC, where the device trips.
Source      process design basis 1.6, 2.1.6, 4.4, 5.2 row IC-4nn0; figures of fan and phase loss are assumed.
Situation   tests/cases/units/rectifier_power/
"""

import math

from simulators.noise import normal
from simulators.unit import In, Out, Param, State, Unit, field

OPEN, FORWARD, REVERSE = 0.0, 1.0, 2.0
HEAT_SINK_K, IDLE_K, NO_FAN, HEAT_SINK_S = 30.0, 3.0, 6.0, 120.0
TWO_PHASES, RIPPLE_SHARE = 0.5, 0.03


class RectifierPower(Unit):
    """One row is one rectifier with its contactor."""

    enabled: In = field(0.0, "1: output enabled")
    current_set_a: In = field(0.0, "current set-point, A")
    voltage_limit_v: In = field(5.0, "voltage limit, V")
    position: In = field(0.0, "contactor: 0 open, 1 forward, 2 reverse")
    cell_v: In = field(0.0, "cell voltage, V")
    cell_ohm: In = field(0.01, "differential resistance of the cell, Ohm")
    cell_open: In = field(0.0, "1: the circuit is interrupted in the cell")
    rated_a: Param = field(150.0, "rated current, A")
    rated_v: Param = field(10.0, "rated voltage, V")
    derated_v: Param = field(1e9, "a fault's cap on the voltage, V")
    tripped: Param = field(0.0, "1: the power part has tripped, no output")
    fan_failed: Param = field(0.0, "1: the fan stands")
    phase_lost: Param = field(0.0, "1: a mains phase is missing")
    welded: Param = field(-1.0, "contactor stuck at 0, 1 or 2; below 0: it works")
    crossed: Param = field(0.0, "1: the cell is connected the wrong way round")
    random_a: State = field(1.0, "noise generator")
    random_b: State = field(1.0, "noise generator")
    ramp_up_a_s: Param = field(5.0, "ramp up, A/s")
    ramp_down_a_s: Param = field(50.0, "ramp down, A/s")
    tau_s: Param = field(0.05, "time constant of the output, s")
    bleeder_ohm: Param = field(10.0, "resistance across the output, Ohm")
    ambient_c: Param = field(25.0, "air at the heat sink, degC")
    ramped_a: State = field(0.0, "ramped set-point, A")
    output_a: State = field(0.0, "output current, A, positive as delivered")
    contact: Out = field(0.0, "where the contactor is: 0 open, 1 forward, 2 reverse")
    heat_sink_c: Out = field(25.0, "heat sink, degC")
    current_a: Out = field(0.0, "current through the cell, A, positive when the felt is cathode")
    terminal_v: Out = field(0.0, "voltage at the output, V, signed as the cell's")
    cv: Out = field(0.0, "1: limited by voltage")
    cc: Out = field(0.0, "1: limited by current")


def advance(u: RectifierPower, dt: float) -> None:
    """Ramp, limit, follow."""
    u.contact = OPEN
    if u.position >= 0.5:
        u.contact = REVERSE if u.position >= 1.5 else FORWARD
    if u.welded > -0.5:
        u.contact = u.welded
    closed = u.contact >= 0.5 and u.cell_open < 0.5
    sign = -1.0 if (u.contact >= 1.5) != (u.crossed >= 0.5) else 1.0
    live = u.enabled >= 0.5 and u.tripped < 0.5
    wanted = min(max(u.current_set_a, 0.0), u.rated_a) if u.current_set_a == u.current_set_a else 0.0
    limit = min(max(u.voltage_limit_v, 0.0), u.rated_v, u.derated_v) if u.voltage_limit_v == u.voltage_limit_v else 0.0
    ripple = normal(u)
    if u.phase_lost >= 0.5:
        wanted = min(wanted, TWO_PHASES * u.rated_a)
    back = sign * u.cell_v
    u.cv, u.cc = 0.0, 0.0
    if live:
        u.ramped_a += min(max(wanted - u.ramped_a, -u.ramp_down_a_s * dt), u.ramp_up_a_s * dt)
        target = 0.0
        if closed:
            reach = max(u.output_a + (limit - back) / max(u.cell_ohm, 1e-4), 0.0)
            target = min(u.ramped_a, reach)
            u.cv = 1.0 if reach < u.ramped_a else 0.0
        else:
            u.cv = 1.0
        u.cc = 1.0 - u.cv
    else:
        u.ramped_a = 0.0
        target = -max(back, 0.0) / u.bleeder_ohm if closed else 0.0
    if u.phase_lost >= 0.5:
        target *= 1.0 + RIPPLE_SHARE * ripple
    u.output_a += (target - u.output_a) * -math.expm1(-dt / u.tau_s)
    if not closed:
        u.output_a = 0.0
    u.current_a = sign * u.output_a
    u.terminal_v = u.cell_v if closed else (limit if live else 0.0)
    loss = u.output_a / u.rated_a
    above = (IDLE_K + HEAT_SINK_K * loss * loss) * (NO_FAN if u.fan_failed >= 0.5 else 1.0)
    u.heat_sink_c += (u.ambient_c + above - u.heat_sink_c) * -math.expm1(-dt / HEAT_SINK_S)

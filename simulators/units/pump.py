"""Recirculation pump with its frequency drive: speed from the command, flow from pump curve against the circuit.

    drive   the speed reference moves 1/10 of full scale a second, the rotor follows with 0.4 s
    curve   n2 H0 = (k + ks) Q2 + dp_felt(Q)       head in m, Q in m3/h, n = speed 0..1; dp_felt is linear in Q
    network what is behind may tell its head at its last flow, and the slope: the pump meets that straight line
    flow    its steady value x (1 + unsteady x normal), anew each step: turbulence and the bubbles of the felt

The suction takes the tank's liquid and the dosed feed; the feed's share of the flow is not taken from the tank.

First step  speed and flow are what the flowsheet gave.
Bad input   speed command outside 0..1 is held at the limit; NaN counts as 0.
Limits      no flow below a tank level of 5 % (loss of prime).
Source      process design basis 2.5; shut-off head 12 m; 0.6 m3/h per cell at speed 0.8. A liquid that runs is never
            quite steady; a half of a percent is at the low end of what meters see without their own noise.
Situation   tests/cases/units/pump/
"""

import math

from simulators.noise import normal
from simulators.stream import COMPONENTS
from simulators.unit import In, Inlet, Out, Outlet, Param, State, Unit, field, stream

PRIME_PERCENT = 5.0
STANDSTILL = 0.01


class Pump(Unit):
    """One row is one pump."""

    run: In = field(0.0, "1 runs, 0 stands")
    speed_command: In = field(0.8, "speed reference, 0..1 of full speed")
    suction: Inlet = stream("tank liquid and feed")
    discharge: Outlet = stream("all of it")
    feed_l_s: In = field(0.0, "feed dosed into the suction, L/s")
    level_percent: In = field(60.0, "level of the tank it draws from, %")
    felt_m: In = field(0.816, "head lost in the felt of one cell at its nominal flow, m of water")
    network_m: In = field(0.0, "head that the network behind took, m")
    network_slope_m: In = field(1.0, "its change with the flow, m per m3/h")
    network_m3_h: In = field(0.0, "flow at which it took that, m3/h")
    network_shut: In = field(0.0, "1: the network is shut")
    network: Param = field(0.0, "1: the head of a network counts instead of that of the felt")
    cells: Param = field(1.0, "cells in parallel on this pump")
    tripped: Param = field(0.0, "1: the drive has tripped, the rotor coasts down")
    shut_off_m: Param = field(12.0, "head at full speed without flow, m")
    square_m: Param = field(19.07, "pump and pipe resistance of one cell's path, m per (m3/h)2")
    nominal_m3_h: Param = field(0.6, "nominal flow of one cell, m3/h")
    ramp_s: Param = field(10.0, "time of the drive's ramp over full scale, s")
    rotor_s: Param = field(0.4, "time constant of the rotor on its drive, s")
    coast_s: Param = field(0.8, "time constant of the rotor without drive, s")
    cells_bar: Param = field(0.0, "pressure at the cells at the nominal flow, bar; it goes with the square")
    unsteady: Param = field(0.0, "standard deviation of the flow from step to step as a share of it")
    random_a: State = field(1.0, "noise generator")
    random_b: State = field(1.0, "noise generator")
    reference: State = field(0.0, "ramped speed reference, 0..1")
    speed: Out = field(0.0, "rotor speed, 0..1")
    running: Out = field(0.0, "1: the drive is on and the rotor turns")
    flow_l_s: Out = field(0.0, "flow at the discharge, L/s")
    flow_m3_h: Out = field(0.0, "flow at the discharge, m3/h")
    draw_l_s: Out = field(0.0, "flow taken from the tank, L/s")
    pressure_bar: Out = field(0.0, "pressure that the flow makes at the cells, bar")


def delivered_m3_h(u: Pump) -> float:
    """Flow at the present speed, m3/h: the positive root of the head balance of one cell's path, times cells."""
    linear = u.felt_m / u.nominal_m3_h
    head = u.shut_off_m * u.speed * u.speed
    if head <= 0.0 or u.level_percent < PRIME_PERCENT or u.network_shut >= 0.5:
        return 0.0
    if u.network >= 0.5:
        left = head - u.network_m + u.network_slope_m * u.network_m3_h
        slope, square = u.network_slope_m, u.square_m / (u.cells * u.cells)
        return 2.0 * left / (slope + math.sqrt(slope * slope + 4.0 * square * left)) if left > 0.0 else 0.0
    root = math.sqrt(linear * linear + 4.0 * u.square_m * head)
    return u.cells * 2.0 * head / (linear + root)


def release(u: Pump) -> None:
    """What enters the suction leaves at the discharge in the same instant."""
    suction, discharge = u.suction, u.discharge
    for k in range(COMPONENTS):
        discharge[k] = suction[k]


def advance(u: Pump, dt: float) -> None:
    """Ramp the reference, let the rotor follow, find the flow."""
    driven = u.run >= 0.5 and u.tripped < 0.5
    command = min(max(u.speed_command, 0.0), 1.0) if u.speed_command == u.speed_command else 0.0
    if driven:
        most = dt / u.ramp_s
        u.reference += min(max(command - u.reference, -most), most)
    else:
        u.reference = 0.0
    u.speed += (u.reference - u.speed) * -math.expm1(-dt / (u.rotor_s if driven else u.coast_s))
    u.running = 1.0 if driven and u.speed > STANDSTILL else 0.0
    u.flow_l_s = delivered_m3_h(u) / 3.6 * max(1.0 + u.unsteady * normal(u), 0.0)
    u.flow_m3_h = u.flow_l_s * 3.6
    u.draw_l_s = max(u.flow_l_s - u.feed_l_s, 0.0)
    relative = u.flow_m3_h / (u.nominal_m3_h * u.cells)
    u.pressure_bar = u.cells_bar * relative * relative

"""Fan with its frequency drive: air in proportion to its speed.

First step  speed is what the flowsheet gave.
Bad input   a speed command outside 0..1 is held at the limit; NaN counts as 0.
Limits      the duct is laid out for it: no curve.
Source      process design basis 5.2 row FIC-8014 (3 s), 4.1 row FI-8014; 150 Nm3/h at full speed is assumed.
Situation   tests/cases/units/fan/
"""

import math

from simulators.unit import In, Out, Param, State, Unit, field

STANDSTILL = 0.01


class Fan(Unit):
    """One row is one fan."""

    run: In = field(0.0, "1 runs, 0 stands")
    speed_command: In = field(0.6, "speed reference, 0..1")
    tripped: Param = field(0.0, "1: the drive has tripped")
    full_nm3_h: Param = field(150.0, "air at full speed, Nm3/h")
    ramp_s: Param = field(10.0, "time of the drive's ramp over full scale, s")
    rotor_s: Param = field(3.0, "time constant of rotor and duct, s")
    reference: State = field(0.0, "ramped speed reference, 0..1")
    speed: Out = field(0.0, "speed, 0..1")
    running: Out = field(0.0, "1: the drive is on and the rotor turns")
    air_nm3_h: Out = field(0.0, "air, Nm3/h")


def advance(u: Fan, dt: float) -> None:
    """Ramp the reference, let the rotor follow."""
    driven = u.run >= 0.5 and u.tripped < 0.5
    command = min(max(u.speed_command, 0.0), 1.0) if u.speed_command == u.speed_command else 0.0
    most = dt / u.ramp_s
    u.reference = u.reference + min(max(command - u.reference, -most), most) if driven else 0.0
    u.speed += (u.reference - u.speed) * -math.expm1(-dt / u.rotor_s)
    u.running = 1.0 if driven and u.speed > STANDSTILL else 0.0
    u.air_nm3_h = u.full_nm3_h * u.speed

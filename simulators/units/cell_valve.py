"""Process and wash valves of a cell as one three-way set on one shaft: before the one side opens the other is shut.

    shaft      moves with 1 / travel a second to the process end (1) or the wash end (0)
    openings   process = 2 x - 1, wash = 1 - 2 x, held within 0..1: half way both are shut
    switches   at 95 % of the way to either end

First step  the shaft is where the flowsheet put it.
Bad input   a command of 0.5 and more is the process side, all else, NaN too, the wash side.
Limits      a worn seat passes `worn` of the full opening on the side that is shut. Without air the set goes to the
            wash side: the safe state.
Source      process design basis 2.5 (2 s, limit switches, stuck, slow, limit switch lost), 4.1, 5.5 S4.
Situation   tests/cases/units/cell_valve/
"""

from simulators.unit import In, Out, Param, State, Unit, field

END = 0.95


class CellValve(Unit):
    """One row is the set of one cell."""

    process_command: In = field(1.0, "1 process side, 0 wash side")
    travel_s: Param = field(2.0, "time from end to end, s")
    slow: Param = field(1.0, "times that the travel takes longer")
    stuck: Param = field(0.0, "1: the shaft does not move")
    no_air: Param = field(0.0, "1: no air, the spring moves it to the wash side")
    switch_lost: Param = field(0.0, "1: neither limit switch answers")
    worn: Param = field(0.0, "opening that is left on the side that is shut, 0..1")
    shaft: State = field(1.0, "1 process end, 0 wash end")
    process_side: Out = field(1.0, "opening of the process side, 0..1")
    wash_side: Out = field(0.0, "opening of the wash side, 0..1")
    wash_share: Out = field(0.0, "share of what leaves the cell that goes to the wash side, 0..1")
    at_process: Out = field(1.0, "limit switch of the process end")
    at_wash: Out = field(0.0, "limit switch of the wash end")


def advance(u: CellValve, dt: float) -> None:
    """Move the shaft, then say where it is."""
    wanted = 1.0 if u.process_command >= 0.5 and u.no_air < 0.5 else 0.0
    if u.stuck < 0.5:
        most = dt / max(u.travel_s * u.slow, 1e-3)
        u.shaft += min(max(wanted - u.shaft, -most), most)
    u.process_side = max(2.0 * u.shaft - 1.0, u.worn)
    u.wash_side = max(1.0 - 2.0 * u.shaft, u.worn)
    u.wash_share = u.wash_side / max(u.wash_side + u.process_side, 1e-9)
    seen = u.switch_lost < 0.5
    u.at_process = 1.0 if seen and u.shaft >= END else 0.0
    u.at_wash = 1.0 if seen and u.shaft <= 1.0 - END else 0.0

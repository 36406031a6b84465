"""Frequency converter of a pump or fan on Modbus TCP (Danfoss FC class, profile FC).

    register  name  access
    50000     CTW   RW  control word; bit 10 (data valid) must be set, else the telegram has no effect
    50010     REF   RW  speed reference, 0x4000 = 100 %, signed
    50200     STW   R   status word, bits below
    50210     MAV   R   actual speed, 0x4000 = 100 %, signed

Printed numbers; the wire carries one less. Registers between two of these that lie ten apart read as 0. Functions 3,
6 and 16. Control word: bits 2-5 are 1 in operation (no DC brake, no coasting, no quick stop, no hold), 6 starts (1) and
stops by ramp (0), 7 resets a trip on its rising edge. 0x047C starts, 0x043C stops. Status word: 0 ready, 1 drive ready,
2 enabled, 3 trip, 7 warning, 8 at speed, 9 remote control (0 is local), 10 within limits, 11 running.

What a driver must survive: a control word without bit 10 is confirmed and ignored, together with the reference that
stands beside it; in local control everything is; after a trip the start bit stands and starts nothing until the trip is
reset and the bit has gone and come again; a reset while the cause of the trip is still there is confirmed and changes
nothing. When the line falls silent the drive keeps its last reference and runs on
(fail-safe column of 4.1).

Hard-wired, whatever the bus says: `stop_line` (terminal 27, coasts) and `full_line` (runs at 100 %).

Sources: section 4.2 of the design basis for registers, scaling and bit 10; bits of the FC profile as its makers print
them, assumed.
"""

import math
from collections.abc import Mapping
from typing import Final

from simulators.devices.register_instrument import Reading, RegisterInstrument
from simulators.devices.registers import (
    ILLEGAL_ADDRESS,
    READ_HOLDING,
    PlantSignals,
    RegisterRefused,
)

CTW, REF, STW, MAV = 49999, 50009, 50199, 50209
FULL: Final = 0x4000
START, STOP = 0x047C, 0x043C
OPERATING: Final = 0x3C
RUN_BIT, RESET_BIT, VALID_BIT = 1 << 6, 1 << 7, 1 << 10
READY, DRIVE_READY, ENABLED, TRIPPED, WARNING, AT_SPEED, REMOTE, IN_LIMITS, RUNNING = (
    1 << i for i in (0, 1, 2, 3, 7, 8, 9, 10, 11)
)
_BETWEEN: Final = dict.fromkeys((*range(CTW, REF), *range(STW, MAV)), 0)
TRIP_AFTER_NS: Final = 2_000_000_000


class Drive(RegisterInstrument):
    """One drive. Signals of the plant: `run` and `speed_command` are written, `running` and `speed` (share) read.

    `local` is its switch on the front, `stop_line` and `full_line` are wires of the PLCs. It trips while its own
    electronics (`overload`) or the plant's signal `cause` say that something is wrong, and when a start command has not
    turned the motor for 2 s. The trip is latched: it stays when the cause has gone.
    """

    functions = (READ_HOLDING,)

    def __init__(self, plant: PlantSignals, motor: str, *, cause: str = "") -> None:
        super().__init__(plant, [f"{motor}.running", f"{motor}.speed"])
        self._motor = motor
        self._cause = cause
        self.local = False
        self.overload = False
        self.stop_line = False
        self.full_line = False
        self.tripped = False
        self._refused_start = False
        self._commanded = plant.read(f"{motor}.run") > 0.5
        self._control = START if self._commanded else STOP
        self._reference = round(plant.read(f"{motor}.speed_command") * FULL) & 0xFFFF
        self._running_ns: int | None = None

    def reboot(self) -> None:
        """After a power cut: stopped, no reference, no trip; a start bit must come anew."""
        self._control, self._reference, self._commanded, self.tripped = STOP, 0, False, False

    def drive(self, now_ns: int) -> None:
        """Give the motor what bus, wires and trips leave; once a step, before the plant moves."""
        if self._cause_stands():
            self._trip()
        wanted = (self._commanded or self.full_line) and not self.stop_line and not self.tripped
        running = self._plant.read(self._signals[0]) > 0.5
        if not wanted or running or self._running_ns is None:
            self._running_ns = now_ns if wanted else None
        elif now_ns - self._running_ns >= TRIP_AFTER_NS:
            wanted = False
            self._trip()
        self._plant.write(f"{self._motor}.run", float(wanted))
        self._plant.write(f"{self._motor}.speed_command", 1.0 if self.full_line else self.reference())

    def _cause_stands(self) -> bool:
        return self.overload or (self._cause != "" and self._plant.read(self._cause) > 0.5)

    def _trip(self) -> None:
        self.tripped, self._commanded = True, False

    def reference(self) -> float:
        """The speed asked for, as a share 0..1: a pump does not turn backwards."""
        signed = self._reference - 0x10000 if self._reference & 0x8000 else self._reference
        return max(0.0, min(1.0, signed / FULL))

    def status(self) -> int:
        """The status word."""
        running, speed = self.value(0) > 0.5, self.value(1)
        word = READY | (0 if self.local else REMOTE)
        if self.tripped:
            return word | TRIPPED
        asked = 1.0 if self.full_line else self.reference()
        word |= DRIVE_READY | IN_LIMITS | (0 if self.stop_line else ENABLED)
        word |= RUNNING if running else 0
        return word | (AT_SPEED if running and abs(speed - asked) < 0.01 else 0)

    def reading(self, item: str, now_ns: int) -> Reading:
        """`START`, `RESET`, `SPEED_SET`, `STATUS`, `TRIPPED`, `RUNNING` or `SPEED`, in % and whole numbers."""
        if self.garbled():
            return math.nan, "bad"
        status = self.status()
        values = {
            "START": (self._control - STOP) / (START - STOP),
            "RESET": bool(self._control & RESET_BIT),
            "SPEED_SET": 100.0 * self.reference(),
            "STATUS": status,
            "TRIPPED": bool(status & TRIPPED),
            "RUNNING": bool(status & RUNNING),
            "SPEED": round(self.value(1) * FULL) / FULL * 100.0,
        }
        return float(values[item]), "good"

    def command(self, item: str, value: float) -> None:
        """`START` 0 or 1, `RESET` 0 or 1 beside what else the control word says, or `SPEED_SET` in %."""
        words = {
            "START": (CTW, START if value > 0.5 else STOP),
            "RESET": (CTW, self._control & ~RESET_BIT | STOP | (RESET_BIT if value > 0.5 else 0)),
            "SPEED_SET": (REF, round(value / 100.0 * FULL)),
        }
        address, word = words[item]
        self.write(address, [word & 0xFFFF])

    def words(self, now_ns: int, function: int) -> Mapping[int, int]:
        """Its four registers."""
        speed = max(-2.0, min(1.99, self.value(1)))
        own = {CTW: self._control, REF: self._reference, STW: self.status(), MAV: round(speed * FULL) & 0xFFFF}
        return _BETWEEN | own

    def write(self, address: int, values: list[int]) -> None:
        """Control word and reference, together or one of them."""
        for place, value in enumerate(values, address):
            if place == CTW:
                self._take(value)
            elif place == REF:
                if not self.local and self._control & VALID_BIT:
                    self._reference = value
            else:
                raise RegisterRefused(ILLEGAL_ADDRESS)

    def _take(self, word: int) -> None:
        """A control word: without bit 10, or in local control, nothing comes of it."""
        if self.local or not word & VALID_BIT:
            return
        if word & RESET_BIT and not self._control & RESET_BIT and not self._cause_stands():
            self.tripped = False
        wants = bool(word & RUN_BIT) and word & OPERATING == OPERATING
        rises = wants and not self._control & RUN_BIT
        if not self.tripped:
            self._commanded = wants and (rises or self._commanded)
        self._control = word

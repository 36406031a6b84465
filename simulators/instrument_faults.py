"""What can go wrong in a sensor or its 4-20 mA loop, by name, beside the faults of `simulators.faults`.

These change the plant's own numbers, as all faults of the plant: any instrument of the circuit can have each of them,
named by the signal that it shows. Probe faults are those of section 2.7 of the design basis; what a digital device does
to a value after its sensor is in `device_faults`.
"""

from simulators.faults import METERS, PROBES, Fault, fixed, given, register
from simulators.instrument import BROKEN_LOOP, DRIFTING, LATE, NOISY, SHORTED_LOOP, SPIKED

MV_A_PH = 60.9
"""Slope of a glass electrode at 40 degC and 0.98 of the Nernst slope, mV."""
OPEN_CIRCUIT_PH = 2.0

for _fault in (
    Fault(
        "meter-drift",
        "meter drifts away, units an hour",
        METERS,
        {"fault": fixed(DRIFTING), "fault_value": given("per_hour")},
        {"per_hour": 0.1},
    ),
    Fault(
        "meter-spikes",
        "meter spikes for a moment every few seconds",
        METERS,
        {"fault": fixed(SPIKED), "fault_value": given("size")},
        {"size": 1.0},
    ),
    Fault(
        "meter-noise",
        "meter is noisy, standard deviation beside its own",
        METERS,
        {"fault": fixed(NOISY), "fault_value": given("sigma")},
        {"sigma": 0.1},
    ),
    Fault("loop-broken", "the meter's loop is broken: 3.6 mA", METERS, {"fault": fixed(BROKEN_LOOP)}),
    Fault("loop-shorted", "the meter's loop is shorted: 21 mA", METERS, {"fault": fixed(SHORTED_LOOP)}),
    Fault(
        "meter-late",
        "meter shows what was so many seconds ago",
        METERS,
        {"fault": fixed(LATE), "fault_value": given("late_s")},
        {"late_s": 5.0},
    ),
    Fault(
        "probe-open",
        "the probe's cable is open: nothing but noise",
        PROBES,
        {"fault": fixed(NOISY), "fault_value": fixed(OPEN_CIRCUIT_PH)},
    ),
    Fault(
        "probe-poisoned",
        "the reference is being poisoned: it drifts, mV a day",
        PROBES,
        {"fault": fixed(DRIFTING), "fault_value": given("mv_per_day", scale=-1.0 / (24.0 * MV_A_PH))},
        {"mv_per_day": -0.3},
    ),
    Fault(
        "probe-uncompensated",
        "temperature compensation fails: it takes 25 degC",
        PROBES,
        {"compensation_c": fixed(25.0)},
    ),
):
    register(_fault)

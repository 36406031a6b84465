"""Every process of a working plant is killed and stopped again and again, at random phases, while five readers stream.

`make campaign NAME=planned-deaths`, about an hour and a half on a quiet machine; ARGS="3 7" rides three of each with
the seed 7, ARGS="20 1 control" only that part (bystanders, control, supervisors), kept in a file of its own. What each
death is held to is in tests/process/split_deaths.py, of which the tests ride a sample. The first situation that is not
as it must be ends the ride with a sentence, and the result says so.
"""

import sys
import tempfile
import traceback
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks._record import record
from plantctl.app.split.segments import Role
from plantctl.app.state_folder import LOGS_NAME
from tests.process import split_deaths as deaths
from tests.process.split_rig import split, start_words
from tests.process.split_watch import five_readers, gaps, now_ns, punctuality

TIMES = 20
SEED = 1
STOP_LONGEST_S = 10.0
# A field that stands for less than a second keeps its grant.
STOP_SHORTEST_S = 1.2
# More than five deaths of one process within a minute end the plant, or let the process rest.
PACE_S = 13.0
LINES = 25
# A process that dies again and again is waited for longer and longer: each plant sees a few deaths of each, all of
# them answered as soon as can be.
DEATHS_A_PLANT = 4
PARTS = ("bystanders", "control", "supervisors")


@contextmanager
def paced(plant):
    """At least so long between two deaths of one process."""
    begin_ns = now_ns()
    yield
    plant.let_pass(max(0.0, PACE_S - (now_ns() - begin_ns) / 1e9))


def bystanders(plant, times, chance):
    """Kills and stops of those that nobody needs for control, and the same time without."""
    found = {}
    with punctuality(plant) as killed:
        begin_ns = now_ns()
        for role in deaths.BYSTANDERS:
            rides = []
            for _ in range(times):
                with paced(plant):
                    rides.append(deaths.killed_bystander(plant, role, deaths.phase(chance, plant.plan)))
            found[f"{role} killed"] = deaths.worst(rides)
            rides = [deaths.stopped_bystander(plant, role, long_stop(chance)) for _ in range(times)]
            found[f"{role} stopped"] = deaths.worst(rides)
        lasted_s = (now_ns() - begin_ns) / 1e9
    with punctuality(plant) as quiet:
        plant.let_pass(lasted_s)
    found["scan without kills"], found["scan with kills"] = vars(quiet[0]), vars(killed[0])
    assert killed[0].missed <= quiet[0].missed, found
    return found


def control(plant, times, chance):
    """Kills and stops of scan and field."""
    found = {}
    kills = {Role.FIELD: deaths.killed_field, Role.SCAN: deaths.killed_scan}
    stops = {Role.FIELD: deaths.stopped_field, Role.SCAN: deaths.stopped_scan}
    for role in (Role.FIELD, Role.SCAN):
        rides = []
        for _ in range(times):
            with paced(plant):
                rides.append(kills[role](plant, deaths.phase(chance, plant.plan)))
        found[f"{role} killed"] = deaths.worst(rides)
        found[f"{role} stopped"] = deaths.worst([stops[role](plant, long_stop(chance)) for _ in range(times)])
        found[f"{role} stopped shortly"] = deaths.stopped_shortly(plant, role, chance, times)
    return found


def supervisors(folder, times, chance):
    """A supervisor that is killed while it starts, and one that is killed at work, in turn."""
    rides = []
    for n in range(times):
        place = folder / f"supervisor {n}"
        place.mkdir()
        with split(place) as plant:
            rides.append(deaths.killed_supervisor(plant))
            for _ in range(2):
                state = place / "state"
                rides.append(deaths.killed_while_starting(plant, start_words(place), state, chance.uniform(0.0, 6.0)))
    return {"supervisor killed": deaths.worst(rides)}


def long_stop(chance):
    """A stop of more than three periods, s."""
    return chance.uniform(STOP_SHORTEST_S, STOP_LONGEST_S)


def ride(times, seed, parts):
    """All situations of the parts; what was found and, where something was not as it must be, what."""
    chance = deaths.seeded(seed)
    found = {}
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            plants = []
            while set(parts) & {"bystanders", "control"} and (left := times - DEATHS_A_PLANT * len(plants)) > 0:
                place = folder / str(len(plants))
                place.mkdir()
                plants.append(one_plant(place, min(left, DEATHS_A_PLANT), chance, parts))
                found |= {name: deaths.worst([p[name] for p in plants]) for name in plants[0]}
            if "supervisors" in parts:
                found |= supervisors(folder, max(1, times // 2), chance)
    except (AssertionError, OSError) as error:
        traceback.print_exc()
        return found, str(error) or type(error).__name__
    return found, ""


def one_plant(folder, times, chance, parts):
    """What the parts that ride one plant found."""
    found = {}
    with split(folder) as plant, told_at_the_end(plant):
        plant.operate()
        with five_readers(plant) as readers:
            if "bystanders" in parts:
                found |= bystanders(plant, times, chance)
            if "control" in parts:
                found |= control(plant, times, chance)
        found["readers"] = {f"{w.name} connects": w.connects for w in readers.watched}
        frames = plant.frames()
        found["log"] = {"frames": len(frames), "gaps": len(gaps(frames))}
        assert not found["log"]["gaps"], found["log"]
    return found


@contextmanager
def told_at_the_end(plant):
    """What the processes said last, where the block fails: the folder of the plant goes with it."""
    try:
        yield
    except (AssertionError, OSError):
        for file in sorted((plant.folder / LOGS_NAME).iterdir()):
            lines = file.read_text(errors="replace").splitlines()
            print(f"== {file.name}", *lines[-LINES:], sep="\n", file=sys.stderr)
        raise


def main():
    times = int(sys.argv[1]) if len(sys.argv) > 1 else TIMES
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    parts = sys.argv[3:] or PARTS
    name = "-".join(("planned-deaths", *(sys.argv[3:])))
    found, complaint = ride(times, seed, parts)
    record(name, {"times_each": times, "seed": seed, "complaint": complaint, "worst": found})
    return 1 if complaint else 0


if __name__ == "__main__":
    sys.exit(main())

"""What the command line says to somebody who is wrong, and what it does not import on the way."""

import json
import re
import subprocess
import sys

import pytest

from tests.process.command_rig import DEMO, IN_ONE, ROOT, bench, plantctl, running, surroundings, wait

HEAVY = {"numba", "llvmlite", "asyncua", "pymodbus", "rich"}
QUICK = HEAVY | {"numpy", "pydantic", "yaml", "asyncio"}
WRONG = {
    "a verb with a typing mistake": (["chekc"], 2, "there is no `chekc`; did you mean `check`?"),
    "no verb": ([], 2, "VERB"),
    "a command with a typing mistake": (["command", "mod", "L", "auto"], 2, "did you mean `mode`?"),
    "set as a command": (["command", "set", "T", "1"], 2, "to write a value: plantctl set TAG VALUE"),
    "a wait without a number": (["set", "T", "1", "--wait", "soon"], 2, "`soon` is not a number of seconds up to 60"),
    "an option that is not there": (["check", DEMO, "--al"], 2, "--al"),
    "no plant at a path": (["check", "nowhere"], 3, "there is no plant at nowhere"),
    "no plant in a folder": (["run", "."], 3, "there is no plant at plant.yaml"),
    "no plant to explain": (["explain", "nowhere"], 3, "there is no plant at nowhere"),
    "an unknown tag": (
        ["explain", DEMO, "40-FI-401"],
        3,
        "`40-FI-401` is not in Circuit A; did you mean `40-FI-4013`?",
    ),
    "nothing runs": (["get", "T"], 3, "no plant runs in {state}; start one with plantctl demo"),
    "a plant by name that does not run": (
        ["get", "T", "--plant", "X"],
        3,
        "no plant answers at {state}/X/control.sock",
    ),
    "no log at all": (["history", "T"], 3, "there is no log in {state}"),
    "no log in a folder": (["history", "T", "--from", "nowhere"], 3, "there is no log in nowhere"),
    "a span without a unit": (["history", "T", "--last", "10q"], 2, "--last: unknown unit `q`"),
    "no inputs": (["exec", DEMO, "--out", "o.csv"], 2, "exec needs --inputs IN.csv and --until TIME, or --from LOG"),
    "inputs that are not there": (
        ["exec", DEMO, "--inputs", "in.csv", "--until", "1s", "--out", "o.csv"],
        3,
        "in.csv: no such file",
    ),
    "a log that is not there": (["exec", DEMO, "--from", "nowhere", "--out", "o.csv"], 3, "there is no log in nowhere"),
    "endpoints that are not there": (["run", DEMO, "--endpoints", "e.yaml"], 3, "endpoints file e.yaml cannot be read"),
    "no simulator": (["sim", "fault", "pump-trip"], 3, "no simulator answers at {state}/simulators/sim.sock"),
    "a simulator without a place": (["sim"], 2, "--endpoints FILE is needed to serve"),
}


@pytest.mark.parametrize("situation", WRONG)
def test_a_mistake_is_named_with_its_way_out(situation, tmp_path):
    arguments, code, said = WRONG[situation]
    done = subprocess.run(
        [sys.executable, "-m", "plantctl", *map(str, arguments)],
        env=surroundings(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert said.format(state=tmp_path) in done.stderr
    assert "Traceback" not in done.stderr


def test_endpoints_that_lack_a_device_name_it(tmp_path):
    (tmp_path / "endpoints.yaml").write_text("PLC-4: opc.tcp://127.0.0.1:4840\nGW-4A: rtu+tcp://127.0.0.1:502\n")
    done = plantctl("run", DEMO, "--endpoints", tmp_path / "endpoints.yaml", state=tmp_path)
    assert done.returncode == 3
    assert "the endpoints file has no line for RECT-01" in done.stderr


def test_a_broken_lock_names_file_and_line(tmp_path):
    plant = bench(tmp_path / "plant")
    (plant / "plantctl.lock").write_text("1 10-AY-1\nnonsense\n")
    done = plantctl("check", plant, state=tmp_path)
    assert done.returncode == 3
    assert "plantctl.lock:2: `nonsense` is not `id name`" in done.stderr
    assert "take it from version control again" in done.stderr


def test_a_plant_with_errors_is_not_run_and_all_of_them_are_shown(tmp_path):
    plant = bench(tmp_path / "plant")
    text = (plant / "plant.yaml").read_text()
    (plant / "plant.yaml").write_text(
        text.replace("L/h, service: twice", "bar, service: twice").replace("range", "rnge")
    )
    for verb in (["check"], ["run"], ["explain"], ["demo", "--plain", "--plant"]):
        done = plantctl(*verb, plant, state=tmp_path)
        assert done.returncode == 1
        assert "did you mean `range`?" in done.stderr


def test_a_result_that_cannot_be_written_names_the_folder(tmp_path):
    (tmp_path / "in.csv").write_text("time_s,tag,value,quality\n")
    done = plantctl(
        "exec", bench(tmp_path / "p"), "--inputs", tmp_path / "in.csv", "--until", "1s",
        "--out", tmp_path / "no" / "o.csv", state=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"{tmp_path}/no" in done.stderr


def test_a_reader_that_has_enough_ends_us_quietly(tmp_path):
    line = f"'{sys.executable}' -m plantctl explain '{DEMO}' | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], env=surroundings(tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] in ("0", "141")


def test_refusals_have_their_code_and_reason(tmp_path):
    state = tmp_path / "state"
    with running("run", bench(tmp_path / "plant"), *IN_ONE, state=state) as child:
        wait((state / "Bench" / "control.sock").exists, child=child)
        for arguments, said in (
            (
                ["set", "10-AY-9", "1"],
                "unknown-target: `10-AY-9` is not in the plan; did you mean `10-AY-1`?",
            ),
            (["set", "10-AY-1", "-1e-3"], "out-of-range: -0.001 is outside 0 to 10"),
            (["command", "mode", "10-AY-1", "auto"], "not-in-this-plan: nothing in this plant takes `mode`"),
            (["set", "10-AY-2", "1"], "not-writable: "),
            (["command", "bypass", "10-AY-2", "1"], "not-in-this-plan: nothing in this plant takes `bypass`"),
        ):
            done = plantctl(*arguments, state=state)
            assert done.returncode == 4
            assert re.match(r"refused after \d+ m?s - " + re.escape(said), done.stdout), done.stdout
        stages = json.loads(plantctl("set", "10-AY-2", "1", "--json", state=state).stdout)
        assert [stage["code"] for stage in stages] == ["not-writable"]
        unknown = plantctl("get", "10-AY-3", state=state)
        assert unknown.returncode == 3
        assert "`10-AY-3` is not in Bench; did you mean `10-AY-2`?" in unknown.stderr
        got = json.loads(plantctl("get", "10-AY-2", "--json", state=state).stdout)
        assert (got[0]["value"], got[0]["unit"], got[0]["quality"]) == (2.0, "L/h", "good")


def imported(*arguments):
    """The top packages that a verb imports."""
    script = (
        "import json, sys\n"
        "from plantctl.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=surroundings(ROOT),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_of_every_verb_imports_nothing_heavy():
    from plantctl.cli.main import VERBS

    assert not imported("--help") & QUICK
    for verb in VERBS:
        if verb != "sim":
            assert not imported(verb, "--help") & QUICK, verb


def test_check_and_explain_need_neither_wires_nor_compiler():
    for verb in ("check", "explain"):
        assert not imported(verb, DEMO) & HEAVY

"""The page of the format is enough to read a file, and its how-to works as it stands."""

import importlib.util
import math
import re
import shlex
from pathlib import Path
from random import Random

from plantctl.cli.main import parser_of
from plantctl.core.keeping import Keeping
from plantctl.core.recording import Keep, Recording
from plantctl.history.reading.query import History
from plantctl.log.rows import LogRows
from plantctl.log.storage import FolderStorage
from tests.history_bench import NAMES, SCAN_NS, Plant, bits
from tests.history_decoder import decode

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "look-back.md"


def test_a_reader_written_from_the_page_reads_what_we_wrote():
    recording = {12: Recording(Keep.SWINGING_DOOR, 0.1), 13: Recording(Keep.DEAD_BAND, 0.2)}
    plant = Plant(Random(2), keeping=Keeping(recording=recording))
    plant.event("the recirculation drive is off")
    for _ in range(4):
        plant.scan(40)
        plant.seal()
    for range_name in plant.sealed.names():
        found = decode(bytes(plant.sealed.files[range_name].seen))
        _, utc_ns, holes = found[1, 0]
        first, last = (int(n) for n in range_name[:-4].split("-"))
        stretches = list(LogRows(plant.log, first - 1).read(last))
        assert utc_ns == [t for s in stretches for t in s.utc_ns.tolist()]
        assert holes == ([0] if first == 1 else [])
        history = History(plant.log, plant.sealed)
        for tag, name in NAMES.items():
            series = history.raw(name, 0, 1 << 62)
            wanted = [k for k, t in enumerate(series.utc_ns.tolist()) if utc_ns[0] <= t <= utc_ns[-1]]
            scan, value, quality, source_ns, line, off_by = found.get((3, tag), ([], [], [], [], False, 0.0))
            told = recording.get(tag)
            assert not scan or (line, off_by) == (tag == 12, told.off_by if told else 0.0)
            assert [utc_ns[s] for s in scan] == series.utc_ns[wanted].tolist()
            assert [bits(v) for v in value] == [bits(v) for v in series.value[wanted].tolist()]
            assert quality == series.quality[wanted].tolist()
            assert source_ns == series.source_ns[wanted].tolist()
            if (4, tag) in found:
                low, high = found[4, tag][1:3]
                known = [v for v in value if not math.isnan(v)]
                assert min(low) <= min(known)
                assert max(high) >= max(known)
    assert any((4, tag) in found for tag in NAMES)


def test_the_how_to_works_as_it_stands(tmp_path):
    text = HOW_TO.read_text(encoding="utf-8")
    plant = Plant(Random(2), FolderStorage(tmp_path / "log"), FolderStorage(tmp_path / "history"), span_ns=9 * SCAN_NS)
    plant.scan(30)
    plant.seal()
    (notebook, code) = re.findall(r"```python\n(.*?)```", text, re.S)
    compile(notebook, "notebook", "exec")
    (tmp_path / "look_back.py").write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("look_back", tmp_path / "look_back.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert len(module.last_hour(tmp_path, "A-1")["min"]) <= 1200
    backup = HOW_TO.with_name("put-a-backup-back.md").read_text(encoding="utf-8")
    commands = re.findall(r"^plantctl (.*?)(?:\s+#.*)?$", text + backup, re.M)
    assert len(commands) >= 16
    for command in commands:
        parser_of(["history", "trend", "backup", "restore", "export"]).parse_args(shlex.split(command))

"""An OPC UA server that cannot be served says so; one that runs is asked in test_page_process, over the same plant."""

import pytest

from tests.process.command_rig import plantctl
from tests.process.split_rig import text_serving


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("{port: 0}", "the OPC UA server has no keys"),
        ("{insecure: true, listen: 0.0.0.0}", "an open server that other machines can reach"),
        ("{sessions: 50, connections: 10}", "more sessions than connections"),
        ("{port: 70000}", "70000 is no port"),
        ("{trust: ../elsewhere}", "is not the name of a file in the plant's security folder"),
        ("{polices: []}", "`polices` is no key of `opcua_server`"),
    ],
)
def test_a_server_that_cannot_be_is_told_before_anything_starts(tmp_path, asked, said):
    done = plantctl("run", text_serving(tmp_path, asked), "--interpreted", "--no-page", state=tmp_path / "state")
    assert done.returncode != 0
    assert said in done.stderr + done.stdout

"""Files of the secrets folder that a sink may use, and those it must not."""

import pytest

from plantctl.sinks._secrets import FILE_BYTES_MAX, path_in, secret_in
from plantctl.sinks._sink import Settings, SinkNotAdmitted


def secret(folder, text, mode=0o600):
    path = folder / "token"
    path.write_bytes(text)
    path.chmod(mode)
    return path


def test_a_token_is_one_line_without_its_end(tmp_path):
    secret(tmp_path, b"canary-17==\r\n")
    assert secret_in(tmp_path, "token", "token") == "canary-17=="
    assert secret_in(None, str(tmp_path / "token"), "token") == "canary-17=="


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        (b"canary", 0o640, "others can read it.*chmod 600"),
        (b"canary", 0o604, "others can read it"),
        (b"", 0o600, "one line of 1 to"),
        (b"canary\nsecond", 0o600, "one line of 1 to"),
        (b"canary\xff", 0o600, "one line of 1 to"),
        (b"canary\x00", 0o600, "one line of 1 to"),
        (b"c" * 5000, 0o600, "one line of 1 to"),
        (b"c" * (FILE_BYTES_MAX + 1), 0o600, "too long for a token"),
    ],
)
def test_what_is_no_token_is_said_without_any_of_it(tmp_path, text, mode, why):
    secret(tmp_path, text, mode)
    with pytest.raises(SinkNotAdmitted, match=why) as told:
        secret_in(tmp_path, "token", "token")
    assert "canary" not in str(told.value)


def test_a_token_that_is_not_there_is_named_with_its_place(tmp_path):
    with pytest.raises(SinkNotAdmitted, match=f"there is no token in {tmp_path}/token: no such file"):
        secret_in(tmp_path, "token", "token")


def test_a_plant_without_a_secrets_folder_says_so():
    with pytest.raises(SinkNotAdmitted, match="given none"):
        path_in(None, "token")


@pytest.mark.parametrize("name", ["../token", "a/../../token", "", "."])
def test_a_name_that_leads_out_of_the_folder_is_refused(name):
    from plantctl.sinks._secrets import FileName

    class Named(Settings):
        file: FileName

    with pytest.raises(ValueError, match="not the name of a file"):
        Named(file=name)

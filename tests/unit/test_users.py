"""Who may log in: the file of users, the verb that keeps it, and what may begin a session."""

import io
import json
import stat

import pytest

from plantctl.cli.main import main
from plantctl.hmi.sessions import IDLE_NS, SESSIONS_NAME, Sessions
from plantctl.hmi.users import USERS_NAME, UserRefused, Users

HOUR_NS = 3600 * 1_000_000_000
NOW_NS = 1_700_000_000_000_000_000
PASSWORD = "correct horse"


def test_a_password_is_kept_mixed_and_for_its_owner_only(tmp_path):
    users = Users(tmp_path)
    users.add("ada", "operator", PASSWORD)
    users.add("eve", "viewer", PASSWORD)
    text = users.path.read_text()
    assert PASSWORD not in text
    said = json.loads(text)
    assert said["ada"]["digest"] != said["eve"]["digest"], "the same password looks the same"
    assert stat.S_IMODE(users.path.stat().st_mode) == 0o600
    assert (users.check("ada", PASSWORD), users.check("eve", PASSWORD)) == ("operator", "viewer")
    assert (users.check("ada", PASSWORD + " "), users.check("bob", PASSWORD)) == (None, None)


@pytest.mark.parametrize(
    ("name", "role", "password", "why"),
    [
        ("", "viewer", PASSWORD, "no user name"),
        ("../ada", "viewer", PASSWORD, "no user name"),
        ("a b", "viewer", PASSWORD, "no user name"),
        ("a" * 61, "viewer", PASSWORD, "no user name"),
        ("ada", "engineer", PASSWORD, "there is no role `engineer`"),
        ("ada", "viewer", "short", "8 to 200 characters"),
        ("ada", "viewer", "x" * 201, "8 to 200 characters"),
    ],
)
def test_what_cannot_be_a_user_is_refused(tmp_path, name, role, password, why):
    with pytest.raises(UserRefused, match=why):
        Users(tmp_path).add(name, role, password)
    assert not (tmp_path / USERS_NAME).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"ada": {"role": "god", "salt": "", "digest": ""}}', "x" * (1 << 21)])
def test_a_damaged_file_lets_nobody_in(tmp_path, text):
    users = Users(tmp_path)
    users.add("ada", "operator", PASSWORD)
    sessions = Sessions(tmp_path, users)
    secret, _ = sessions.begin_with_password("ada", "operator", NOW_NS)
    users.path.write_text(text)
    with pytest.raises(UserRefused, match=USERS_NAME):
        users.check("ada", PASSWORD)
    with pytest.raises(UserRefused):
        sessions.find(secret, NOW_NS)


def test_a_token_is_good_once_and_survives_the_gateway_until_then(tmp_path):
    first = Sessions(tmp_path, Users(tmp_path))
    token = first.token()
    assert Sessions(tmp_path, Users(tmp_path)).token(token) == token
    second = Sessions(tmp_path, Users(tmp_path))
    assert second.begin_with_token(token + "x", "ada", NOW_NS) is None
    secret, session = second.begin_with_token(token, "", NOW_NS)
    assert (session.user, session.role) == ("operator", "operator")
    assert second.begin_with_token(token, "eve", NOW_NS) is None
    assert second.token(token) != token
    assert Sessions(tmp_path, Users(tmp_path)).find(secret, NOW_NS).user == "operator"
    text = (tmp_path / SESSIONS_NAME).read_text()
    assert secret not in text
    assert token not in text
    assert stat.S_IMODE((tmp_path / SESSIONS_NAME).stat().st_mode) == 0o600


def test_a_session_ends_when_it_is_not_used_and_lives_on_while_it_is(tmp_path):
    sessions = Sessions(tmp_path, Users(tmp_path))
    secret, session = sessions.begin_with_token(sessions.token(), "ada", NOW_NS)
    for hour in range(1, 40):
        assert sessions.find(secret, NOW_NS + hour * HOUR_NS) == session
    last_ns = NOW_NS + 39 * HOUR_NS
    assert Sessions(tmp_path, Users(tmp_path)).look(session.key, last_ns + IDLE_NS) is None
    assert sessions.find(secret, last_ns + IDLE_NS) is None
    assert sessions.find(secret, last_ns) is None, "a session that has ended begins again"


def test_a_role_is_what_the_file_says_now_and_the_first_user_ends_what_the_token_began(tmp_path):
    users = Users(tmp_path)
    sessions = Sessions(tmp_path, users)
    by_token, _ = sessions.begin_with_token(sessions.token(), "ada", NOW_NS)
    users.add("eve", "operator", PASSWORD)
    assert sessions.find(by_token, NOW_NS) is None
    assert sessions.token() == ""
    secret, session = sessions.begin_with_password("eve", "operator", NOW_NS)
    users.add("eve", "viewer", PASSWORD)
    assert sessions.find(secret, NOW_NS).role == "viewer"
    users.remove("eve")
    assert sessions.look(session.key, NOW_NS) is None


def test_sessions_and_failures_are_bounded(tmp_path):
    sessions = Sessions(tmp_path, Users(tmp_path))
    Users(tmp_path).add("ada", "operator", PASSWORD)
    secrets = [sessions.begin_with_password("ada", "operator", NOW_NS + k)[0] for k in range(205)]
    assert sessions.find(secrets[0], NOW_NS + 300) is None
    assert sessions.find(secrets[-1], NOW_NS + 300) is not None
    for k in range(100):
        sessions.failed(f"nobody{k}", NOW_NS)
    assert not sessions.may_try("ada", NOW_NS)
    assert sessions.may_try("ada", NOW_NS + 60_000_000_000)


# -- the verb


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTCTL_STATE", str(tmp_path))
    (tmp_path / "Bench").mkdir()
    (tmp_path / "Bench" / "holder").touch()
    return tmp_path


def test_users_are_added_listed_and_removed(state, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    assert main(["users", "add", "ada", "--role", "viewer", "--password-stdin"]) == 0
    monkeypatch.setattr("getpass.getpass", lambda prompt: PASSWORD)
    assert main(["users", "add", "eve"]) == 0
    assert main(["users", "list"]) == 0
    assert "ada  viewer\neve  operator\n" in capsys.readouterr().out
    assert Users(state / "Bench").check("ada", PASSWORD) == "viewer"
    assert main(["users", "remove", "ada"]) == 0
    assert main(["users", "remove", "ada"]) == 1
    assert list(Users(state / "Bench").all()) == ["eve"]


def test_what_is_mistyped_changes_nothing(state, monkeypatch, capsys):
    typed = iter([PASSWORD, "other horse"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    assert main(["users", "add", "ada"]) == 1
    assert main(["users", "add"]) == 2
    assert main(["users", "list", "ada"]) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert main(["users", "add", "ada", "--password-stdin"]) == 1
    (state / "Other").mkdir()
    (state / "Other" / "holder").touch()
    assert main(["users", "list"]) == 3
    assert main(["users", "list", "--plant", "Other"]) == 0
    assert not list(state.glob("*/users.json"))

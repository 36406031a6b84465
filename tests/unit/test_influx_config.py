"""What the section of an InfluxDB sink may say, and what is refused before anything starts."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from plantctl.sinks.influx import Config

URL = "https://influx.plant.example:8086"
V2 = {"url": URL, "org": "works", "bucket": "plant"}
V1 = {"url": URL, "api": "v1", "database": "plant"}


def test_where_writes_go():
    assert Config(**V2).address() == f"{URL}/api/v2/write"
    assert Config(**V2).query() == [("org", "works"), ("bucket", "plant"), ("precision", "ns")]
    under = Config(**{**V1, "url": f"{URL}/insert/0/influx/"}, retention_policy="year")
    assert under.address() == f"{URL}/insert/0/influx/write"
    assert under.query() == [("db", "plant"), ("rp", "year"), ("precision", "n")]
    assert Config(**V1).query() == [("db", "plant"), ("precision", "n")]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"url": "http://influx:8086"}, "take https://, or say so by `insecure: true`"),
        ({"insecure": True}, "https:// is always checked"),
        ({"insecure": False}, "Input should be True"),
        ({"url": "http://influx", "insecure": True, "ca_file": "ca.pem"}, "`ca_file` has no meaning"),
        ({"url": "ftp://influx"}, "is no address"),
        ({"url": "influx:8086"}, "is no address"),
        ({"url": "https://"}, "is no address"),
        ({"url": "https://influx:99999"}, "is no address"),
        ({"url": "https://influx:0"}, "is no address"),
        ({"url": "https://in flux"}, "is no address"),
        ({"url": "https://influx\nHost: x"}, "is no address"),
        ({"url": "https://[::1"}, "is no address"),
        ({"url": "https://me:secret@influx"}, "no user or password in `url`"),
        ({"url": f"{URL}?org=x"}, "nothing behind"),
        ({"url": f"{URL}#x"}, "nothing behind"),
        ({"org": None, "bucket": None}, "needs `org` and `bucket`"),
        ({"database": "plant"}, "`database` has no meaning with `api: v2`"),
        ({"user": "feed", "password_file": "p"}, "`user` and `password_file` has no meaning"),
        ({"api": "v1"}, "needs `database`"),
        ({"api": "v1", "database": "plant"}, "`org` and `bucket` has no meaning"),
        ({"token_file": "../token"}, "secrets folder"),
        ({"measurement": "#x"}, "measurement"),
        ({"measurement": "a b"}, "measurement"),
        ({"token": "secret"}, "Extra inputs"),
        ({"verify": False}, "Extra inputs"),
    ],
)
def test_what_is_refused(changed, why):
    with pytest.raises(ValidationError, match=why):
        Config(**{**V2, **changed})


def test_a_user_without_a_password_or_with_a_colon_is_refused():
    for user in ({"user": "feed"}, {"password_file": "p"}, {"user": "a:b", "password_file": "p"}):
        with pytest.raises(ValidationError):
            Config(**V1, **user)


def test_reading_the_settings_does_not_import_the_library():
    look = "import sys, plantctl.sinks.influx; print([m for m in ('influxdb_client', 'aiohttp') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[]"


def test_what_a_victoriametrics_may_forget_is_sent_again_by_default():
    assert Config(**V2).settle == 30.0
    assert Config(**V2, settle="1 min").settle == 60.0
    assert Config(**V2, settle=0).settle == 0.0
    with pytest.raises(ValidationError):
        Config(**V2, settle=-1)

"""The page's HTTP: who may ask, how a session begins and ends, files, and what every answer says to the browser."""

import json
import ssl
from datetime import datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from plantctl.app.page_socket import PageRefused, page_socket
from plantctl.core.clock import RealClock
from plantctl.hmi import static
from plantctl.hmi.settings import PageSettings
from plantctl.hmi.users import Users
from tests.gateway_bench import demo_plan
from tests.page_bench import served


@pytest.fixture(scope="module")
def plan():
    return demo_plan()


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A page of our own, so that the test does not hang on the real one."""
    folder = tmp_path / "web"
    (folder / "lib").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>plant</title>")
    (folder / "lib" / "page.js").write_text("export const a = 1;")
    (folder / "secret.key").write_text("no type, no file")
    (tmp_path / "outside.txt").write_text("outside")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    monkeypatch.setattr(static.StaticFiles.__init__, "__defaults__", (folder,))
    return folder


def problem(told):
    body = json.loads(told)
    assert set(body) >= {"title", "status", "detail", "code"}
    return body["code"]


def test_the_token_opens_one_session_and_no_second_one(plan, tmp_path):
    async def situation(page):
        token = page.token()
        assert (await page.ask("GET", "/api/v1/session"))[0] == 401
        assert await page.log_in(token=token, name="  Ada   L. ") == (200, {"user": "Ada L.", "role": "operator"})
        status, _, told = await page.ask("GET", "/api/v1/session")
        assert (status, json.loads(told)) == (200, {"user": "Ada L.", "role": "operator"})
        first, page.cookie = page.cookie, ""
        status, told = await page.log_in(token=token)
        assert (status, told["code"]) == (401, "login-failed")
        page.cookie = first
        assert (await page.ask("DELETE", "/api/v1/session"))[0] == 204
        assert (await page.ask("GET", "/api/v1/session"))[0] == 401

    served(plan, tmp_path, situation)


def test_the_cookie_is_for_this_server_and_not_for_scripts(plan, tmp_path):
    async def situation(page):
        body = {"token": page.token()}
        _, headers, _ = await page.ask("POST", "/api/v1/session", body)
        cookie = headers["set-cookie"]
        assert cookie.startswith(f"plantctl-{page.settings.port}=")
        assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}

    served(plan, tmp_path, situation)


def test_a_user_logs_in_with_the_password_until_removed_and_the_token_is_no_more(plan, tmp_path):
    async def situation(page):
        token = page.token()
        Users(tmp_path).add("ada", "operator", "correct horse")
        assert (await page.log_in(token=token))[0] == 401
        assert (await page.log_in(user="ada", password="wrong horse"))[0] == 401
        assert (await page.log_in(user="nobody", password="correct horse"))[0] == 401
        assert await page.log_in(user="ada", password="correct horse") == (200, {"user": "ada", "role": "operator"})
        async with page.connected([]) as client:
            await client.next("hb")
            Users(tmp_path).remove("ada")
            await client.websocket.wait_closed()
            assert client.websocket.close_code == 4001
        assert (await page.ask("GET", "/api/v1/session"))[0] == 401

    served(plan, tmp_path, situation)


def test_passwords_are_not_tried_for_ever(plan, tmp_path):
    async def situation(page):
        users = Users(tmp_path)
        users.add("ada", "operator", "correct horse")
        codes = [(await page.log_in(user="ada", password=f"wrong horse {k}"))[0] for k in range(10)]
        assert codes == [401] * 8 + [429] * 2
        assert (await page.log_in(user="ada", password="correct horse"))[0] == 429

    served(plan, tmp_path, situation)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", "", "a@127.0.0.1:{port}"]
)
def test_a_name_that_is_not_ours_is_not_served(plan, tmp_path, host):
    async def situation(page):
        for path in ("/", "/api/v1/session", "/static/x.js"):
            status, _, told = await page.ask("GET", path, host=host.format(port=page.settings.port))
            assert (status, problem(told)) == (421, "wrong-host")
        assert (await page.ask("GET", "/api/v1/session", host=f"LOCALHOST:{page.settings.port}"))[0] == 401

    served(plan, tmp_path, situation)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1", None]
)
def test_a_request_that_changes_something_comes_from_our_page(plan, tmp_path, origin):
    async def situation(page):
        said = origin and origin.format(port=page.settings.port)
        status, _, told = await page.ask("POST", "/api/v1/session", {"token": page.token()}, origin=said)
        assert (status, problem(told)) == (403, "wrong-origin")
        status, _, told = await page.ask("POST", "/api/v1/session", {"token": "x"}, sec_fetch_site="cross-site")
        assert (status, problem(told)) == (403, "wrong-origin")
        assert (await page.log_in())[0] == 200

    served(plan, tmp_path, situation)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "bad-message"),
        ("{", "bad-message"),
        ("[" * 15_000, "bad-message"),
        ('{"token": 5}', "bad-message"),
        ('{"token": "x", "admin": true}', "bad-message"),
        ('{"user": "a"}', "bad-message"),
        ("x" * 20_000, "too-large"),
    ],
)
def test_a_login_that_is_none_is_a_problem_and_no_more(plan, tmp_path, body, code):
    async def situation(page):
        headers = {"content_type": "application/json"}
        status, _, told = await page.ask("POST", "/api/v1/session", body, **headers)
        assert (status in (400, 413), problem(told)) == (True, code)
        status, _, told = await page.ask("POST", "/api/v1/session", '{"token": "x"}', content_type="text/plain")
        assert (status, problem(told)) == (415, "bad-message")

    served(plan, tmp_path, situation)


def test_every_answer_tells_the_browser_what_it_must_not_do(plan, tmp_path, web):
    async def situation(page):
        for method, path in (("GET", "/"), ("GET", "/nothing"), ("GET", "/api/v1/session"), ("POST", "/api/v1/plant")):
            _, headers, _ = await page.ask(method, path)
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cache-control"] == ("no-cache" if path == "/" else "no-store")
            assert "server" not in headers

    served(plan, tmp_path, situation)


def test_files_have_their_type_and_are_sent_once(plan, tmp_path, web):
    async def situation(page):
        status, headers, told = await page.ask("GET", "/")
        assert (status, headers["content-type"], told[:15]) == (200, "text/html; charset=utf-8", b"<!doctype html>")
        status, headers, told = await page.ask("GET", "/static/lib/page.js")
        assert (status, headers["content-type"]) == (200, "text/javascript; charset=utf-8")
        etag = headers["etag"]
        status, headers, told = await page.ask("GET", "/static/lib/page.js", if_none_match=f'"x", {etag}')
        assert (status, told, headers["etag"]) == (304, b"", etag)
        (web / "lib" / "page.js").write_text("export const a = 22;")
        status, headers, told = await page.ask("GET", "/static/lib/page.js", if_none_match=etag)
        assert (status, told) == (200, b"export const a = 22;")
        assert (await page.ask("HEAD", "/"))[::2] == (200, b"")

    served(plan, tmp_path, situation)


@pytest.mark.parametrize(
    "name",
    [
        "../outside.txt",
        "%2e%2e/outside.txt",
        "..%2foutside.txt",
        "lib/../../outside.txt",
        "//etc/passwd",
        "link.txt",
        "secret.key",
        "lib",
        "",
        "index.html%00.js",
        "..\\outside.txt",
    ],
)
def test_nothing_else_than_the_files_of_the_page_is_served(plan, tmp_path, web, name):
    async def situation(page):
        status, _, told = await page.ask("GET", f"/static/{name}")
        assert (status, problem(told)) == (404, "not-found")

    served(plan, tmp_path, situation)


def test_the_description_needs_a_session_and_is_sent_once(plan, tmp_path):
    async def situation(page):
        assert (await page.ask("GET", "/api/v1/plant"))[0] == 401
        await page.log_in()
        status, headers, told = await page.ask("GET", "/api/v1/plant")
        said = json.loads(told)
        assert (status, said["plant"]["name"], said["config"]) == (200, plan.name, f"{plan.hash:016x}")
        assert (await page.ask("GET", "/api/v1/plant", if_none_match=headers["etag"]))[0] == 304

    served(plan, tmp_path, situation)


# -- where it is served


def test_others_than_this_machine_are_served_with_tls_and_users_only(tmp_path):
    certificate, key = made_certificate(tmp_path)

    def refused(*asked):
        with pytest.raises(PageRefused) as told, page_socket(0, *asked, tmp_path):
            pass
        return str(told.value)

    assert "needs --tls-cert and --tls-key" in refused("0.0.0.0", "", "")
    assert "needs users; plantctl users add" in refused("0.0.0.0", certificate, key)
    assert "belong together" in refused("", certificate, "")
    assert "cannot be used" in refused("", certificate, str(tmp_path / "none.pem"))
    Users(tmp_path).add("ada", "operator", "correct horse")
    with page_socket(0, "0.0.0.0", certificate, key, tmp_path) as settings:
        assert settings.names == ("plant.example", "192.0.2.7")
        assert settings.address == f"https://plant.example:{settings.port}/"
        assert f"plant.example:{settings.port}" in settings.hosts
        assert f"0.0.0.0:{settings.port}" not in settings.hosts


def test_a_port_that_is_taken_is_said_and_the_usual_one_gives_way(tmp_path, monkeypatch):
    with page_socket(0, "", "", "", tmp_path) as first:
        with pytest.raises(PageRefused, match=f"port {first.port}: address already in use; --page PORT takes another"):
            page_socket(first.port, "", "", "", tmp_path).__enter__()
        monkeypatch.setattr("plantctl.app.page_socket.PORT", first.port)
        monkeypatch.setattr("plantctl.app.page_socket.PORTS_TRIED", 1)
        with page_socket(None, "", "", "", tmp_path) as second:
            assert second.port != first.port


def test_a_page_behind_tls_is_served_encrypted_only(plan, tmp_path):
    import asyncio

    from tests.page_bench import Page

    certificate, key = made_certificate(tmp_path)

    async def main():
        with page_socket(0, "", certificate, key, tmp_path) as settings:
            page = Page(settings, tmp_path)
            await page.begin(plan)
            try:
                trusted = ssl.create_default_context(cafile=certificate)
                opened = asyncio.open_connection(
                    "127.0.0.1", settings.port, ssl=trusted, server_hostname="plant.example"
                )
                reader, writer = await asyncio.wait_for(opened, 10)
                writer.write(f"GET /api/v1/session HTTP/1.1\r\nhost: plant.example:{settings.port}\r\n\r\n".encode())
                assert b" 401 " in await reader.readline()
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
                writer.write(f"GET / HTTP/1.1\r\nhost: 127.0.0.1:{settings.port}\r\n\r\n".encode())
                assert not (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP")
                writer.close()
            finally:
                await page.end()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_the_names_of_a_page_are_those_its_host_may_have():
    settings = PageSettings(3, "127.0.0.1", 8470)
    assert settings.hosts == {"127.0.0.1:8470", "localhost:8470", "[::1]:8470"}
    assert settings.origins == {"http://127.0.0.1:8470", "http://localhost:8470", "http://[::1]:8470"}
    settings = PageSettings(3, "0.0.0.0", 443, "c", "k", ("Plant.example",))
    assert "plant.example" in settings.hosts
    assert "https://plant.example" in settings.origins


def made_certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "plant.example")])
    now = datetime.fromtimestamp(RealClock().utc_ns() / 1e9)
    names = [
        x509.DNSName("plant.example"),
        x509.DNSName("*.example"),
        x509.IPAddress(ip_address("192.0.2.7")),
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "page.pem", folder / "page.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(certificate), str(secret)

"""The explorer's server: who gets in, and what a page may load."""

import asyncio
import re
from pathlib import Path

import pytest
from explorer_client import Client, fetched
from tornado.httpclient import HTTPClientError


def test_it_listens_on_this_machine_alone(server):
    assert [s.getsockname()[0] for s in server._sockets] == ["127.0.0.1"]


def test_the_page_is_for_who_has_the_token_and_for_no_one_else(server):
    base = server.url.split("?")[0]

    async def all_of_it():
        let_in = await fetched(server.url)
        cookie = let_in.headers["Set-Cookie"]
        assert let_in.code == 200
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        again = await fetched(base, Cookie=cookie.split(";")[0])
        assert again.body == let_in.body
        for url in (base, base + "?token=", base + "?token=guess", server.url + "x"):
            refused = await fetched(url)
            assert refused.code == 403
            assert b"iram explore" in refused.body
            assert "Set-Cookie" not in refused.headers
        name = cookie.split("=")[0]
        assert (await fetched(base, Cookie=f"{name}=guess")).code == 403

    asyncio.run(all_of_it())


def test_a_code_lets_one_browser_in_once(server):
    url = server.url_once()
    assert server.access.token not in url

    async def twice():
        first, second = await fetched(url), await fetched(url)
        assert (first.code, second.code) == (200, 403)
        assert server.access.token in first.headers["Set-Cookie"]

    asyncio.run(twice())


def test_another_name_for_this_address_is_refused(server):
    port = server.access.port

    async def by_names():
        for host, code in ((f"localhost:{port}", 200), (f"evil.example:{port}", 403),
                           ("127.0.0.1", 403), (f"127.0.0.1:{port + 1}", 403)):
            assert (await fetched(server.url, Host=host)).code == code
            assert (await fetched(f"http://127.0.0.1:{port}/app.js", Host=host)).code == code

    asyncio.run(by_names())


def test_nothing_is_served_but_the_pages_own_files(server):
    base = server.url.split("?")[0]

    async def wander():
        for path in ("../state.py", "%2e%2e/state.py", "page/app.js", "style.css/x", "favicon.ico",
                     "app.js%00.css", "/etc/passwd", "socket.py"):
            assert (await fetched(base + path)).code in (400, 403, 404), path
        for name, kind in (("app.js", "text/javascript"), ("style.css", "text/css")):
            answer = await fetched(base + name)
            assert answer.code == 200
            assert answer.headers["Content-Type"].startswith(kind)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"

    asyncio.run(wander())


def test_the_page_may_load_nothing_from_elsewhere_and_be_framed_by_no_one(server):
    answer = asyncio.run(fetched(server.url))
    rules = dict(
        rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["connect-src"] == f"'self' ws://127.0.0.1:{server.access.port}"
    assert rules["frame-ancestors"] == "'none'"
    folder = Path(__file__).parents[2] / "analysis" / "explorer" / "page"
    for file in folder.iterdir():
        addresses = set(re.findall(r"(?:https?|wss?)://[^\s\"'`)]+", file.read_text()))
        assert addresses <= {"http://www.w3.org/2000/svg"}, file.name  # a name, not a place


def test_a_socket_wants_the_token_and_a_page_of_this_server(server):
    port = server.access.port
    own = f"http://127.0.0.1:{port}"

    async def knock():
        client = await Client.open(server, Origin=own)
        assert (await client.told("hello"))["type"] == "hello"
        others = ("http://evil.example", "null", f"http://127.0.0.1:{port + 1}",
                  f"https://127.0.0.1:{port}", f"http://evil.example@127.0.0.1:{port}")
        for origin in others:
            with pytest.raises(HTTPClientError, match="403"):
                await Client.open(server, Origin=origin)
        with pytest.raises(HTTPClientError, match="403"):
            await Client.open(server, Origin="http://evil.example", Host="evil.example")
        server.access.token, kept = "another", server.access.token
        url = server.url
        server.access.token = kept
        stranger = type("Stranger", (), {"url": url})
        with pytest.raises(HTTPClientError, match="403"):
            await Client.open(stranger)

    asyncio.run(knock())

"""The explorer's server: who gets in, what is answered, and what goes wrong without harm."""

import asyncio
import contextlib
import io
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from explorer_client import Client, fetched
from PIL import Image
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClosedError

from analysis.explorer.server import Server
from analysis.explorer.upload import MAX_BYTES
from iram import open_dataset

HEADS = "heads:n=28"
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def server(explorer_offer):
    server = Server(explorer_offer).start()
    yield server
    server.stop()


def state(server, number=1, **options):
    return {"type": "state", "id": number, "source": "heads", "face": 2,
            "model": server.offer.models[0]} | options  # fmt: skip


def png(gray) -> bytes:
    with io.BytesIO() as buffer:
        Image.fromarray(gray).save(buffer, "PNG")
        return buffer.getvalue()


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
                           ("127.0.0.1", 403), (f"127.0.0.1:{port + 1}", 403)):  # fmt: skip
            assert (await fetched(server.url, Host=host)).code == code
            assert (await fetched(f"http://127.0.0.1:{port}/app.js", Host=host)).code == code

    asyncio.run(by_names())


def test_nothing_is_served_but_the_pages_own_files(server):
    base = server.url.split("?")[0]

    async def wander():
        for path in ("../state.py", "%2e%2e/state.py", "page/app.js", "style.css/x", "favicon.ico",
                     "app.js%00.css", "/etc/passwd", "socket.py"):  # fmt: skip
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
    folder = ROOT / "analysis" / "explorer" / "page"
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
                  f"https://127.0.0.1:{port}", f"http://evil.example@127.0.0.1:{port}")  # fmt: skip
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


def test_a_state_is_answered_with_pictures_attention_and_maps(server):
    condition = {"occluder": "mouth", "fraction": 0.3, "fill": "noise"}

    async def talk():
        client = await Client.open(server)
        hello = await client.told("hello")
        assert [one["name"] for one in hello["galleries"]] == ["heads"]
        assert hello["arrays"]["rising"].shape == (256, 3)
        await client.ask(**state(server, 7, condition=condition, methods=["gradcam"]))
        return [await client.told("seen", "map", "done") for _ in range(3)]

    seen, told, done = asyncio.run(talk())
    assert [seen["type"], told["type"], done["type"]] == ["seen", "map", "done"]
    assert {one["id"] for one in (seen, told, done)} == {7}
    heads = open_dataset(HEADS, split="test")
    np.testing.assert_array_equal(seen["arrays"]["clean"], heads.images_uint8(2)[0])
    covered = seen["arrays"]["mask"] > 0
    changed = seen["arrays"]["shown"] != seen["arrays"]["clean"]
    assert changed[covered].mean() > 0.9
    assert not changed[~covered].any()
    assert sum(seen["after"]) == pytest.approx(1)
    assert len(seen["on_covered"]) == seen["layers"] == 6
    assert told["arrays"]["map"].shape == (48, 48)
    assert "mouth" in seen["texts"]["shown"]


def test_faces_come_page_by_page(server):
    heads = open_dataset(HEADS, split="test")
    happy = heads.classes.index("happy")

    async def browse():
        client = await Client.open(server)
        await client.ask(type="gallery", source="heads", start=2, count=2)
        page = await client.told("gallery")
        await client.ask(type="gallery", source="heads", label=happy)
        return page, await client.told("gallery")

    page, smiling = asyncio.run(browse())
    assert page["faces"] == [2, 3]
    assert page["total"] == len(heads)
    np.testing.assert_array_equal(page["arrays"]["pictures"], heads.images_uint8([2, 3]))
    assert set(smiling["labels"]) == {"happy"}
    assert smiling["total"] == int((heads.labels == happy).sum())


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("no json", "not an object in JSON"),
        ("[1]", "not an object in JSON"),
        ("[" * 9000, "not an object in JSON"),
        ('{"type": "nosuch"}', "no such message: 'nosuch'"),
        ('{"type": "state"}', "source is None"),
        ('{"type": "state", "source": "heads", "face": 1e9, "model": "x"}', "face is 1000000000.0"),
        ('{"type": "gallery", "source": "/etc"}', "no gallery '/etc'"),
        ('{"type": "gallery", "source": "heads", "count": 1e6}', "count is"),
        ('{"type": "gallery", "source": "heads", "label": 9}', "label is 9"),
        (b"\xff\xff\xff\xff", "no header"),
    ],
)
def test_a_message_that_makes_no_sense_is_told_and_the_session_goes_on(server, message, words):
    async def talk():
        client = await Client.open(server)
        await client.socket.write_message(message, binary=isinstance(message, bytes))
        problem = await client.told("problem")
        await client.ask(**state(server))
        return problem, await client.told("done")

    problem, done = asyncio.run(talk())
    assert words in problem["text"]
    assert done["id"] == 1


def test_a_broken_upload_is_told_and_the_session_goes_on(server):
    gray = (np.mgrid[:90, :120][1] * 2).astype(np.uint8)

    async def talk():
        client = await Client.open(server)
        problems = []
        broken = {"notes.txt": b"text", "empty.png": b"", "cut.png": png(gray)[:99],
                  "big.png": bytes(MAX_BYTES + 1)}  # fmt: skip
        for name, content in broken.items():
            await client.upload(name, content)
            problems.append(await client.told("problem"))
        await client.upload("face.png", png(gray))
        taken = await client.told("uploaded")
        await client.ask(**state(server, source="upload", face=taken["number"]))
        return problems, taken, await client.told("seen", "problem")

    problems, taken, seen = asyncio.run(talk())
    assert [one["about"] for one in problems] == ["upload"] * 4
    assert [one["text"].split()[0] for one in problems] == [
        "notes.txt", "empty.png", "cut.png", "big.png",
    ]  # fmt: skip
    assert (taken["name"], taken["width"], taken["height"]) == ("face.png", 120, 90)
    across = seen["arrays"]["clean"][24].astype(int)
    assert (np.diff(across) >= 0).all()
    assert across[-1] - across[0] > 150


def test_an_upload_without_end_is_cut_off_and_the_server_lives(server):
    async def talk():
        client = await Client.open(server)
        await client.told("hello")
        with contextlib.suppress(WebSocketClosedError):  # cut off in the middle
            await client.upload("endless.png", bytes(MAX_BYTES + (1 << 20)))
        assert await client.told("problem", "uploaded") is None
        other = await Client.open(server)
        await other.ask(**state(server))
        return await other.told("done")

    assert asyncio.run(talk())["id"] == 1


def test_nobody_sees_another_sessions_pictures(server, tmp_path, monkeypatch):
    gray = np.zeros((60, 60), np.uint8)

    async def two():
        mine, theirs = await Client.open(server), await Client.open(server)
        await mine.upload("mine.png", png(gray))
        number = (await mine.told("uploaded"))["number"]
        await theirs.ask(**state(server, source="upload", face=number))
        refused = await theirs.told("seen", "problem")
        await theirs.upload("theirs.png", png(gray + 200))
        assert (await theirs.told("uploaded"))["number"] == number
        await mine.ask(**state(server, source="upload", face=number))
        return refused, await mine.told("seen")

    refused, seen = asyncio.run(two())
    assert "choose the file again" in refused["text"]
    assert seen["arrays"]["clean"].max() == 0


def test_an_upload_is_never_on_disk(server, tmp_path, monkeypatch):
    """No file is opened for writing, in this process, while a picture comes and is looked at."""
    opened = []
    sys.addaudithook(lambda event, arguments: opened.append(arguments)
                     if event == "open" and watching else None)  # fmt: skip
    watching = True

    async def talk():
        client = await Client.open(server)
        await client.upload("face.png", png(np.full((80, 80), 90, np.uint8)))
        number = (await client.told("uploaded"))["number"]
        condition = {"occluder": "eyes", "fraction": 0.2, "fill": "mean", "yaw_deg": 10}
        await client.ask(**state(server, source="upload", face=number, condition=condition))
        return await client.told("done", "problem")

    try:
        assert asyncio.run(talk())["type"] == "done"
    finally:
        watching = False
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    names = [str(path) for path, _, flags in opened if isinstance(flags, int) and flags & writing]
    assert [name for name in names if not name.startswith("/dev/")] == []


def test_states_do_not_queue_and_the_latest_is_answered_in_full(server):
    def condition(k):
        return {"occluder": "eyes", "fraction": 0.1 + k / 100, "fill": "mean"}

    async def drag():
        client = await Client.open(server)
        for k in range(40):
            await client.ask(**state(server, k, condition=condition(k),
                                     methods=["gradcam", "occlusion"]))  # fmt: skip
        begun, finished = [], []
        while 39 not in finished:
            message = await client.told("seen", "done")
            (begun if message["type"] == "seen" else finished).append(message["id"])
        return begun, finished

    begun, finished = asyncio.run(drag())
    assert begun == sorted(begun)
    assert begun[-1] == 39
    assert len(begun) < 20
    assert finished[-1] == 39


def test_a_failure_of_the_server_is_told_and_the_session_goes_on(server, monkeypatch, caplog):
    async def talk():
        client = await Client.open(server)
        with monkeypatch.context() as broken:
            broken.setattr("analysis.explorer.session.make_picture", lambda *a: 1 / 0)
            await client.ask(**state(server, 1, condition={"roll_deg": 33}))
            problem = await client.told("problem")
        await client.ask(**state(server, 2, condition={"roll_deg": 33}))
        return problem, await client.told("done", "problem")

    problem, done = asyncio.run(talk())
    assert "went wrong on the server" in problem["text"]
    assert "ZeroDivisionError" in caplog.text
    assert done["type"] == "done"


def test_too_many_pages_are_sent_away(server, monkeypatch):
    monkeypatch.setattr("analysis.explorer.socket.MOST_PAGES", len(server.sockets) + 1)

    async def crowd():
        first, second = await Client.open(server), await Client.open(server)
        assert await first.told("hello")
        assert await second.told("hello") is None
        return second.socket.close_code

    assert asyncio.run(crowd()) == 1013

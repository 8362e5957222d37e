"""The explorer's server: who gets in, what is answered, and what goes wrong without harm."""

import contextlib
import io
import os
import sys
import time

import numpy as np
import pytest
from explorer_client import Client, run
from PIL import Image
from tornado.websocket import WebSocketClosedError

from analysis.explorer.upload import MAX_BYTES
from iram import open_dataset

HEADS = "heads:n=28"


def state(server, number=1, **options):
    return {"type": "state", "id": number, "source": "heads", "face": 2,
            "model": server.offer.models[0]} | options


def png(gray) -> bytes:
    with io.BytesIO() as buffer:
        Image.fromarray(gray).save(buffer, "PNG")
        return buffer.getvalue()


def test_a_state_is_answered_with_pictures_attention_and_maps(server):
    condition = {"occluder": "mouth", "fraction": 0.3, "fill": "noise"}

    async def talk():
        client = await Client.open(server)
        hello = await client.told("hello")
        assert [one["name"] for one in hello["galleries"]] == ["heads"]
        assert hello["arrays"]["rising"].shape == (256, 3)
        await client.ask(**state(server, 7, condition=condition, methods=["gradcam"]))
        return [await client.told("seen", "map", "done") for _ in range(3)]

    seen, told, done = run(talk())
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

    page, smiling = run(browse())
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

    problem, done = run(talk())
    assert words in problem["text"]
    assert done["id"] == 1


def test_a_broken_upload_is_told_and_the_session_goes_on(server):
    gray = (np.mgrid[:90, :120][1] * 2).astype(np.uint8)

    async def talk():
        client = await Client.open(server)
        problems = []
        broken = {"notes.txt": b"text", "empty.png": b"", "cut.png": png(gray)[:99],
                  "big.png": bytes(MAX_BYTES + 1)}
        for name, content in broken.items():
            await client.upload(name, content)
            problems.append(await client.told("problem"))
        await client.upload("face.png", png(gray))
        taken = await client.told("uploaded")
        await client.ask(**state(server, source="upload", face=taken["number"]))
        return problems, taken, await client.told("seen", "problem")

    problems, taken, seen = run(talk())
    assert [one["about"] for one in problems] == ["upload"] * 4
    assert [one["text"].split()[0] for one in problems] == [
        "notes.txt", "empty.png", "cut.png", "big.png",
    ]
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

    assert run(talk())["id"] == 1


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

    refused, seen = run(two())
    assert "choose the file again" in refused["text"]
    assert seen["arrays"]["clean"].max() == 0


def test_an_upload_is_never_on_disk(server, tmp_path, monkeypatch):
    """No file is opened for writing, in this process, while a picture comes and is looked at."""
    opened = []
    sys.addaudithook(lambda event, arguments: opened.append(arguments)
                     if event == "open" and watching else None)
    watching = True

    async def talk():
        client = await Client.open(server)
        await client.upload("face.png", png(np.full((80, 80), 90, np.uint8)))
        number = (await client.told("uploaded"))["number"]
        condition = {"occluder": "eyes", "fraction": 0.2, "fill": "mean", "yaw_deg": 10}
        await client.ask(**state(server, source="upload", face=number, condition=condition))
        return await client.told("done", "problem")

    try:
        assert run(talk())["type"] == "done"
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
                                     methods=["gradcam", "occlusion"]))
        begun, finished = [], []
        while 39 not in finished:
            message = await client.told("seen", "done")
            (begun if message["type"] == "seen" else finished).append(message["id"])
        return begun, finished

    begun, finished = run(drag())
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

    problem, done = run(talk())
    assert "went wrong on the server" in problem["text"]
    assert "ZeroDivisionError" in caplog.text
    assert done["type"] == "done"


def test_too_many_pages_are_sent_away(server, monkeypatch):
    until = time.monotonic() + 60
    while server.sockets and time.monotonic() < until:  # the pages of earlier tests still close
        time.sleep(0.01)
    assert not server.sockets
    monkeypatch.setattr("analysis.explorer.socket.MOST_PAGES", len(server.sockets) + 1)

    async def crowd():
        first, second = await Client.open(server), await Client.open(server)
        assert await first.told("hello")
        assert await second.told("hello") is None
        return second.socket.close_code

    assert run(crowd()) == 1013

"""A page's socket: its session, and the latest of what it asks, answered in pieces."""

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from functools import partial

from tornado.websocket import WebSocketClosedError, WebSocketHandler

from analysis.explorer.greeting import greeting
from analysis.explorer.request import read_state, whole
from analysis.explorer.session import MapPair, Seen, Session
from analysis.explorer.upload import read_upload
from analysis.explorer.wire import (
    Message,
    map_message,
    pack,
    seen_message,
    together_message,
    unpack,
)
from iram.errors import InputError

PATIENCE = 0.12  # seconds: a state that is out of date is answered no further after this
MOST_PAGES = 24
THUMBNAILS = 8  # a message
MOST_THUMBNAILS = 48
log = logging.getLogger(__name__)


class Socket(WebSocketHandler):
    """Answers one page, in the order: what is seen, each map, done.

    States are not queued: only the latest waits, and it cuts short an earlier one that has taken
    its time. While something is dragged, each state that is begun is thus answered in full as far
    as 0.12 s reach, and the slower maps follow once the hand rests.
    """

    def initialize(self):
        self.server = self.settings["explorer"]
        self.session: Session | None = None
        self._wanted: dict | None = None
        self._busy = False

    def prepare(self):
        access = self.server.access
        known = (self.get_cookie(access.cookie), self.get_query_argument("token", None))
        here = access.is_host(self.request.host) and self.check_origin(
            self.request.headers.get("Origin")
        )
        if not here or not any(map(access.is_token, known)):
            self.set_status(403)
            self.finish()

    def check_origin(self, origin: str | None) -> bool:
        """Asked for every request, by `prepare`: Tornado itself asks only where it has doubts, and
        which these are changes from version to version."""
        return self.server.access.is_own_page(origin, self.request.host)

    async def open(self):
        if len(self.server.sockets) >= MOST_PAGES:
            self.close(1013, "too many pages are open")
            return
        self.server.sockets.add(self)
        self.session = Session(self.server.offer)
        await self._send(await self._computed(greeting, self.server.offer))

    def on_close(self):
        self.server.sockets.discard(self)
        self.session = self._wanted = None

    async def on_message(self, message: str | bytes):
        about = "message"
        try:
            if isinstance(message, bytes):
                about = "upload"
                await self._upload(*unpack(message))
                return
            asked = _read(message)
            about = str(asked.get("type"))[:20]
            if about == "state":
                self._wanted = asked
                if not self._busy:
                    self._answering = asyncio.ensure_future(self._answer())
            elif about == "gallery":
                await self._gallery(asked)
            else:
                raise InputError(f"no such message: {about!r}")
        except InputError as error:
            await self._problem(about, str(error))
        except Exception:
            await self._failed(about)

    async def _answer(self):
        """Answers states until none is waiting."""
        self._busy = True
        try:
            while self._wanted is not None:
                asked, self._wanted = self._wanted, None
                try:
                    await self._look(asked)
                except InputError as error:
                    await self._problem("state", str(error), asked.get("id"))
                except Exception:
                    await self._failed("state", asked.get("id"))
        finally:
            self._busy = False

    async def _look(self, asked: dict):
        started, number = time.perf_counter(), asked.get("id")
        pieces = _pieces(self.session, asked)
        while (piece := await self._computed(next, pieces, None)) is not None:
            header, arrays = piece
            await self._send(({**header, "id": number}, arrays))
            late = time.perf_counter() - started > PATIENCE
            if self.session is None or (self._wanted is not None and late):
                return
        took = round(1000 * (time.perf_counter() - started), 1)
        await self._send(({"type": "done", "id": number, "ms": took}, {}))

    async def _gallery(self, asked: dict):
        """A page of faces to choose from, a few at a time, so that others are answered between."""
        gallery = self.server.offer.gallery(str(asked.get("source")))
        label = asked.get("label")
        if label is not None:
            label = whole(label, "label", 0, len(gallery.dataset.classes) - 1)
        start = whole(asked.get("start", 0), "start", 0)
        count = whole(asked.get("count", 24), "count", 1, MOST_THUMBNAILS)
        places = gallery.of_class(label)
        chosen, total = places[start : start + count], len(places)
        for at in range(0, max(1, len(chosen)), THUMBNAILS):
            some = chosen[at : at + THUMBNAILS]
            message = await self._computed(_thumbnails, gallery, some)
            header = {"type": "gallery", "source": gallery.name, "label": label, "start": start,
                      "at": at, "total": total}
            await self._send((header | message[0], message[1]))

    async def _upload(self, header: dict, content: bytes):
        loop = asyncio.get_running_loop()
        name = str(header.get("name", ""))
        upload = await loop.run_in_executor(self.server.reader, read_upload, name, content)
        if self.session is None:
            return
        number, upload = self.session.take(upload)
        height, width = upload.gray.shape
        told = {"type": "uploaded", "number": number, "name": upload.name, "width": width,
                "height": height, "notes": list(upload.notes), "ticket": header.get("ticket")}
        await self._send((told, {}))

    async def _computed(self, work, *arguments):
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.server.worker, partial(work, *arguments))

    async def _send(self, message: Message):
        """Waits until the page has taken it, so that nothing piles up."""
        try:
            await self.write_message(pack(*message), binary=True)
        except WebSocketClosedError:
            self._wanted = None

    async def _problem(self, about: str, text: str, number=None):
        await self._send(({"type": "problem", "about": about, "text": text, "id": number}, {}))

    async def _failed(self, about: str, number=None):
        log.exception("the explorer failed on a %s", about)
        await self._problem(about, "this went wrong on the server; its terminal says how", number)


def _pieces(session: Session, asked: dict) -> Iterator[Message]:
    """The messages that answer a state, each made when it is asked for."""
    seen = None
    for piece in session.look(read_state(asked)):
        if isinstance(piece, Seen):
            seen = piece
            yield seen_message(seen)
        elif isinstance(piece, MapPair):
            yield map_message(seen, piece)
        else:
            yield together_message(seen, piece)


def _thumbnails(gallery, places) -> Message:
    dataset = gallery.dataset
    labels = dataset.labels[places].tolist()
    header = {"faces": [int(place) for place in places],
              "ids": dataset.metadata["image_id"].iloc[places].astype(str).tolist(),
              "labels": [dataset.classes[label] for label in labels]}
    return header, {"pictures": dataset.images_uint8(places)}


def _read(message: str) -> dict:
    try:
        asked = json.loads(message)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise InputError("this message is not an object in JSON")
    return asked

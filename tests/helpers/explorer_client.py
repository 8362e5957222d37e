"""A page of the explorer without a browser."""

import asyncio
import json
from typing import ClassVar

import numpy as np
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from analysis.explorer.wire import unpack

LONGEST = 60  # seconds that any answer may take on a busy machine


class Client:
    """A socket to a server: what it is told, in order."""

    opened: ClassVar[list["Client"]] = []

    def __init__(self, socket):
        self.socket = socket
        self.opened.append(self)

    @classmethod
    async def open(cls, server, **headers) -> "Client":
        """With the token, as a page in a notebook's frame has it; greeted."""
        address = server.url.replace("http:", "ws:").replace("/?", "/socket?")
        return cls(await websocket_connect(HTTPRequest(address, headers=headers)))

    async def ask(self, **message) -> None:
        await self.socket.write_message(json.dumps(message))

    async def upload(self, name: str, content: bytes) -> None:
        header = json.dumps({"type": "upload", "name": name}).encode()
        whole = len(header).to_bytes(4, "little") + header + content
        await self.socket.write_message(whole, binary=True)

    async def told(self, *kinds: str) -> dict:
        """The next message of one of these kinds, with its arrays; None if the socket closed."""
        while True:
            message = await asyncio.wait_for(self.socket.read_message(), LONGEST)
            if message is None:
                return None
            header, rest = unpack(message)
            if header["type"] in kinds:
                return header | {"arrays": {
                    name: np.frombuffer(rest, p["dtype"], int(np.prod(p["shape"])), p["at"])
                    .reshape(p["shape"]) for name, p in header["arrays"].items()
                }}


def run(talk):
    """What a coroutine returns; the pages that it left open hang up."""

    async def whole():
        try:
            return await talk
        finally:
            while Client.opened:
                Client.opened.pop().socket.close()

    return asyncio.run(whole())


async def fetched(url: str, **headers):
    """The answer to a GET, whatever its code."""
    return await AsyncHTTPClient(force_instance=True).fetch(
        HTTPRequest(url, headers=headers), raise_error=False
    )

"""The server: the page's files, and a socket per page; on this machine alone, in its own thread."""

import asyncio
import errno
import threading
from concurrent.futures import ThreadPoolExecutor

import torch

try:
    from tornado import web
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets
except ImportError:
    from iram.errors import InputError
    from iram.extras import install_hint

    raise InputError(
        "the explorer needs Tornado, which is not installed here; "
        f"`{install_hint('explore')}` installs it"
    ) from None

from analysis.explorer.access import Access
from analysis.explorer.handlers import Nothing, routes
from analysis.explorer.offer import Offer
from analysis.explorer.session import Session
from analysis.explorer.socket import Socket
from analysis.explorer.state import State
from analysis.explorer.upload import MAX_BYTES
from analysis.stimuli.conditions import Condition
from iram.errors import InputError

ADDRESS = "127.0.0.1"
LAST_PORT = 65535
MESSAGE_ROOM = 1 << 16  # bytes of a message beside an upload


class Server:
    """An explorer at `url`, from `start` to `stop`.

    Args:
        offer: the faces and models.
        port: 0 for any that is free.
        framed: whether other pages, such as a notebook, may show it in a frame. They need the token
            in the address: the cookie is not sent to frames of other pages.

    Raises:
        InputError: the port is taken.
    """

    def __init__(self, offer: Offer, port: int = 0, framed: bool = False):
        self.offer, self.framed = offer, framed
        self._sockets = _bound(port)
        self.access = Access(self._sockets[0].getsockname()[1])
        # One thread computes, for all pages in turn: the models are shared. One core, since small
        # pictures gain nothing from a second one and lose much wherever something else runs too.
        self.worker = ThreadPoolExecutor(
            1, "iram-explorer", initializer=torch.set_num_threads, initargs=(1,)
        )
        self.reader = ThreadPoolExecutor(1, "iram-explorer-uploads")  # decoding is no work for it
        self.sockets: set[Socket] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="iram-explorer", daemon=True)
        self._ready = threading.Event()

    @property
    def url(self) -> str:
        """The address, with the token."""
        return f"http://{ADDRESS}:{self.access.port}/?token={self.access.token}"

    def url_once(self) -> str:
        """An address that lets one browser in, once."""
        return f"http://{ADDRESS}:{self.access.port}/?code={self.access.new_code()}"

    def start(self) -> "Server":
        self.worker.submit(_warmed, self.offer)
        self._thread.start()
        self._ready.wait()
        return self

    def stop(self) -> None:
        """Ends all sessions and frees the port; what they held is forgotten."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self.worker.shutdown(wait=True, cancel_futures=True)
        self.reader.shutdown(wait=True, cancel_futures=True)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        http = HTTPServer(self._application(), max_body_size=MESSAGE_ROOM)
        http.add_sockets(self._sockets)
        self._loop.call_soon(self._ready.set)
        try:
            self._loop.run_forever()
        finally:
            http.stop()
            for socket in list(self.sockets):
                socket.close(1001, "the explorer has ended")
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.run_until_complete(http.close_all_connections())
            self._loop.close()

    def _application(self) -> web.Application:
        return web.Application(
            [*routes(), (r"/socket", Socket)],
            explorer=self,
            websocket_max_message_size=MAX_BYTES + MESSAGE_ROOM,
            websocket_ping_interval=30,
            default_handler_class=Nothing,
            log_function=lambda handler: None,  # addresses hold the token
        )


def _warmed(offer: Offer) -> None:
    """What the first page would wait for: the first model, and tables that are made once."""
    first = next(iter(offer.galleries))
    condition = Condition("eyes", 0.3, "noise", yaw_deg=1.0)
    for _ in Session(offer).look(State(first, 0, offer.models[0], condition, methods=("gradcam",))):
        pass


def _bound(port: int):
    if not 0 <= port <= LAST_PORT:
        raise InputError(f"--port {port}: it must be from 0 to {LAST_PORT}")
    try:
        return bind_sockets(port, ADDRESS)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        taken = f"--port {port}: {error.strerror}; --port 0 takes any that is free"
        raise InputError(taken) from None

"""Who may talk to the server: the token, the host and the origin, after JupyterLab."""

import hmac
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LOCAL = ("127.0.0.1", "localhost")


@dataclass
class Access:
    """The secrets of one server.

    Attributes:
        port: that it listens on.
        token: random; whoever has it may use the server.
        codes: each lets one browser in, once; it is what may stand in a process's arguments, where
            other users of the machine can read it.
    """

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    codes: set[str] = field(default_factory=set, repr=False)

    @property
    def cookie(self) -> str:
        """The cookie's name; browsers don't tell ports apart."""
        return f"iram-explorer-{self.port}"

    def new_code(self) -> str:
        code = secrets.token_urlsafe(32)
        self.codes.add(code)
        return code

    def is_token(self, given: str | None) -> bool:
        return given is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def use_code(self, given: str | None) -> bool:
        """Whether this is a code that was not used before; from now on it was."""
        if given not in self.codes:
            return False
        self.codes.discard(given)
        return True

    def is_host(self, host: str) -> bool:
        """Whether a request asked for this server by its own name.

        Another name that leads here is a page of someone else's whose address was changed under
        the browser (DNS rebinding).
        """
        return host in {f"{name}:{self.port}" for name in LOCAL}

    def is_own_page(self, origin: str | None, host: str) -> bool:
        """Whether a browser's request comes from a page of this server."""
        if origin is None:  # no browser: it has the token, and no page can have sent it here
            return True
        parts = urlsplit(origin)
        return parts.scheme == "http" and parts.netloc == host and self.is_host(host)

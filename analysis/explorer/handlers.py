"""The page and its files, and who gets them."""

import re
from importlib.resources import files

from tornado import web

from analysis.explorer.access import Access

TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self'",
    "base-uri": "'none'", "form-action": "'none'",
}


class Handler(web.RequestHandler):
    """What all answers have in common."""

    @property
    def access(self) -> Access:
        return self.settings["explorer"].access

    def prepare(self):
        if not self.access.is_host(self.request.host):
            raise web.HTTPError(403)

    def set_default_headers(self):
        framing = "*" if self.settings["explorer"].framed else "'none'"
        own = f"'self' ws://{self.request.host}"  # older browsers: a socket is not 'self'
        policy = POLICY | {"connect-src": own, "frame-ancestors": framing}
        self.set_header("Content-Security-Policy", "; ".join(map(" ".join, policy.items())))
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.clear_header("Server")

    def write_error(self, status_code: int, **about):
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish({403: REFUSED, 404: "There is nothing here.\n"}.get(status_code, "Not so.\n"))


REFUSED = "Open the address that `iram explore` printed: the token in it is missing here, or old.\n"


class Page(Handler):
    """The page itself, for who has the token, a new code, or the cookie that either has set."""

    def initialize(self, content: bytes):
        self.content = content

    def get(self):
        access = self.access
        came = access.is_token(self.get_query_argument("token", None))
        came = came or access.use_code(self.get_query_argument("code", None))
        if not came and not access.is_token(self.get_cookie(access.cookie)):
            raise web.HTTPError(403)
        if came:
            self.set_cookie(access.cookie, access.token, httponly=True, samesite="Strict")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(self.content)


class File(Handler):
    """A file of the page, which holds nothing of anyone's."""

    def initialize(self, name: str, content: bytes):
        self.name, self.content = name, content

    def get(self):
        kind = TYPES[self.name[self.name.rindex(".") :]]
        self.set_header("Content-Type", f"{kind}; charset=utf-8")
        self.finish(self.content)


class Nothing(Handler):
    """Whatever else is asked for."""

    def prepare(self):
        super().prepare()
        raise web.HTTPError(404)


def read_page() -> dict[str, bytes]:
    """The page's files, by name: all that is ever served."""
    folder = files("analysis.explorer") / "page"
    return {file.name: file.read_bytes() for file in folder.iterdir()
            if file.name.endswith(tuple(TYPES))}


def routes() -> list[tuple]:
    """The page and its files, at their own addresses and no others."""
    page = read_page()
    index = {"content": page.pop("index.html")}
    return [("/", Page, index),
            *((f"/{re.escape(name)}", File, {"name": name, "content": content})
              for name, content in page.items())]

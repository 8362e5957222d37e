"""The explorer: a face, an occluder and a turn of the head under the hand, and what models make of
it at once, in the browser (`iram explore`) and in a notebook:

    from analysis.explorer import Explorer

    Explorer()                                   # as a cell's last line, it shows itself
    Explorer("fer2013:fer2013.csv", models=["iram", "cbam"])

The core has no user interface: `state` is what was chosen, `picture` makes the picture as the
benchmark makes it, `answer` asks the model, `session` keeps what was made, `words` tells it. Around
it `request`, `wire` and `greeting` are the messages, `server` and `socket` the server, `page/` the
page, `notebook` the Explorer above.

Why Tornado and a page of plain HTML, CSS and JavaScript. What had to be: no network (no CDN, no
fonts or scripts from elsewhere), uploads that never touch a disk, a pointer and the keyboard on one
picture, maps that follow a drag, every control reachable and named for a screen reader, and little
to install. Weighed (all with licences that may be used here):

| candidate | against it here |
| --- | --- |
| Gradio | writes uploads to disk, 50 packages, its pages ask for fonts and its start for updates |
| Panel | 30 packages; Bokeh's canvases beneath have no text, its sliders sit in shadow trees |
| NiceGUI | 48 packages (FastAPI, Socket.IO, Quasar); every pointer move becomes a Vue event |
| ipywidgets, Voila | 67 packages, a kernel per page, and one more package to draw on |
| Starlette, Uvicorn | as good; 8 packages, where Tornado is one |

Tornado (Apache-2.0) is one package without dependencies, kept since 2009, has websockets with a
check of the origin, and is there already wherever Jupyter is, which is built on it. Native HTML
controls bring keyboard, focus and names for screen readers with them; the page is 75 kB, is read
from this package and runs in any browser, headless Chromium among them.

Security, after JupyterLab's: the server listens on 127.0.0.1 alone, answers only to that name, and
only who knows its random token gets a page or a socket, from a page of its own. Files of the page
are read when it starts; no path that a client sends is ever opened, and nothing is unpickled.
"""

from importlib import import_module

_HOME = {
    "Explorer": "analysis.explorer.notebook",
    "Session": "analysis.explorer.session",
    "State": "analysis.explorer.state",
    "open_offer": "analysis.explorer.offer",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'analysis.explorer' has no attribute '{name}'")

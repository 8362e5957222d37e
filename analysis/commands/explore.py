"""The explorer in the browser: choose or bring a face, cover it by hand, turn the head, and see
prediction, attention and attributions change at once.

It serves this machine alone, at an address with a secret token; Ctrl-C ends it. Nothing is
downloaded, and pictures that you bring stay in memory. Its faces are rendered heads, those of
--data if you name a data set, and your own. It needs the extra `explore`, and
says how to install it where it is missing. A folder of pictures without class folders does for
--data too: they are faces without a label, each its picture's middle square (or with faces=auto the
largest face in it).

examples:
  iram explore
  iram explore --data fer2013:fer2013.csv --models iram,none,cbam
  iram explore --data folder:DIR
  iram explore --port 8890 --no-browser     then, from afar: ssh -L 8890:127.0.0.1:8890 HOST
"""

from pathlib import Path

from analysis.commands import options
from iram.errors import InputError
from iram.names import split_names


def configure(parser) -> None:
    parser.add_argument("--data", metavar="SPEC",
                        help="browse these faces too: fer2013:PATH, folder:DIR, ...")
    parser.add_argument("--split", metavar="NAME",
                        help="of --data, or all; default: test")
    parser.add_argument("--landmarks", type=Path, metavar="FILE",
                        help="landmarks (.npz) of these faces, from `iram landmarks`")
    parser.add_argument("--models", default="", metavar="NAMES",
                        help="shipped names or files, also of nets from outside (FILE.py:factory, "
                        ".onnx or .pt2); default: all that are shipped")
    parser.add_argument("--port", type=int, default=0, metavar="N",
                        help="default: any that is free")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")


def run(args) -> int:
    options.check_use(args, {"split": ("data",), "landmarks": ("data",)})
    models = split_names(args.models)
    if args.models and not models:
        raise InputError("--models names no model; `iram models` lists them")

    from analysis.explorer.server import Server  # first: it says what to install
    from analysis.explorer.offer import open_offer  # isort: skip

    split = None if args.split == "all" else args.split or "test"
    offer = open_offer(args.data, models, split, args.landmarks)
    server = Server(offer, args.port).start()
    try:
        print(f"IRAM explorer: {server.url}\nCtrl-C ends it.", flush=True)
        if not args.no_browser:
            import webbrowser

            webbrowser.open(server.url_once())
        _wait()
    finally:
        server.stop()
    print("ended")
    return 0


def _wait() -> None:
    """Until Ctrl-C, or the signal that ends a service; both are the usual way to end it."""
    import signal
    import threading

    ended = threading.Event()
    for which in (signal.SIGINT, signal.SIGTERM):
        signal.signal(which, lambda *about: ended.set())
    ended.wait()

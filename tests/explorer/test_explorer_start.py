"""How the explorer is started and stopped: by the command, in a notebook, on a port."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from explorer_client import Client, fetched

from analysis.commands.main import main
from analysis.explorer.notebook import Explorer
from analysis.explorer.server import Server
from iram.errors import InputError
from iram.extras import install_hint

ROOT = Path(__file__).parents[2]


def test_a_taken_port_is_one_line(explorer_offer):
    server = Server(explorer_offer).start()
    port = server.access.port
    try:
        with pytest.raises(InputError, match=f"--port {port}: Address already in use"):
            Server(explorer_offer, port)
    finally:
        server.stop()
    with pytest.raises(InputError, match="from 0 to 65535"):
        Server(explorer_offer, 70_000)


def test_a_stopped_server_frees_its_port_and_closes_its_pages(explorer_offer):
    server = Server(explorer_offer).start()

    async def talk():
        client = await Client.open(server)
        await client.told("hello")
        await asyncio.get_running_loop().run_in_executor(None, server.stop)
        return await client.told("problem")

    assert asyncio.run(talk()) is None
    Server(explorer_offer, server.access.port).start().stop()


def test_computing_uses_one_thread_and_leaves_the_callers_alone(explorer_offer):
    before = torch.get_num_threads()
    server = Server(explorer_offer).start()
    try:
        assert server.worker.submit(torch.get_num_threads).result() == 1
        assert torch.get_num_threads() == before
    finally:
        server.stop()


def test_a_notebook_shows_it_in_a_frame(explorer_offer, monkeypatch):
    monkeypatch.setattr("analysis.explorer.notebook.open_offer", lambda *a: explorer_offer)
    explorer = Explorer(height=700)
    try:
        shown = explorer._repr_html_()
        assert f'src="{explorer.url}"' in shown
        assert 'title="IRAM explorer"' in shown
        assert 'height="700"' in shown
        answer = asyncio.run(fetched(explorer.url))
        assert answer.code == 200
        assert "frame-ancestors *" in answer.headers["Content-Security-Policy"]
    finally:
        explorer.close()


def test_without_tornado_it_says_what_to_install(monkeypatch, capsys):
    for name in [n for n in sys.modules if n.startswith(("analysis.explorer.", "tornado"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tornado", None)
    assert main(["explore"]) == 2
    told = capsys.readouterr().err
    assert install_hint("explore") in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--models", "nosuch"], ["--models", ","],
                                       ["--data", "nosuch:x"], ["--landmarks", "x.npz"],
                                       ["--port", "99999"]])
def test_mistakes_are_one_line_and_exit_code_2(arguments, capsys):
    assert main(["explore", "--no-browser", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_prints_its_address_and_ctrl_c_ends_it_well():
    command = [sys.executable, "-m", "analysis.commands.main", "explore", "--no-browser",
               "--models", "none"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    try:
        address = process.stdout.readline().split()[-1]
        assert asyncio.run(fetched(address)).code == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, "")
    assert out.endswith("ended\n")

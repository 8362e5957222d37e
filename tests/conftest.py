"""Fixtures that several test files share."""

import os
import sys
from pathlib import Path

import pytest

# Test processes side by side fill the cores: one thread each, set before torch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import tiny
from sources import fer_rows, write_csv

# pytest puts this folder on the path, where a folder of tests would be a package of its name.
sys.path[:] = [path for path in sys.path if Path(path) != Path(__file__).parent]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> Path:
    """A cache folder of the test's own, so that no test sees another's entries."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("IRAM_CACHE", str(folder))
    return folder


@pytest.fixture(autouse=True)
def everywhere_fp32(monkeypatch) -> None:
    """`--dtype auto` is fp32 in tests: the same numbers, and none of them emulated, everywhere."""
    monkeypatch.setattr("iram.dtype.native_bf16", lambda device="cpu": None)


@pytest.fixture(scope="session")
def real_cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("real-cache")


@pytest.fixture
def iram_data(real_cache, monkeypatch) -> Path:
    """The folder of real data (fer2013/, ran_lists/) named by IRAM_DATA; decoded once a run."""
    if not os.environ.get("IRAM_DATA"):
        pytest.skip("IRAM_DATA names no folder with fer2013/fer2013.csv.xz and ran_lists/")
    monkeypatch.setenv("IRAM_CACHE", str(real_cache))
    return Path(os.environ["IRAM_DATA"])


@pytest.fixture
def fer_csv(tmp_path) -> Path:
    """A FER2013 CSV of 12 faces: lines 2 to 13, all usages."""
    return write_csv(tmp_path / "fer2013.csv", fer_rows())


@pytest.fixture(scope="session")
def cluster():
    """Address of the scheduler of a Dask cluster of two worker processes."""
    distributed = pytest.importorskip("distributed", reason="Dask is an extra: iram-study[dask]")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory) -> Path:
    """A folder with the weights of small nets with IRAM and without attention."""
    folder = tmp_path_factory.mktemp("tiny-weights")
    for attention in ("iram", "none"):
        tiny.weights(folder, attention)
    return folder


@pytest.fixture(scope="session")
def explorer_offer(tiny_weights):
    """What the explorer offers: small nets with IRAM and without attention, rendered heads."""
    from analysis.explorer.offer import open_offer

    models = [str(tiny_weights / f"{name}-seed0.safetensors") for name in ("iram", "none")]
    return open_offer(models=models, heads="heads:n=28")


@pytest.fixture(scope="module")
def server(explorer_offer):
    """The explorer's server, started."""
    from analysis.explorer.server import Server

    server = Server(explorer_offer).start()
    yield server
    server.stop()


@pytest.fixture
def undrawn(monkeypatch, request) -> None:
    """Drawing takes longer than all else; only the tests that look at figures draw."""
    if "drawn" not in request.keywords:
        from analysis import figures

        monkeypatch.setattr(figures, "draw", lambda *arguments: [])

"""Headless Chromium for tests, where there is one (Debian: chromium and chromium-driver)."""

import shutil
import time
from pathlib import Path

import pytest

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
LONGEST = 60  # seconds that anything may take on a busy machine


def open_browser(folder: Path):
    """A browser with a new profile in `folder`; the test skips where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="Selenium is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no chromium with chromedriver here (Debian: chromium and chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(driver)
    browser = webdriver.Chrome(options=options, service=service)
    browser.set_script_timeout(LONGEST)
    return browser


def sized(browser, width: int, height: int, scheme: str = "light") -> None:
    """The page's size, as a phone's or a desktop's, and the colours that its reader prefers."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    wanted = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", wanted)


def until(browser, condition: str):
    """Waits until an expression of the page is true; returns it."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        if found := browser.execute_script(f"return {condition}"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"never true: {condition}")

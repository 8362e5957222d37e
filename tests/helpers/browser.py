"""Headless Chromium for tests, where there is one (Debian: chromium and chromium-driver)."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)
LONGEST = 60  # seconds that anything may take on a busy machine
ANSWERED = """(() => { const d = document.getElementById('pictures').dataset;
    return d.asked && d.asked === d.done; })()"""
IMAGE = """(id => { const c = document.querySelector(`#${id} .frame > canvas`);
    const k = c.getContext('2d').getImageData(0, 0, c.width, c.height); return [...k.data]
    .filter((_, i) => i % 4 !== 3 && Math.floor(i / 4 / c.width) % 40 === 20 && i % 40 < 4); })"""


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


def element(page, css):
    return page.find_element("css selector", css)


def image(page, tile):
    """Some pixels of a tile's picture."""
    return np.array(page.execute_script(f"return {IMAGE}('{tile}')"))


def keys(page, *presses):
    """Key presses, one after another, each held and let go; with Shift before a name: held too."""
    from selenium.webdriver import ActionChains, Keys

    chain = ActionChains(page)
    for press in presses:
        *shift, name = press.split("+") if len(press) > 1 else [press]
        key = getattr(Keys, name.upper(), name)
        chain = chain.key_down(Keys.SHIFT) if shift else chain
        chain = chain.send_keys(key)
        chain = chain.key_up(Keys.SHIFT) if shift else chain
    chain.perform()


def drag(page, start, end):
    """The pointer from one place on the covered face to another, in shares of its side."""
    from selenium.webdriver import ActionChains

    stage = element(page, "#stage")
    side = stage.size["width"]
    at = [(round((x - 0.5) * side), round((y - 0.5) * side)) for x, y in (start, end)]
    chain = ActionChains(page, duration=50)
    chain.move_to_element_with_offset(stage, *at[0]).click_and_hold()
    chain.move_to_element_with_offset(stage, *at[1]).release().perform()
    until(page, ANSWERED)


def value(page, name):
    return float(page.execute_script(f"return document.getElementById('{name}').value"))


def rectangle(page):
    return [value(page, name) for name in ("left", "top", "width", "height")]


def errors(page):
    return [one for one in page.get_log("browser") if one["level"] == "SEVERE"]


def text(page, css):
    return element(page, css).text


def choose(page, name, choice):
    """A radio, as one chooses it by keyboard or pointer: by its label."""
    element(page, f"input[name='{name}'][value='{choice}']").find_element("xpath", "..").click()
    until(page, ANSWERED)

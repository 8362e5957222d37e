"""The explorer as people use it: in a browser, by pointer, by keyboard, by ear."""

import json
import time

import numpy as np
import pytest
from browser import (
    ANSWERED,
    LONGEST,
    choose,
    drag,
    element,
    errors,
    image,
    keys,
    open_browser,
    rectangle,
    sized,
    text,
    until,
)
from PIL import Image

from analysis.explorer.offer import open_offer
from analysis.explorer.server import Server

pytestmark = pytest.mark.exhaustive

DESKTOP, PHONE = (1440, 900), (360, 740)


@pytest.fixture(scope="module")
def server():
    server = Server(open_offer(models=["iram-heads", "none-heads"], heads="heads:n=140")).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = open_browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.quit()


@pytest.fixture
def page(browser, server):
    """The page, fresh, with its first answer."""
    sized(browser, *DESKTOP)
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # what was there is gone
    browser.get(server.url)
    until(browser, ANSWERED)
    return browser


def test_until_the_first_answer_the_page_says_what_it_waits_for(browser, server):
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*app.js"]})  # no answer ever
    try:
        browser.get(server.url)
        assert text(browser, "#waiting").startswith("Waiting for the explorer")
    finally:
        browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    browser.get(server.url)
    until(browser, ANSWERED)
    assert not element(browser, "#waiting").is_displayed()


def test_it_loads_without_errors_and_asks_nothing_of_anyone_else(page, server):
    assert errors(page) == []
    asked = []
    for entry in page.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.append(message["params"]["request"]["url"])
    assert len(asked) > 8
    own = f"http://127.0.0.1:{server.access.port}/"
    assert [url for url in asked if not url.startswith((own, "data:", "chrome:"))] == []
    assert "token" not in page.current_url
    page.refresh()  # by the cookie
    until(page, ANSWERED)
    assert errors(page) == []


def test_dragging_an_occluder_changes_picture_attention_map_and_prediction(page):
    tiles = ("tile-face", "tile-stage", "tile-attention", "tile-gradcam")
    before = [image(page, tile) for tile in tiles]
    numbers = text(page, "#bars")
    drag(page, (0.5, 0.75), (0.5, 0.35))  # from the mouth to the eyes
    after = [image(page, tile) for tile in tiles]
    changed = [bool((a != b).any()) for a, b in zip(before, after, strict=True)]
    assert changed == [False, True, True, True]
    assert text(page, "#bars") != numbers
    assert rectangle(page)[1] < 20
    drag(page, (0.05, 0.1), (0.3, 0.4))  # a new one
    assert rectangle(page) == pytest.approx([2, 5, 12, 14], abs=1)
    drag(page, (14 / 48, 19 / 48), (0.6, 0.6))  # at its corner
    assert rectangle(page) == pytest.approx([2, 5, 27, 24], abs=1)


def test_arrow_keys_move_and_stretch_the_rectangle(page):
    before, x = image(page, "tile-attention"), rectangle(page)
    page.execute_script("document.getElementById('stage').focus()")
    keys(page, "arrow_up", "arrow_up", "arrow_left", "shift+arrow_right", "+")
    until(page, ANSWERED)
    assert rectangle(page) == [x[0] - 2, x[1] - 3, x[2] + 3, x[3] + 2]
    assert (image(page, "tile-attention") != before).any()


def test_the_brush_paints_by_pointer_and_by_keyboard_and_is_undone(page):
    choose(page, "tool", "brush")
    clean = image(page, "tile-stage")
    drag(page, (0.2, 0.4), (0.8, 0.4))
    painted = image(page, "tile-stage")
    assert (painted != clean).any()
    page.execute_script("document.getElementById('stage').focus()")
    keys(page, "space", "shift+arrow_down", "shift+arrow_down", "space")
    until(page, ANSWERED)
    assert (image(page, "tile-stage") != painted).any()
    element(page, "#undo").click()
    until(page, ANSWERED)
    np.testing.assert_array_equal(image(page, "tile-stage"), painted)
    element(page, "#clear").click()
    until(page, ANSWERED)
    np.testing.assert_array_equal(image(page, "tile-stage"), clean)


def test_an_object_is_chosen_carried_and_put_back(page):
    choose(page, "tool", "named")
    placed = image(page, "tile-stage")
    drag(page, (0.5, 0.4), (0.5, 0.7))
    assert (image(page, "tile-stage") != placed).any()
    page.execute_script("document.getElementById('stage').focus()")
    keys(page, "home")
    until(page, ANSWERED)
    np.testing.assert_array_equal(image(page, "tile-stage"), placed)


def test_turning_the_head_and_comparing_show_what_changed(page):
    choose(page, "tool", "none")
    straight = image(page, "tile-stage")
    page.execute_script("document.getElementById('yaw').focus()")
    keys(page, *["arrow_right"] * 25)
    until(page, ANSWERED)
    assert text(page, "#yaw-value") == "+25°"
    assert (image(page, "tile-stage") != straight).any()
    choose(page, "view", "difference")
    low, high = text(page, "#tile-attention .scale").split("\n")
    assert (low[0], high[0]) == ("−", "+")
    assert low[1:] == high[1:]
    label = element(page, "#tile-attention .frame canvas").get_attribute("aria-label")
    assert "covered less uncovered: " in label


def test_a_phone_shows_in_full_why_there_is_no_attention(page):
    sized(page, *PHONE)
    page.execute_script("""const model = document.getElementById('model');
        model.value = 'none-heads'; model.dispatchEvent(new Event('change'));""")
    until(page, "document.querySelector('#tile-attention .why')")
    assert page.execute_script("""const why = document.querySelector('#tile-attention .why');
        return why.scrollHeight <= why.clientHeight && why.scrollWidth <= why.clientWidth""")


def test_a_model_without_attention_says_so_and_another_class_is_explained(page):
    from selenium.webdriver.support.select import Select

    Select(element(page, "#target")).select_by_visible_text("angry")
    until(page, ANSWERED)
    assert "speaks for angry" in text(page, "#tile-gradcam .note").lower()
    Select(element(page, "#model")).select_by_visible_text("none-heads")
    until(page, ANSWERED)
    assert text(page, "#tile-attention .why") == "This model has no attention of its own."
    assert "nothing to see here" in text(page, "#layers")


def test_methods_come_and_go(page):
    for name in ("input_x_gradient", "gradcam"):
        element(page, f"input[value='{name}']").find_element("xpath", "..").click()
    until(page, ANSWERED)
    titles = [one.text for one in page.find_elements("css selector", ".tile h2")]
    assert titles == ["Face", "Covered face", "Attention", "Input × gradient"]
    assert image(page, "tile-input_x_gradient").std() > 0


def test_pictures_of_ones_own_are_shown_cropped_or_refused(page, tmp_path):
    (tmp_path / "notes.png").write_text("no picture")
    gray = (np.mgrid[:300, :400][1] / 2).astype(np.uint8)
    Image.fromarray(gray).save(tmp_path / "face.jpg")
    element(page, "#file").send_keys(str(tmp_path / "notes.png"))
    until(page, "!document.getElementById('problem').hidden")
    assert "notes.png is not a picture that can be read" in text(page, "#problem")
    assert until(page, ANSWERED)
    element(page, "#file").send_keys(str(tmp_path / "face.jpg"))
    until(page, "document.getElementById('file-name').textContent.startsWith('face.jpg')")
    until(page, ANSWERED)
    assert not element(page, "#problem").is_displayed()
    whole = image(page, "tile-face")
    assert whole.max() - whole.min() > 100
    page.execute_script("document.getElementById('zoom').focus()")
    keys(page, *["arrow_right"] * 40)
    until(page, ANSWERED)
    zoomed = image(page, "tile-face")
    assert zoomed.max() - zoomed.min() < 80
    assert errors(page) == []


CONTROLS = """
const groups = new Set(), all = 'a[href], button, input, select, summary, [tabindex="0"]';
return [...document.querySelectorAll(all)]
  .filter(e => e.offsetParent !== null && !e.disabled)
  .filter(e => e.type !== 'radio' || (!groups.has(e.name) && groups.add(e.name)))
  .map(e => e.type === 'radio' ? 'radio ' + e.name : e.id || e.value || e.textContent);
"""
FOCUS = """
const e = document.activeElement, near = [e, e.nextElementSibling, e.parentElement].filter(Boolean);
const outlined = s => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2;
const ringed = getComputedStyle(e.parentElement).boxShadow.includes('5px');
return [e.type === 'radio' ? 'radio ' + e.name : e.id || e.value || e.textContent,
        ringed || near.map(one => getComputedStyle(one)).some(outlined)];
"""


def test_the_keyboard_reaches_every_control_and_shows_where_it_is(page):
    for group in page.find_elements("css selector", "#methods summary"):
        page.execute_script("arguments[0].parentElement.open = true", group)
    wanted = set(page.execute_script(CONTROLS))
    assert len(wanted) > 50
    visited, unseen = set(), set()
    page.execute_script("document.activeElement.blur()")
    for _ in range(len(wanted) + 25):  # what scrolls is stopped at too
        keys(page, "tab")
        name, shown = page.execute_script(FOCUS)
        visited.add(name)
        if not shown:
            unseen.add(name)
        if visited >= wanted:
            break
    assert wanted - visited == set()
    assert wanted & unseen == set()


def test_everything_has_a_name_for_those_who_hear_the_page(page):
    tree = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    kinds = {"button", "slider", "checkbox", "radio", "combobox", "image", "img", "application"}
    nameless, seen = [], set()
    for node in tree:
        role = node.get("role", {}).get("value")
        if node.get("ignored") or role not in kinds:
            continue
        seen.add(role)
        if not node.get("name", {}).get("value", "").strip():
            nameless.append((role, node.get("backendDOMNodeId")))
    assert nameless == []
    assert {"slider", "checkbox", "radio", "combobox", "button", "application"} <= seen
    labels = page.execute_script(
        "return [...document.querySelectorAll('[role=img]')].map(e => e.getAttribute('aria-label'))"
    )
    assert any(label.startswith("Own attention of iram-heads: highest at the ") for label in labels)
    assert any("% covered (what was drawn, noise)" in label for label in labels)
    until(page, "document.getElementById('spoken').textContent.includes('covered')")


CONTRAST = """
const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
  .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = e => { for (; e; e = e.parentElement) {
  const c = parse(getComputedStyle(e).backgroundColor);
  if (c.length === 3 || c[3] > 0.99) return c; } return [255, 255, 255]; };
const poor = [];
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  if (!own || e.offsetParent === null || e.closest('.spoken, :disabled, svg, option')) continue;
  const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) poor.push([e.textContent.trim().slice(0, 30), ratio.toFixed(2)]);
}
return poor;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_stands_out_from_its_ground(page, scheme):
    sized(page, *DESKTOP, scheme)
    dark = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, dark[4:-1].split(","))) < 200) == (scheme == "dark")
    assert page.execute_script(CONTRAST) == []


def test_on_a_phone_nothing_runs_over_the_edge_and_the_pictures_stay_in_sight(page):
    sized(page, *PHONE)
    width = page.execute_script("return document.documentElement.scrollWidth")
    assert width <= PHONE[0]
    page.execute_script("document.getElementById('yaw').scrollIntoView({block: 'end'})")
    top = page.execute_script("return document.getElementById('stage').getBoundingClientRect().top")
    assert 0 <= top < PHONE[1] / 3


def test_the_pictures_are_saved_as_one(page, tmp_path):
    where = {"behavior": "allow", "downloadPath": str(tmp_path)}
    page.execute_cdp_cmd("Browser.setDownloadBehavior", where)
    element(page, "#save").click()
    path, end = tmp_path / "iram-explorer.png", time.monotonic() + LONGEST
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.05)
    with Image.open(path) as saved:
        assert saved.width > 4 * 360
        attention = np.asarray(saved.crop((28 + 2 * 388, 60, 28 + 2 * 388 + 360, 420)), float)
    assert np.ptp(attention, 2).mean() > 20  # in colours


def test_a_lost_server_is_told(browser):
    sized(browser, *DESKTOP)
    server = Server(open_offer(models=["iram-heads"], heads="heads:n=140")).start()
    browser.get(server.url)
    until(browser, ANSWERED)
    server.stop()
    until(browser, "!document.getElementById('problem').hidden")
    assert "The explorer has ended" in text(browser, "#problem")
    assert "open the address that it printed" in text(browser, "#problem")

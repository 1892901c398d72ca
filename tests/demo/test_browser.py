"""The page in a real browser: drawn on with the mouse, a finger and the keyboard, in both languages, on a phone."""

import re
import shutil
from contextlib import contextmanager

import numpy as np
import pytest
from hands import HANDS, strokes

from minnet.demo.page import Page
from minnet.demo.training import find_digits, train
from minnet.demo.words import WORDS

pytest.importorskip("selenium", reason="the extra browser is not installed")
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.interaction import POINTER_TOUCH
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver in PATH"),
]
PHONE = {"width": 390, "height": 844, "pixelRatio": 2, "touch": True}


class Visit:
    """A page in a browser, and what a person does with it."""

    def __init__(self, driver):
        self.driver = driver
        self.wait = WebDriverWait(driver, 60, poll_frequency=0.02)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def script(self, code, *arguments):
        return self.driver.execute_script(f"return {code}", *arguments)

    def pixels(self, line):
        """Return a stroke in pixels from the middle of the pad, as selenium counts them."""
        size = self.find("#pad").rect["width"]
        return [(round(x), round(y)) for x, y in (line - 0.5) * size]

    def draw(self, drawing):
        """Draw strokes with the mouse, and wait for the answer."""
        pad = self.find("#pad")
        for line in drawing:
            first, *rest = self.pixels(line)
            actions = ActionChains(self.driver, duration=1).move_to_element_with_offset(pad, *first).click_and_hold()
            for x, y in rest:
                actions.move_to_element_with_offset(pad, x, y)
            actions.release().perform()
        return self.settled()

    def settled(self):
        """Wait until the last question is answered; return the digit that is read, "" if none is."""
        self.wait.until(lambda _: self.find("#digits").get_attribute("aria-busy") != "true")
        return self.script("document.querySelector('#verdict b')?.textContent ?? ''")

    def probabilities(self):
        return [self.script("parseFloat(arguments[0].textContent)", value) for value in self.all("#digits .value")]

    def choose(self, digit):
        """Choose a digit; on a busy machine, the browser may take a tap for a long one, which is no click."""
        radio = self.find(f"#digit-{digit}")
        self.wait.until(lambda _: radio.is_selected() or radio.click())
        self.settled()

    def learn(self, press=None):
        """Press "learn this", and wait for what it changed."""
        text = self.find("#learned").text
        press() if press else self.find("#learn").click()
        self.wait.until(lambda _: self.find("#learned").text not in ("", text))
        self.settled()

    def keys(self, *keys):
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()


@contextmanager
def browsing(address, phone=None, **media):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "window-size=1280,900"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if phone:
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": phone})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        driver.get(address)
        visit = Visit(driver)
        yield visit
        logged = [entry for entry in driver.get_log("browser") if entry["source"] != "rendering"]  # how to be faster
        assert logged == []  # no error, nothing that the page's policy has stopped
    finally:
        driver.quit()


@pytest.fixture
def visit(demo):
    with browsing(demo.address) as visit:
        yield visit


@pytest.fixture
def phone(demo):
    with browsing(demo.address, PHONE) as visit:
        yield visit


def test_a_7_drawn_with_the_mouse(visit):
    assert visit.find("#verdict").text == WORDS["en"]["nothing"]
    assert visit.draw(strokes("round", 7)) == "7"
    probabilities = visit.probabilities()
    assert int(np.argmax(probabilities)) == 7
    assert sum(probabilities) == pytest.approx(100, abs=0.6)  # each is rounded
    widths = [visit.script("arguments[0].style.width", bar) for bar in visit.all("#digits .bar")]
    assert [float(width.removesuffix("%")) for width in widths] == pytest.approx(probabilities, abs=0.06)
    assert f"I read a 7, probability {probabilities[7]}%." in visit.find("#verdict").text
    assert visit.find("#for").text.startswith("for a 7: 20 pixels, +")
    assert visit.find("#against").text.startswith("against a 7: 20 pixels, −")
    visit.wait.until(lambda _: "I read a 7" in visit.find("#status").get_attribute("textContent"))
    assert visit.find("#status").get_attribute("aria-live") == "polite"
    loaded = visit.script("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert {url.rpartition("/")[0] + "/" for url in loaded} == {visit.driver.current_url}


@pytest.mark.parametrize("data", ["synthetic", "real"])
def test_all_digits_in_three_hands(demo, data):
    if data == "real":
        digits = find_digits()
        if not digits.real:
            pytest.skip("MNIST is not on this disk")
        reader, accuracy = train(digits, progress=False)
        demo.start(reader, Page(reader, {"source": "mnist", "real": digits.real, "synthetic": 1, "accuracy": accuracy}))
    read = {}
    with browsing(demo.address) as visit:
        for hand in HANDS:
            for digit in range(10):
                read[hand, digit] = visit.draw(strokes(hand, digit))
                visit.find("#clear").click()
                assert visit.settled() == ""
    assert all(read[hand, 7] == "7" for hand in HANDS)
    right = [key for key, digit in read.items() if str(key[1]) == digit]
    print(f"{data}: {len(right)} of {len(read)} read")
    assert len(right) >= 27, read


def test_the_probabilities_come_while_it_is_drawn(visit):
    pad = visit.find("#pad")
    first, *rest = visit.pixels(strokes("round", 7)[0])
    actions = ActionChains(visit.driver, duration=1).move_to_element_with_offset(pad, *first).click_and_hold()
    for x, y in rest:
        actions.move_to_element_with_offset(pad, x, y)
    actions.perform()  # and the button is still held
    assert visit.settled() == "7"
    ActionChains(visit.driver).release().perform()


def test_drawing_over_the_edge_stays_on_the_pad(visit):
    pad = visit.find("#pad")
    actions = ActionChains(visit.driver, duration=1).move_to_element_with_offset(pad, 0, 0).click_and_hold()
    actions.move_by_offset(400, 0).move_by_offset(0, 100).release().perform()
    assert visit.settled()
    assert visit.find("#error").text == ""
    ActionChains(visit.driver).move_to_element_with_offset(pad, 0, -50).perform()  # the button is up: nothing is drawn
    visit.find("#undo").click()
    assert visit.settled() == ""


def test_other_buttons_of_the_mouse_do_not_draw(visit):
    ActionChains(visit.driver).context_click(visit.find("#pad")).perform()
    assert visit.settled() == ""


def test_undo_and_clear(visit):
    assert not visit.find("#undo").is_enabled()
    visit.draw(strokes("angular", 4)[:1])
    one = visit.probabilities()
    visit.draw(strokes("angular", 4)[1:])
    assert visit.settled() == "4"
    visit.find("#undo").click()
    visit.settled()
    assert visit.probabilities() == one
    visit.draw(strokes("angular", 4)[1:])
    ActionChains(visit.driver).key_down(Keys.CONTROL).send_keys("z").key_up(Keys.CONTROL).perform()
    visit.settled()
    assert visit.probabilities() == one
    visit.choose(3)
    visit.find("#clear").click()
    assert visit.settled() == ""
    assert not visit.all("#digits :checked")
    assert visit.find("#verdict").text == WORDS["en"]["nothing"]


def touch(visit, drawing):
    pad = visit.find("#pad")
    for line in drawing:
        first, *rest = visit.pixels(line)
        actions = ActionBuilder(visit.driver, mouse=PointerInput(POINTER_TOUCH, "finger"), duration=1)
        finger = actions.pointer_action.move_to(pad, *first).pointer_down()
        for x, y in rest:
            finger.move_to(pad, x, y)
        finger.pointer_up()
        actions.perform()
    return visit.settled()


def test_a_finger_on_a_phone(phone):
    assert phone.script("matchMedia('(pointer: coarse)').matches")
    for digit in (7, 3):
        assert touch(phone, strokes("round", digit)) == str(digit)
        assert phone.script("scrollY") == 0  # the finger draws, and does not move the page
        phone.find("#clear").click()
        phone.settled()


def test_the_numbers_are_in_sight_while_a_phone_is_drawn_on(phone):
    for lang in WORDS:
        phone.driver.get(phone.driver.current_url.partition("?")[0] + f"?lang={lang}")
        touch(phone, strokes("round", 7))
        bottoms = [
            phone.script("arguments[0].getBoundingClientRect().bottom", row) for row in phone.all("#digits label")
        ]
        assert max(bottoms) <= PHONE["height"]


@pytest.mark.parametrize("held", [False, True])
def test_a_7_with_the_keyboard(visit, held):
    """Arrows move the pen; the space bar puts it down and lifts it, or draws as long as it is held."""
    right, left, up, down = Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.ARROW_UP, Keys.ARROW_DOWN
    visit.keys(*[Keys.TAB] * 2)  # past the two languages
    while visit.script("document.activeElement.id") != "pad":
        visit.keys(Keys.TAB)
    visit.keys(*[up] * 8, *[left] * 6)
    pen = ActionChains(visit.driver)
    pen.key_down(" ").perform() if held else visit.keys(" ")
    visit.keys(*[right] * 12, *[key for _ in range(6) for key in (down, down, left, down)])
    pen.reset_actions()
    if held:
        ActionChains(visit.driver).key_up(" ").perform()
    else:
        visit.keys(" ")
    visit.wait.until(lambda _: visit.settled() == "7")
    before = visit.probabilities()
    visit.keys(*[up] * 5)  # the pen is up
    assert visit.settled() == "7"
    assert visit.probabilities() == before
    assert visit.script("scrollY") == 0


def test_every_control_is_reached_with_the_keyboard_and_shown(visit):
    visit.draw(strokes("round", 7))
    visit.choose(7)
    visit.learn()
    visit.find("h1").click()  # from here, TAB goes on
    reached = []
    for _ in range(20):
        visit.keys(Keys.TAB)
        name, outline = visit.script(
            """(() => {
                const at = document.activeElement, shown = at.closest("label") ?? at;
                return [at.id || at.dataset.lang || at.tagName, getComputedStyle(shown).outlineStyle];
            })()"""
        )
        if name == "BODY" or name in reached:
            break
        assert outline == "solid", name
        reached.append(name)
    assert sorted(reached) == sorted(["en", "zh-TW", "undo", "clear", "pad", "digit-7", "learn", "forget"])


def test_the_changes_of_probabilities_add_up(visit):
    """They have enough digits for that, though all of them are small if the model was sure of the digit."""
    visit.draw(strokes("round", 1))
    visit.choose(1)
    visit.learn()
    changes = [row.text.split()[-1] for row in visit.all("#learned tbody tr")]
    assert "+" in changes[1]
    assert abs(sum(float(change.replace("−", "-")) for change in changes)) < 0.002


def test_learn_this_and_forget_all(visit, demo):
    visit.find("#learn").click()
    assert visit.find("#error").text == WORDS["en"]["draw_first"]
    visit.draw(strokes("round", 7))
    first = visit.probabilities()
    visit.find("#learn").click()
    assert visit.find("#error").text == WORDS["en"]["choose_first"]
    assert not visit.find("#forget").is_enabled()
    visit.choose(9)
    assert visit.find("#learn").text == "Learn this: it is a 9"
    assert visit.find("#for").text.startswith("for a 9: ")
    visit.learn()
    assert visit.find("#error").text == ""
    rows = [row.text.split() for row in visit.all("#learned tbody tr")]
    assert [row[0] for row in rows] == [str(digit) for digit in range(10)]
    assert rows[7][1] == f"{first[7]}%"
    now = visit.probabilities()
    assert rows[7][2] == f"{now[7]}%"
    assert now[9] > first[9]
    assert rows[9][3].startswith("+")
    captions = [caption.text for caption in visit.all("figcaption")]
    assert len(captions) == 10
    assert captions[9].startswith("9: +0.00")
    assert captions[7].startswith("7: −0.00")
    assert visit.find("#forget").text == "Forget all (1)"
    visit.learn()
    assert visit.find("#learned p").text.startswith("Step 2: this is a 9. The loss was ")
    visit.find("#forget").click()
    visit.wait.until(lambda _: visit.find("#learned").text == WORDS["en"]["forgotten"])
    visit.settled()
    assert visit.probabilities() == first
    assert demo.reader.steps == 0


def coloured(visit, selector):
    """Count the pixels of a canvas that are mostly orange, and mostly blue."""
    return visit.script(
        """(() => {
            const canvas = document.querySelector(arguments[0]);
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            let counts = [0, 0];
            for (let i = 0; i < data.length; i += 4) {
                if (data[i] - data[i + 2] > 60) counts[0]++;
                if (data[i + 2] - data[i] > 60) counts[1]++;
            }
            return counts;
        })()""",
        selector,
    )


def test_marks_and_pictures_are_drawn(visit):
    assert coloured(visit, "#seen") == [0, 0]
    visit.draw(strokes("round", 7))
    assert min(coloured(visit, "#seen")) > 100
    visit.choose(1)
    visit.learn()
    gain, loss = (coloured(visit, f"#learned [data-digit='{digit}']") for digit in (1, 7))
    assert gain[0] > 100 > gain[1]
    assert loss[1] > 100 > loss[0]


def test_both_languages(demo):
    with browsing(demo.address) as visit:
        visit.draw(strokes("round", 7))
        visit.choose(7)
        visit.learn()
        for lang in ("zh-TW", "en", "zh-TW"):
            visit.find(f"button[data-lang='{lang}']").click()
            assert visit.script("document.documentElement.lang") == lang
            assert visit.driver.title == WORDS[lang]["title"]
            assert visit.find(f"button[data-lang='{lang}']").get_attribute("aria-pressed") == "true"
            for part in visit.all("[data-word]"):
                assert part.get_attribute("textContent") == WORDS[lang][part.get_attribute("data-word")]
            for part in visit.all("[data-label]"):
                assert part.get_attribute("aria-label") == WORDS[lang][part.get_attribute("data-label")]
        assert visit.find("#verdict").text.startswith("7\n我認為是 7，機率 ")
        assert visit.find("#learn").text == "學這個字：這是 7"
        assert visit.find("#learned p").text.startswith("第 1 步：這是 7。損失從 ")
        assert set(re.findall("[A-Za-z]{4,}", visit.find("body").text)) == {"English", "Python", "MNIST"}
        visit.driver.refresh()
        assert visit.script("document.documentElement.lang") == "zh-TW"


@pytest.mark.parametrize("lang", WORDS)
@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_does_not_scroll_sideways(demo, lang, width):
    with browsing(f"{demo.address}?lang={lang}", PHONE | {"width": width}) as visit:
        touch(visit, strokes("round", 7))
        visit.choose(7)
        visit.learn(lambda: visit.find("#learn").send_keys(Keys.ENTER))
        assert visit.script("innerWidth") == width
        assert visit.script("document.documentElement.scrollWidth") == width
        for control in visit.all("button, #digits label"):
            assert control.rect["height"] >= 44, control.text
            assert control.rect["width"] >= 44, control.text
        wide = "e.clientWidth && e.scrollWidth > e.clientWidth + 1 && !e.matches('.heard')"
        found = f"[...document.querySelectorAll('section *')].filter(e => {wide}).map(e => e.outerHTML.slice(0, 80))"
        assert visit.script(found) == []


def test_light_and_dark(demo):
    papers = []
    for scheme in ("light", "dark"):
        with browsing(demo.address, prefers_color_scheme=scheme) as visit:
            visit.draw(strokes("round", 7))
            colours = "getComputedStyle(document.body)"
            papers.append(visit.script(f"[{colours}.backgroundColor, {colours}.color]"))
            corner = "document.querySelector('#pad').getContext('2d').getImageData(2, 2, 1, 1).data[0]"
            assert (visit.script(corner) > 128) == (scheme == "light")
    assert papers[0] != papers[1]


def test_reduced_motion(demo):
    for motion, still in (("reduce", True), ("no-preference", False)):
        with browsing(demo.address, prefers_reduced_motion=motion) as visit:
            duration = visit.script("getComputedStyle(document.querySelector('.bar')).transitionDuration")
            assert (duration == "0s") == still


def test_too_much_for_one_digit(visit):
    visit.script(
        """(() => {
            const pad = document.querySelector("#pad"), box = pad.getBoundingClientRect();
            const event = (name, x, y) => pad.dispatchEvent(new PointerEvent(name, {
                pointerId: 1, isPrimary: true, button: 0, clientX: box.left + x, clientY: box.top + y}));
            pad.setPointerCapture = () => {};
            event("pointerdown", 0, 0);
            for (let i = 0; i < 11000; i++) event("pointermove", (i * 37) % 300, (i * 61) % 300);
            event("pointerup", 0, 0);
        })()"""
    )
    visit.wait.until(lambda _: visit.find("#error").text == WORDS["en"]["error_long"])
    visit.find("#clear").click()
    assert visit.settled() == ""
    assert visit.draw(strokes("round", 7)) == "7"
    assert visit.find("#error").text == ""
    visit.driver.get_log("browser")  # that the answer was a 400


def test_the_program_has_ended(demo):
    with browsing(demo.address) as visit:
        demo.shutdown()
        demo.socket.close()
        visit.draw(strokes("round", 7))
        visit.wait.until(lambda _: visit.find("#error").text == WORDS["en"]["error_gone"])
        visit.driver.get_log("browser")  # that there was no connection


def test_a_model_of_several_matrices(demo):
    import minnet as mn
    from minnet.demo.reader import Reader

    model = mn.Sequential(mn.Linear(784, 12, rng=0), mn.ReLU(), mn.Linear(12, 10, rng=1), mn.Softmax())
    reader = Reader(model)
    demo.start(reader, Page(reader, {"source": "file", "name": "<b>my</b>.safetensors"}))
    with browsing(demo.address) as visit:
        assert "The model <b>my</b>.safetensors reads what you draw. It has 9,550 numbers" in visit.find("#about").text
        visit.draw(strokes("round", 7))
        visit.choose(7)
        visit.learn()
        tables = visit.all("#learned table")
        assert [row.text.split()[0] for row in tables[1].find_elements(By.CSS_SELECTOR, "tbody tr")] == [
            path for path, _ in model.named_parameters()
        ]

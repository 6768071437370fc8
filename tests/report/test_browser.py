"""The page in a real browser: legends, sliders, files, colour schemes, accessibility."""

import csv
import io
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from mda_ionmech import datasets
from mda_ionmech.cli.demos import DEMOS
from mda_ionmech.report import write_report

from ..builders import solvated_walk
from ..site_lattices import hopping_run

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.slow

#: Names of Chromium, which distributions package.
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTHS = (1280, 390)
#: Milliseconds.
PATIENCE = 180_000
#: A name that would be a tag in a page, and a command in LaTeX.
HOSTILE = "<b>&_1"


@pytest.fixture(scope="module")
def browser():
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def results():
    return solvated_walk(HOSTILE).results


@pytest.fixture(scope="module")
def page_file(results, tmp_path_factory):
    return results.report(tmp_path_factory.mktemp("browser") / "page.html")


def new_page(browser, **options):
    """A page that is waited for as long as a busy machine may take."""
    page = browser.new_page(**options)
    page.set_default_timeout(PATIENCE)
    return page


class Watched:
    """A page with everything that it complains of or asks for."""

    def __init__(self, browser, path, **options):
        self.complaints, self.requests = [], []
        self.page = new_page(browser, accept_downloads=True, **options)
        self.page.on("console", lambda one: self.complaints.append(one.text))
        self.page.on("pageerror", lambda one: self.complaints.append(str(one)))
        self.page.on("request", lambda one: self.requests.append(one.url))
        self.page.goto(path.as_uri())
        self.page.evaluate("report.ready")

    def unfold(self):
        self.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")


@pytest.fixture(scope="module")
def opened(browser, page_file):
    watched = Watched(browser, page_file, viewport={"width": 1280, "height": 900})
    watched.unfold()
    yield watched
    assert watched.complaints == []


@pytest.fixture
def page(opened):
    yield opened.page
    opened.page.click("button[type=reset]")


def drawn_keys(page):
    """For each figure, the keys of the marks in it."""
    return page.evaluate("""() => Object.fromEntries([...report.views].map(([name, one]) => {
        const found = new Set();
        const walk = item => {
          if (item.datum && item.datum.key) found.add(item.datum.key);
          for (const inner of item.items || []) walk(inner);
        };
        walk(one.view.scenegraph().root);
        return [name, [...found].sort()];
    }))""")


def settle(page):
    page.evaluate("""Promise.all([...report.views.values()].map(one => one.view.runAsync()))
        .then(() => null)""")


def test_nothing_is_asked_for_and_all_is_drawn(opened):
    assert [url for url in opened.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert len(opened.requests) == 1
    store = opened.page.evaluate("report.store")
    assert set(drawn_keys(opened.page)) == set(store["charts"])
    empty = opened.page.evaluate(
        "[...document.querySelectorAll('.drawing')].filter(one => !one.querySelector('svg')).length"
    )
    assert empty == 0


@pytest.mark.parametrize("where", ["figure button.key", "table button.key"])
def test_a_legend_and_a_row_hide_an_event_everywhere(page, where):
    before = drawn_keys(page)
    key = "event:vehicular"
    assert sum(key in keys for keys in before.values()) >= 5
    page.locator(f"{where}[data-key='{key}']").first.click()
    settle(page)
    assert [name for name, keys in drawn_keys(page).items() if key in keys] == []
    pressed = page.locator(f"button[data-key='{key}']").evaluate_all(
        "all => all.map(one => one.ariaPressed)"
    )
    assert set(pressed) == {"false"}
    page.locator(f"{where}[data-key='{key}']").first.click()
    settle(page)
    assert drawn_keys(page) == before


def test_pointing_at_an_event_fades_the_others_everywhere(page):
    page.locator("figure button.key[data-key='event:vehicular']").first.hover()
    over = page.evaluate("[...report.views.values()].map(one => one.view.signal('over'))")
    assert set(over) == {"event:vehicular"}
    page.mouse.move(1, 1)


def test_the_slider_moves_the_window_everywhere(page, results):
    windows = results.decomposition["window"].values
    page.evaluate("""() => {
        const one = document.querySelector('[data-slider=window]');
        one.value = 1;
        one.dispatchEvent(new Event('input', { bubbles: true }));
    }""")
    settle(page)
    at = page.evaluate("""[...report.views.values()].filter(one => one.params.includes('at_window'))
        .map(one => one.view.signal('at_window'))""")
    assert len(at) >= 8
    assert set(at) == {windows[1]}
    shown = page.locator("[data-table='events-1'] tbody tr").all_inner_texts()
    for text, (event, row) in zip(shown, results.summary(windows[1]).iterrows(), strict=True):
        assert text.startswith(event)
        assert text.endswith(f"{row['count']:.0f}")
    captions = page.locator(".moves").all_inner_texts()
    assert captions
    assert all(text == f"Windows of {windows[1]:g} ps." for text in map(str.strip, captions))
    slider = page.locator("[data-slider=window]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("report.state.at.window") == 2
    assert slider.get_attribute("aria-valuetext").startswith(f"{windows[2]:g} ps, ")
    held = results.displacement_data["window"].values
    for k, nearest in ((list(windows).index(held[-1]), held[-1]), (0, held[0])):
        slider.fill(str(k))
        settle(page)
        words = page.locator("[data-chart=displacement-shares-1] svg text").all_text_contents()
        assert f"windows of {nearest:g} ps" in words


def test_times_with_rounding_errors_of_files_are_shortened(browser, page_file):
    page = Watched(browser, page_file).page
    shown = page.evaluate("""() => {
        const one = document.querySelector('[data-slider=window]');
        report.store.sliders.window.values[1] = 1.9999999629143952;
        one.value = 1;
        one.dispatchEvent(new Event('input', { bubbles: true }));
        return [one.nextElementSibling.textContent, one.getAttribute('aria-valuetext'),
                document.querySelector('.moves').textContent];
    }""")
    assert [text.split(",")[0].strip() for text in shown] == ["2 ps", "2 ps", "Windows of 2 ps."]
    page.close()


def test_lines_are_zoomed_and_shown_whole_again(page):
    """With Shift and the wheel, and with the button; the wheel alone scrolls the page."""
    labels = page.locator("[data-chart='conductivity'] .role-axis-label text")
    figure = page.locator("[data-chart='conductivity'] svg")
    whole = labels.all_inner_texts()

    def turn_wheel():
        figure.scroll_into_view_if_needed()
        box = figure.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.wheel(0, -300)
        settle(page)

    turn_wheel()
    assert labels.all_inner_texts() == whole
    page.keyboard.down("Shift")
    turn_wheel()
    page.keyboard.up("Shift")
    for _ in range(50):
        if labels.all_inner_texts() != whole:
            break
        page.wait_for_timeout(20)
    assert labels.all_inner_texts() != whole
    page.click("button[type=reset]")
    for _ in range(200):
        if labels.all_inner_texts() == whole:
            break
        page.wait_for_timeout(20)
    assert labels.all_inner_texts() == whole


def test_resolution_and_horizon_move_their_figures(page):
    page.evaluate("""() => {
        for (const name of ['resolution', 'horizon']) {
          const one = document.querySelector(`[data-slider=${name}]`);
          one.value = name === 'horizon' ? 3 : 1;
          one.dispatchEvent(new Event('input', { bubbles: true }));
        }
    }""")
    settle(page)
    at = page.evaluate("""['horizon-1', 'resolution-1'].map(name => {
        const { view } = report.views.get(name);
        return [view.signal('at_resolution'), view.signal('at_horizon')];
    })""")
    values = page.evaluate(
        "[report.store.sliders.resolution.values[1], report.store.sliders.horizon.values[3]]"
    )
    assert at == [values, values]


def test_files_equal_the_data_to_the_last_digit(page, results, tmp_path):
    with page.expect_download() as waited:
        page.locator("[data-table='transport'] button", has_text="CSV").click()
    waited.value.save_as(tmp_path / "transport.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "transport.csv").read_text("utf-8"))))
    table = results.transport()
    assert [row["quantity"].removeprefix("'") for row in rows] == list(table.index)
    for row, (_, known) in zip(rows, table.iterrows(), strict=True):
        for name in ("value", "low", "high"):
            given = float(row[name] or "nan")
            np.testing.assert_array_equal(given, known[name])  # not one bit apart


def test_no_cell_of_a_file_is_a_formula(page):
    text = page.evaluate("report.csvOf(report.store.data['contributions-by-window'])")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0][:3] == ["species", "event", "label"]
    names = {row[0] for row in rows[1:]}
    assert names == {"ion", HOSTILE}
    made = page.evaluate("""report.csvOf({ columns: [['a', '', true]],
        rows: [['=1+1'], ['+x'], ['-2'], ['+'], ['@a'], [' =1'], ['Li+'], [-2.5e-7], [null],
               ['a"b,c']] })""")
    cells = [row[0] if row else "" for row in csv.reader(io.StringIO(made))][1:]
    assert cells == ["'=1+1", "'+x", "-2", "+", "'@a", "' =1", "Li+", "-2.5e-7", "", 'a"b,c']


def test_tables_are_copied_as_markdown_and_latex(page):
    found = page.evaluate("""() => {
        const table = document.querySelector('[data-table="onsager-coefficients"] table');
        return [report.markdownOf(table), report.latexOf(table)];
    }""")
    markdown, latex = found
    lines = markdown.strip().splitlines()
    assert lines[1] == "| :--- | ---: | ---: | ---: |"
    assert {line.count(" | ") for line in lines} == {3}
    assert r"\<b\>\&\_1" in markdown
    assert r"$<$b$>$\&\_1" in latex
    assert r"$\times$10$^{" in latex
    assert latex.count(r"\\") == len(lines) - 1


def test_copied_tables_hold_names_as_text(page):
    """What Markdown of any dialect and LaTeX would take for more than text is marked as text."""
    found = page.evaluate("""() => {
        const table = document.querySelector('[data-table="onsager-coefficients"] table');
        const other = table.cloneNode(true);
        const names = ["[BMIM]⁺", "*", "PF₆⁻", "~~a~~ &lt; $x$ :smile: @me #1 ![b](c)"];
        const rows = [...other.tBodies[0].rows];
        const known = rows[0];
        for (const row of rows) row.remove();
        for (const name of names) {
            const row = known.cloneNode(true);
            row.cells[0].textContent = name;
            other.tBodies[0].append(row);
        }
        return [report.markdownOf(other), report.latexOf(other)];
    }""")
    markdown, latex = found
    assert r"| \~\~a\~\~ \&lt; \$x\$ \:smile\: \@me \#1 \!\[b\](c) |" in markdown
    rows = [line for line in latex.splitlines() if line.endswith(r"\\")]
    assert rows[1].startswith("{[}BMIM]$^{+}$ & ")
    assert rows[2].startswith("{*} & ")
    assert rows[3].startswith("PF$_{6}$$^{-}$ & ")


def test_hostile_names_are_text(page):
    assert page.locator("b:not(.tree b, .formula b)").count() == 0
    assert page.locator("td", has_text=HOSTILE).count() > 0
    page.locator("[data-chart=contributions] path[aria-label*='species: <b>']").last.hover(
        position={"x": 4, "y": 4}
    )
    tip = page.locator("#vg-tooltip-element.visible")
    assert tip.locator("td", has_text="contribution, S/m").count() == 1
    assert tip.locator("b").count() == 0


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_and_widths(browser, page_file, width, scheme, axe):
    watched = Watched(
        browser, page_file, viewport={"width": width, "height": 844}, color_scheme=scheme
    )
    page = watched.page
    watched.unfold()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ink, paper = page.evaluate("""() => [
        getComputedStyle(document.querySelector('.drawing svg text')).fill,
        getComputedStyle(document.body).backgroundColor,
    ]""")
    light = [sum(map(int, color[4:-1].split(","))) / 765 for color in (ink, paper)]
    assert (light[0] > light[1]) is (scheme == "dark")
    assert abs(light[0] - light[1]) > 0.6
    if axe is not None:
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        grave = [
            (one["id"], one["nodes"][0]["html"][:120])
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert grave == []
    assert watched.complaints == []
    page.close()


@pytest.fixture(scope="module")
def axe():
    """The script of axe-core, from the folder of npm packages in AXE_CORE; None without it."""
    path = Path(os.environ.get("AXE_CORE", "node_modules")) / "axe-core" / "axe.min.js"
    return path.read_text("utf-8") if path.is_file() else None


def test_paper_has_all_sections_unfolded(browser, page_file):
    watched = Watched(browser, page_file, viewport={"width": 1280, "height": 900})
    written = watched.page.pdf(format="A4", prefer_css_page_size=True)
    assert written.startswith(b"%PDF")
    watched.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    folded = watched.page.evaluate(
        "[...document.querySelectorAll('details:not(.screen):not(.screen *)')]"
        ".filter(one => !one.open).length"
    )
    assert folded == 0
    watched.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert watched.page.locator("details.section[open]").count() == 0
    watched.page.close()


def pages_of(pdf):
    """Number of pages of a PDF of Chromium."""
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "most"), [("liquid", 6), ("crystal", 6), ("polymer", 6), ("melt", 10)]
)
def test_pages_of_the_demos(browser, tmp_path, name, most):
    """Small, short on paper, and without a complaint wherever the sliders are."""
    path = DEMOS[name](getattr(datasets, name)()).run().results.report(tmp_path / f"{name}.html")
    assert path.stat().st_size < 1_600_000
    words = re.sub(r"<script.*?</script>", "", path.read_text("utf-8"), flags=re.S)
    assert re.findall(r"\d\s%", words) == []
    watched = Watched(browser, path, viewport={"width": 1280, "height": 900})
    page = watched.page
    assert 3 < pages_of(page.pdf(format="A4", prefer_css_page_size=True)) <= most
    watched.unfold()
    for slider in page.locator("[data-slider]").all():
        for k in range(int(slider.get_attribute("max")) + 1):
            slider.fill(str(k))
            settle(page)
            assert watched.complaints == [], (name, slider.get_attribute("data-slider"), k)
    page.set_viewport_size({"width": 390, "height": 844})
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    broken = page.locator("th > button.key").evaluate_all(
        "all => all.filter(one => one.offsetHeight > 30 && !/[ -]/.test(one.textContent)).length"
    )
    assert broken == 0
    page.close()


def test_a_link_unfolds_its_section(browser, page_file):
    watched = Watched(browser, page_file, viewport={"width": 1280, "height": 900})
    watched.page.click("nav a[href='#macrostates']")
    watched.page.wait_for_function("document.getElementById('macrostates').open")
    assert watched.page.locator("details.section[open]").count() == 1
    watched.page.close()


def test_several_results_in_one_page(browser, results, tmp_path):
    path = write_report([results, results], tmp_path / "two.html")
    watched = Watched(browser, path, viewport={"width": 1280, "height": 900})
    page = watched.page
    watched.unfold()
    runs = json.loads(page.evaluate("JSON.stringify(report.store.data['values-by-run'].rows)"))
    assert len({row[1] for row in runs}) == 2
    key = next(k for k in drawn_keys(page)["transport-by-run-1"] if k.startswith("run:"))
    page.locator(f"button.key[data-key='{key}']").first.click()
    settle(page)
    assert [name for name, keys in drawn_keys(page).items() if key in keys] == []
    assert watched.complaints == []
    page.close()


def test_numbers_can_be_read_without_scripts(browser, page_file, results):
    page = new_page(browser, java_script_enabled=False)
    page.goto(page_file.as_uri())
    page.click("summary:has-text('Transport coefficients')")
    assert page.locator("th", has_text="Nernst-Einstein conductivity").is_visible()
    assert page.locator("noscript").count() == 1
    assert not page.locator("form.controls").is_visible()
    page.close()


def test_the_network_of_hops(browser, tmp_path):
    """Of one run, and with barriers of two: legends hide channels, also in the tables."""
    path = hopping_run().results.report(tmp_path / "hops.html")
    watched = Watched(browser, path, viewport={"width": 390, "height": 844})
    page = watched.page
    watched.unfold()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    key = "channel:a-b 2.50 Å"
    assert key in drawn_keys(page)["hop-network-1"]
    page.locator(f"table button.key[data-key='{key}']").first.click()
    settle(page)
    assert key not in drawn_keys(page)["hop-network-1"]
    words = page.locator("[data-chart=hop-network-1] svg text").all_text_contents()
    assert {"a", "b"} <= set(words)
    two = [hopping_run().results, hopping_run(400, 0.1).results]
    page.goto(write_report(two, tmp_path / "two.html").as_uri())
    page.evaluate("report.ready")
    watched.unfold()
    assert {"channel:a->b 2.50 Å", "channel:b->a 2.50 Å"} <= set(drawn_keys(page)["hop-barriers"])
    assert watched.complaints == []
    page.close()

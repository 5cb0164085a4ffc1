"""The dashboard in a real browser: from `ddcore serve`, and as the site that `ddcore export-site` writes."""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

import ddcore

TIMEOUT = 60  # seconds; nothing here takes as long
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")

# Each view with what its charts are called, and a word that it must show.
VIEWS = {
    "curves": (["pile-valppl by model size"], "all 2"),
    "finetuning": ([], "FT primary metrics"),
    "decisions": (["Decision accuracy for 20M", "Compute frontier on olmes_10_macro_avg"], "Target size"),
    "runs": (["Training loss by step"], "gaps"),
    "questions": (["arc_easy, question"], "share_learnt"),
    "predictions": (["Predicted against actual, early"], "100 %"),
    "tables": ([], "Task results, one row per checkpoint"),
}


def cli(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ddcore", *arguments]


@pytest.fixture(scope="module")
def shown(workplace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with predictions, their intervals named as by ddcore.predict."""
    path = tmp_path_factory.mktemp("dashboard") / "my.lake"
    shutil.copytree(workplace / "my.lake", path)
    rows = {"recipe": ["C4", "Dolma1.7", "C4"], "model": ["ridge", "ridge", "mean"], "actual": [0.4, 0.5, 0.4]}
    rows |= {"predicted": [0.41, 0.47, 0.45], "lower_90": [0.38, 0.43, None], "upper_90": [0.44, 0.51, None]}
    ddcore.open(path).save_predictions(rows, "early")
    return path


@contextlib.contextmanager
def serving(lake: Path, *options: str) -> Iterator[str]:
    """Serve a lake with the installed command; give the address that it prints."""
    command = cli("serve", str(lake), "--port", "0", *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            address = server.stdout.readline().strip()
            assert address.startswith("http://"), server.communicate()
            yield address.rstrip("/")
        finally:
            server.terminate()
        server.communicate(timeout=TIMEOUT)
        assert server.returncode == 0  # to stop a server is no error


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A static host that says nothing."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def served(shown: Path) -> Iterator[str]:
    with serving(shown) as address:
        yield address


@pytest.fixture(scope="module")
def site(shown: Path) -> Iterator[str]:
    folder = shown.parent / "site"
    done = subprocess.run(
        cli("export-site", str(shown), str(folder)), capture_output=True, text=True, timeout=5 * TIMEOUT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not list(folder.glob("**/raw.*"))  # paths and texts of raw files are nobody else's business
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["served", "site"])
def address(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Give a function that opens a page; in the end nothing may have gone wrong in any of them."""
    problems: list[str] = []
    contexts: list[BrowserContext] = []

    def watch(page: Page, base: str) -> None:
        page.on("console", lambda m: problems.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: problems.append(f"error: {e}"))
        page.on("requestfailed", lambda r: problems.append(f"failed: {r.url}"))
        page.on("response", lambda r: problems.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
        page.on("request", lambda r: None if r.url.startswith((base, "blob:", "data:")) else problems.append(r.url))

    def opened(base: str, where: str = "", expected: int = 0, **options: Any) -> Page:
        origin = "/".join(base.split("/")[:3])
        context = browser.new_context(**options)
        context.set_default_timeout(TIMEOUT * 1000)
        contexts.append(context)
        page = context.new_page()
        if not expected:
            watch(page, origin)
        page.goto(f"{base}/#/{where}" if "?" not in base else base)
        page.wait_for_selector(".view[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


def charts(page: Page) -> list[str]:
    return [e.get_attribute("aria-label") or "" for e in page.locator(".canvas[data-drawn]").all()]


def turn_to(page: Page, view: str) -> None:
    page.locator(f"nav a[href='#/{view}']").click()
    page.wait_for_selector(f".view[data-view={view}][data-ready]")


def test_every_view_opens(open_page: Open, address: str) -> None:
    page = open_page(address)
    for view, (titles, word) in VIEWS.items():
        turn_to(page, view)
        assert page.locator(".notice.bad").count() == 0, page.locator(".notice.bad").all_inner_texts()
        found = charts(page)
        assert len(found) == len(titles), view
        for title in titles:
            assert any(f.startswith(title) for f in found), found
        expect(page.locator("main")).to_contain_text(word)
        assert page.locator("nav a[aria-current=page]").get_attribute("href") == f"#/{view}"


def test_it_fits_a_phone_and_every_control_has_a_name(open_page: Open, served: str) -> None:
    page = open_page(served, viewport={"width": 390, "height": 800})
    for view in VIEWS:
        turn_to(page, view)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, view
        assert nameless(page) == [], view


def nameless(page: Page) -> list[str]:
    """Give the controls that a screen reader has no words for."""
    found: list[str] = page.evaluate("""
        [...document.querySelectorAll("button, select, input, textarea, a[href], summary, [role=img]")].filter((e) => {
            const label = e.labels?.length ? e.labels[0].textContent : "";
            return !(e.getAttribute("aria-label") || label || e.textContent).trim() && !e.title && !e.placeholder;
        }).map((e) => e.outerHTML.slice(0, 120))""")
    return found


def test_what_is_seen_is_in_the_address(open_page: Open, served: str) -> None:
    page = open_page(served, "curves")
    page.get_by_label("Task", exact=True).select_option("arc_easy")
    page.get_by_role("radio", name="tokens").check()
    page.get_by_label("Recipes: choose").click()
    page.get_by_role("group", name="Recipes").get_by_label("Dolma1.7").uncheck()
    expect(page.locator(".canvas")).to_have_attribute(
        "aria-label", re.compile("^arc_easy: primary_metric by tokens seen")
    )
    again = open_page(served, urllib.parse.urlparse(page.url).fragment.removeprefix("/"))
    expect(again.locator(".canvas")).to_have_attribute(
        "aria-label", page.locator(".canvas").get_attribute("aria-label")
    )
    assert again.get_by_label("Task", exact=True).input_value() == "arc_easy"
    assert again.get_by_role("radio", name="tokens").is_checked()
    assert table_of(again).column("recipe").unique().to_pylist() == ["C4"]


def test_going_back_shows_the_former_view(open_page: Open, served: str) -> None:
    page = open_page(served, "curves?task=piqa")
    page.get_by_role("link", name="Decisions").click()
    page.wait_for_selector("[data-view=decisions][data-ready]")
    page.go_back()
    page.wait_for_selector("[data-view=curves][data-ready]")
    assert page.get_by_label("Task", exact=True).input_value() == "piqa"


def saved(page: Page, button: Any) -> bytes:
    with page.expect_download() as info:
        button.click()
    path = info.value.path()
    return Path(path).read_bytes()


def table_of(page: Page, fold: str = "Table") -> pa.Table:
    """The table behind a chart, by its export."""
    page.locator("details.data > summary", has_text=fold).first.click()
    place = page.locator("details.data[open]").first
    place.locator(".tabulator-row").first.wait_for()
    return pa.parquet.read_table(io.BytesIO(saved(page, place.get_by_role("button", name="Parquet"))))


def test_the_export_is_what_is_seen(open_page: Open, shown: Path, address: str) -> None:
    page = open_page(address, "finetuning?sort=-ft_arc_easy_primary_metric")
    page.get_by_label("Filter ckpt_params").fill("= 20M")
    page.get_by_label("Filter ft_arc_easy_primary_metric").fill("0.01..1")
    page.locator("summary", has_text="Columns").click()
    page.get_by_role("group", name="Columns").get_by_label("matched_group_name").uncheck()
    want = ddcore.open(shown).sql(
        "FROM matched_runs WHERE ckpt_params = '20M' AND ft_arc_easy_primary_metric BETWEEN 0.01 AND 1"
        " ORDER BY ft_arc_easy_primary_metric DESC, run_id"
    )
    assert want.num_rows > 1
    expect(page.locator(".count")).to_contain_text(f"{want.num_rows} of ")
    text = saved(page, page.get_by_role("button", name="CSV"))
    binary = saved(page, page.get_by_role("button", name="Parquet"))
    for got in (pa.csv.read_csv(io.BytesIO(text)), pa.parquet.read_table(io.BytesIO(binary))):
        assert "matched_group_name" not in got.column_names
        assert "pt_pile-valppl" not in got.column_names  # hidden at first
        got = got.sort_by([("ft_arc_easy_primary_metric", "descending"), ("run_id", "ascending")])
        for column in ("run_id", "lr", "ft_arc_easy_primary_metric", "pt_arc_easy_primary_metric", "ckpt_recipe"):
            assert got[column].to_pylist() == want[column].to_pylist(), column
    assert "filter=ckpt_params" in page.url
    assert "hide=matched_group_name" in page.url


def test_pictures(open_page: Open, address: str) -> None:
    page = open_page(address, "curves")
    assert saved(page, page.get_by_role("button", name="as PNG")).startswith(b"\x89PNG")
    picture = saved(page, page.get_by_role("button", name="as SVG")).decode()
    assert picture.startswith("<svg")
    assert "pile-valppl by model size" in picture


def test_equal_curves_do_not_cover_each_other(open_page: Open, served: str, shown: Path) -> None:
    (same,) = (
        ddcore.open(shown)
        .sql("""
            SELECT params, task, doc_id
            FROM (SELECT params, task, doc_id, recipe, list((step, accuracy) ORDER BY step) AS curve
                FROM question_curves GROUP BY ALL)
            GROUP BY ALL HAVING count(*) > 1 AND count(DISTINCT curve) = 1 ORDER BY ALL LIMIT 1""")
        .to_pylist()
    )
    page = open_page(served, "questions?params={params}&task={task}&doc={doc_id}".format(**same))
    picture = saved(page, page.get_by_role("button", name="as SVG")).decode()
    assert 'stroke-dasharray="8,8"' in picture
    assert "dashed: equal to the curve below" in picture


def test_meanings_are_not_cut(open_page: Open, served: str) -> None:
    page = open_page(served, "tables?table=main.evals")
    long = page.locator(".tabulator-cell.wrap", has_text="greatest tokens / greatest step").first
    assert long.evaluate("e => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight")


@pytest.mark.parametrize(
    "where",
    [
        "curves?x=tokens&params=4M&params=20M&recipe=C4",
        "curves?task=arc_easy&metric=acc_raw&x=compute&logx=no",
        "decisions",
        "questions?task=arc_easy&doc=1&recipe=C4",
        "runs",
        "predictions?model=ridge",
    ],
)
def test_the_code_gives_the_same_table(
    open_page: Open, served: str, shown: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(served, where)
    seen = table_of(page)
    page.locator("details.code > summary").first.click()
    code = page.locator("pre[data-language=Python]").first.inner_text()
    monkeypatch.chdir(shown.parent)  # the code opens the lake by its name
    space: dict[str, Any] = {}
    exec(code, space)
    table = space["table"]
    assert table.num_rows == seen.num_rows > 0
    assert set(seen.column_names) == set(table.column_names)
    for column in table.column_names:
        if pa.types.is_floating(table[column].type):
            a, b = (
                pc.sum(pc.if_else(pc.is_nan(t[column]), 0, t[column]).cast("double")).as_py() for t in (table, seen)
            )
            assert (a or 0) == pytest.approx(b or 0), column
    sql = page.locator("pre[data-language=SQL]")
    if sql.count():
        assert ddcore.open(shown).sql(sql.first.inner_text()).num_rows == table.num_rows


def test_the_box_for_sql(open_page: Open, served: str) -> None:
    page = open_page(served, "tables")
    page.locator("details.sql > summary").click()
    box = page.locator("#sql")
    box.fill("SELECT i, 'r' || i AS name FROM range(20000) AS t(i)")
    box.press("Control+Enter")
    expect(page.locator("details.sql .count")).to_have_text("the first 10,000 rows")
    assert page.locator("details.sql .tabulator-row").count() < 200  # only those in sight
    assert "sql=SELECT" in page.url


def test_the_box_tells_of_errors(open_page: Open, served: str) -> None:
    page = open_page(served, "tables?sql=" + urllib.parse.quote("FROM read_csv('/etc/hostname')"), expected=1)
    expect(page.locator("details.sql .notice.bad")).to_contain_text("not allowed here")
    page.locator("#sql").fill("FROM evalz")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("details.sql .notice.bad")).to_contain_text("evalz")


def test_a_site_has_no_box(open_page: Open, site: str) -> None:
    assert open_page(site, "tables").locator("#sql").count() == 0


def test_the_box_can_be_switched_off(open_page: Open, shown: Path) -> None:
    with serving(shown, "--no-sql") as address:
        assert open_page(address, "tables").locator("#sql").count() == 0


def test_a_token(open_page: Open, shown: Path) -> None:
    with serving(shown, "--token", "open-sesame") as address:
        page = open_page(address)
        assert "token" not in page.url
        assert charts(page)


def test_themes(open_page: Open, served: str) -> None:
    page = open_page(served, "curves", color_scheme="dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.get_by_role("button", name="Use the light theme").click()
    page.reload()
    page.wait_for_selector(".view[data-ready]")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_the_keyboard(open_page: Open, served: str) -> None:
    page = open_page(served, "curves")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the view"
    page.get_by_role("radio", name="size").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".canvas")).to_have_attribute("aria-label", re.compile("^pile-valppl by tokens seen"))
    page.get_by_label("Recipes: choose").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Recipes")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("group", name="Recipes")).to_be_hidden()
    turn_to(page, "runs")
    expect(page.locator(".tabulator-row[aria-selected=true]")).to_have_count(3)
    page.locator(".tabulator-row").nth(4).press("Enter")
    expect(page.locator(".tabulator-row[aria-selected=true]")).to_have_count(4)
    assert "run=" in page.url
    page.locator(".tabulator-col[tabulator-field=run_type]").press("Enter")
    expect(page.locator(".tabulator-col[tabulator-field=run_type]")).to_have_attribute("aria-sort", "ascending")


def test_a_view_without_its_table_says_what_to_do(open_page: Open, young: str) -> None:
    page = open_page(young)
    assert page.locator(".view").get_attribute("data-view") == "tables"  # what there is to see comes first
    for view in [v for v in VIEWS if v != "tables"]:
        turn_to(page, view)
        words = "save-predictions" if view == "predictions" else "ddcore curate"
        expect(page.locator(".notice")).to_contain_text(words)


@pytest.fixture(scope="module")
def young(workplace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A lake that was never curated."""
    path = tmp_path_factory.mktemp("young") / "young.lake"
    ddcore.open(path).ingest(workplace / "raw")
    with serving(path) as address:
        yield address


def test_errors_of_the_commands(shown: Path, tmp_path: Path) -> None:
    def fails(code: int, *arguments: str) -> str:
        env = {k: v for k, v in os.environ.items() if k != "DDCORE_LAKE"}
        done = subprocess.run(cli(*arguments), env=env, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        assert done.returncode == code, done.stderr
        return done.stderr

    assert "no lake was named" in fails(2, "serve")
    assert "there is no lake here" in fails(3, "serve", str(tmp_path / "none.lake"), "--port", "0")
    assert "not empty" in fails(2, "export-site", str(shown), str(shown.parent))
    with serving(shown) as address:
        port = address.rsplit(":", 1)[1]
        assert "the port is in use" in fails(5, "serve", str(shown), "--port", port)

"""The pages in a real browser, over a run that was really made: every view, filters, labelling."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_run import command, environment, run, two_rounds

pytestmark = pytest.mark.slow

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
if BROWSER is None:
    pytest.skip("no browser here: install Debian's package chromium", allow_module_level=True)
sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is in requirements/dev.txt"
)

LOOKS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run that two rounds were made of: labels are written into it."""
    copy = tmp_path_factory.mktemp("looked") / "runs" / "small"
    shutil.copytree(two_rounds(tmp_path_factory) / "runs" / "small", copy)
    return copy


@pytest.fixture(scope="module")
def address(run_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address that `prefloop inspect` prints; Ctrl-C ends it."""
    root = Path(__file__).resolve().parents[2]
    server = subprocess.Popen(
        command("inspect", str(run_dir), "--no-browser"),
        stdout=subprocess.PIPE,
        text=True,
        env=environment(tmp_path_factory.mktemp("prefect")) | {"PYTHONPATH": str(root)},
    )
    assert server.stdout is not None
    yield server.stdout.readline().strip()
    server.send_signal(signal.SIGINT)
    assert server.wait(20) == 0


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=quiet)
        yield opened
        opened.close()


class Looked:
    """A page of the browser, with what went wrong on it and what it asked of the network."""

    def __init__(self, browser: "sync_api.Browser", width: int = 1280, scheme: str = "light"):
        size = {"width": width, "height": 800}
        self.context = browser.new_context(viewport=size, color_scheme=scheme)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda said: self.wrong.append(f"{said.type}: {said.text}"))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("requestfailed", lambda request: self.wrong.append(f"failed: {request.url}"))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, url: str) -> "sync_api.Page":
        self.page.goto(url)
        self.page.wait_for_load_state("networkidle")
        return self.page

    def leaves(self, act: Callable[[], object]) -> None:
        """Do what leads to another page, and wait for all of that: a key before its scripts are
        there is lost, and what leaves before its icon is there breaks that off."""
        with self.page.expect_navigation():
            act()
        self.page.wait_for_load_state("networkidle")


def first_pair(run_dir: Path) -> str:
    import pyarrow.parquet as pq

    return pq.read_table(run_dir / "rounds/0002/pairs.parquet")["pair_id"][0].as_py()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_view_is_quiet_and_fits(
    browser: "sync_api.Browser", address: str, run_dir: Path, width: int, scheme: str
):
    looked = Looked(browser, width, scheme)
    pair = f"round/2/pair/{first_pair(run_dir)}"
    views = ("", "round/2", "round/2/pairs", pair, f"{pair}?markdown=1", "compare", "label")
    views += ("round/2/whatif?set=judge.tau=0.99",)
    for view in (*views, "label?queue=gate", "round/1/prompts?which=set_aside"):
        page = looked.open(address + view)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
        assert page.locator("h1").count() == 1, view
        if view in ("", "round/2"):
            assert page.locator("svg.plot").count() >= 4, view
    assert not looked.wrong
    assert looked.asked and all(url.startswith(address) for url in looked.asked)
    looked.context.close()


def test_a_filter_by_hand_and_its_address(browser: "sync_api.Browser", address: str, run_dir: Path):
    import pyarrow.parquet as pq

    kept = pq.read_table(run_dir / "rounds/0002/pairs.parquet").to_pylist()
    looked = Looked(browser)
    page = looked.open(f"{address}round/2/pairs")
    page.select_option("select[name=outcome]", "kept")
    page.select_option("select[name=sort]", "-margin")
    page.fill("input[name=margin_from]", "3")
    looked.leaves(lambda: page.click("button:text('show')"))
    wanted = [row["pair_id"] for row in kept if (row["margin"] or 0) >= 3]

    def ids(page: "sync_api.Page") -> list[str]:
        links = page.locator("[data-row] td:first-child a").all()
        return [str(link.get_attribute("href")).split("/")[-1].partition("?")[0] for link in links]

    assert sorted(ids(page)) == sorted(wanted)
    other = Looked(browser)
    assert ids(other.open(page.url)) == ids(page)
    page.keyboard.press("j")
    looked.leaves(lambda: page.keyboard.press("Enter"))
    assert ids(other.page)[0] in page.url
    if len(wanted) > 1:
        looked.leaves(lambda: page.keyboard.press("j"))
        assert ids(other.page)[1] in page.url
    looked.leaves(lambda: page.keyboard.press("u"))
    assert "/pairs?" in page.url
    assert ids(page) == ids(other.page)
    assert not looked.wrong


def test_labelling_by_keyboard(browser: "sync_api.Browser", address: str, run_dir: Path):
    looked = Looked(browser)
    page = looked.open(f"{address}label?by=ann&round=2")
    path, kappas = run_dir / "labels" / "people.jsonl", []

    def press(key: str, lines: int) -> None:
        before = page.locator("#count").inner_text()
        page.keyboard.press(key)
        page.wait_for_function(
            "text => document.getElementById('count').innerText !== text", arg=before
        )
        assert len(path.read_text().splitlines()) == lines

    for lines, key in enumerate("1212123", start=1):
        press(key, lines)
        kappas.append(page.locator("#kappa").inner_text() if page.locator("#kappa").count() else "")
    assert "8 of" in page.locator("#count").inner_text()
    press("z", 8)
    assert "7 of" in page.locator("#count").inner_text()
    page.keyboard.press("n")
    page.keyboard.type("1 is no vote here")
    page.keyboard.press("Enter")
    press("s", 9)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows[7]["undoes"] == rows[6]["label_id"]
    assert rows[8]["note"] == "1 is no vote here" and rows[8]["verdict"] == "skip"
    assert len(set(kappas)) > 1, "the judge's agreement moves"
    assert not looked.wrong


def test_the_report_opens_from_disk_without_a_network(
    browser: "sync_api.Browser", run_dir: Path, tmp_path: Path
):
    run(tmp_path, "report", str(run_dir), "--to", "out.html")
    left = run_dir / "rounds" / "0002" / "report.html"
    for path in (tmp_path / "out.html", left):
        looked = Looked(browser)
        looked.context.set_offline(True)
        page = looked.open(path.as_uri())
        assert page.locator("svg.plot").count() >= 4
        assert not looked.wrong
        assert all(url.startswith(("file:", "data:")) for url in looked.asked)
    assert os.path.getsize(left) < 3_000_000

"""Take the picture of the report in the documentation: python docs/make_report_image.py

Writes docs/images/report.png from the shipped liquid; needs Playwright and Chromium.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from mda_ionmech import datasets
from mda_ionmech.cli.demos import liquid_analysis

IMAGE = Path(__file__).parent / "images" / "report.png"


def main() -> None:
    """Write the picture."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        run = liquid_analysis(datasets.liquid()).run()
        page_file = run.results.report(Path(folder) / "liquid.html")
        started = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = started.new_page(viewport={"width": 1100, "height": 900})
        page.goto(page_file.as_uri())
        page.evaluate("report.ready")
        page.screenshot(path=IMAGE)
        started.close()
    # a palette suffices for text and flat bars
    Image.open(IMAGE).convert("RGB").quantize(256).save(IMAGE, optimize=True)


if __name__ == "__main__":
    main()

"""Takes the README's picture of the gallery: the matrix of examples/icons, in docs/gallery.webp.

Run it after `imgbuild -C examples/icons build`, from anywhere. It needs chromium, and the extra `dev`.
"""

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "gallery.webp"
VIEW = "#view=matrix&asset=icons%2Ficon&rows=v.shape&cols=v.color"
SIZE = {"width": 1060, "height": 972}
SMALL = "localStorage.setItem('imgbuild.cell', '0')"  # cells so small that the whole matrix is seen


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        export(Path(folder) / "site")
        shot = photograph((Path(folder) / "site" / "index.html").as_uri() + VIEW)
    Image.open(io.BytesIO(shot)).convert("RGB").save(PICTURE, quality=86, method=6)


def export(site: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "imgbuild",
        "-C",
        str(ROOT / "examples/icons"),
        "gallery",
        "-o",
        str(site),
    ]
    subprocess.run(command, check=True, cwd=ROOT)


def photograph(address: str) -> bytes:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_page(viewport=SIZE, device_scale_factor=1.5, reduced_motion="reduce")
        page.add_init_script(SMALL)
        page.goto(address)
        page.wait_for_selector("body.ready")
        page.wait_for_function("!document.querySelector('#matrix .pic:not(.here)')")
        shot = page.screenshot()
        browser.close()
    return shot


if __name__ == "__main__":
    main()

"""Makes live.webp, with which README.md opens: the page of a real run, played back in the browser of this system.

Run it from the root of the repository: ``.venv/bin/python docs/images/live.py``. It needs the extra dev and Chromium.
"""

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from bidswarm import run
from scenarios.live.guard import guard_of
from scenarios.live.playback import Playback
from scenarios.live.serving import bound, served_beside, url_of

TARGET = Path(__file__).with_suffix(".webp")
SIZE = {"width": 1280, "height": 800}
WIDTH = 960
FRAMES, EVERY_MS, SHOWN_MS = 44, 150, 120
LAST_MS = 2_500


def frames(page: Page) -> list[Image.Image]:
    """Pictures of the page, evenly in time, from the opening of the market on."""
    taken = []
    for _ in range(FRAMES):
        shot = Image.open(io.BytesIO(page.screenshot()))
        taken.append(shot.convert("RGB").resize((WIDTH, WIDTH * shot.height // shot.width), Image.Resampling.LANCZOS))
        page.wait_for_timeout(EVERY_MS)
    return taken


def main() -> None:
    """Run the market, film its page, and write the file."""
    with tempfile.TemporaryDirectory() as out:
        folder = Path(run("neighbourhood", world="sim", seed=1, out=out, pictures=False).summary.run_dir)
        playback = Playback(folder, 0.5)
        playback.pace.pause(0.0)
        guard, listening = guard_of("127.0.0.1", None), bound("127.0.0.1", 0)
        with served_beside(playback, guard, listening), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport=SIZE)
            page.goto(url_of(listening, guard))
            page.get_by_role("button", name="Play", exact=True).click()
            taken = frames(page)
            browser.close()
    durations = [SHOWN_MS] * (len(taken) - 1) + [LAST_MS]
    taken[0].save(TARGET, save_all=True, append_images=taken[1:], duration=durations, loop=0, quality=62, method=6)


if __name__ == "__main__":
    main()

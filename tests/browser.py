"""A headless Chromium for tests, driven through chromedriver by the protocol of WebDriver."""

import base64
import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
DRIVER = shutil.which("chromedriver") or ""
REASON = "there is no chromium with chromedriver here"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@dataclass(frozen=True)
class Browser:
    """A window of the browser."""

    port: int
    session: str

    def _ask(self, method: str, path: str, body: dict | None = None):
        return ask(self.port, method, f"/session/{self.session}/{path}", body)

    def open(self, page: Path) -> None:
        self._ask("POST", "url", {"url": page.resolve().as_uri()})

    def run(self, script: str, *arguments: object):
        """What a script returns."""
        return self._ask("POST", "execute/sync", {"script": script, "args": list(arguments)})

    def command(self, name: str, **given: object):
        """A command of Chromium's own protocol."""
        return self._ask("POST", "goog/cdp/execute", {"cmd": name, "params": given})

    def resize(self, width: int, height: int, scale: float = 1) -> None:
        """Show the page as a device of that width does."""
        device = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
        self.command("Emulation.setDeviceMetricsOverride", **device)

    def point(self, x: float, y: float) -> None:
        """Move the pointer to a place in the window."""
        self.command("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.settle()

    def press(self, key: str) -> None:
        """Press a key."""
        codes = {"ArrowRight": 39, "ArrowLeft": 37, "ArrowDown": 40, "ArrowUp": 38, "Home": 36, "End": 35, "Tab": 9}
        for kind in ("keyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key])
        self.settle()

    def settle(self) -> None:
        """Wait until the page has been drawn again, for events come with its frames."""
        self.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def picture(self, path: Path) -> Path:
        """All of the page as a picture."""
        given = self.command("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        path.write_bytes(base64.b64decode(given["data"]))
        return path

    def print(self, path: Path) -> Path:
        """The page as PDF, A4."""
        given = self.command("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        path.write_bytes(base64.b64decode(given["data"]))
        return path

    def complaints(self) -> list[str]:
        """What the console has said since the last time it was asked."""
        return [entry["message"] for entry in self._ask("POST", "se/log", {"type": "browser"})]

    def requests(self) -> list[str]:
        """Addresses that were asked for since the last time, but for what the page itself holds."""
        messages = [
            json.loads(entry["message"])["message"] for entry in self._ask("POST", "se/log", {"type": "performance"})
        ]
        sent = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
        return [address for address in sent if not address.startswith("data:")]


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen([DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        options = {
            "goog:chromeOptions": {"binary": CHROMIUM, "args": [*FLAGS]},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = ask(port, "POST", "/session", {"capabilities": {"alwaysMatch": options}})["sessionId"]
        yield Browser(port, session)
        ask(port, "DELETE", f"/session/{session}")
    finally:
        driver.terminate()
        driver.wait(30)


def ask(port: int, method: str, path: str, body: dict | None = None):
    """What chromedriver answers."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=180)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = json.loads(connection.getresponse().read())["value"]
    if isinstance(answer, dict) and "error" in answer:
        raise RuntimeError(answer["message"])
    return answer


def _wait(port: int) -> None:
    """Wait until chromedriver answers."""
    for _ in range(200):
        with contextlib.suppress(OSError, http.client.HTTPException):
            ask(port, "GET", "/status")
            return
        time.sleep(0.1)
    raise RuntimeError("chromedriver does not answer")

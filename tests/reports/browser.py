"""A headless Chromium, driven through its DevTools protocol; only what the tests need of it."""

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_SECONDS = 60.0
TROUBLE = {"error", "warning", "assert"}


def chromium() -> str | None:
    """The browser of this machine, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Browser:
    """One tab. It remembers what went wrong in it, and every address it was made to ask."""

    socket: ClientConnection
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _last: int = 0

    def send(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol and wait for its result."""
        self._last += 1
        self.socket.send(json.dumps({"id": self._last, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv(timeout=PATIENCE_SECONDS))
            if message.get("id") == self._last:
                assert "error" not in message, (method, message)
                return message["result"]
            self._hear(message.get("method", ""), message.get("params", {}))

    def open(self, page: Path, width: int, theme: str, height: int = 900) -> None:
        """Open a page on a screen of that width and theme, and wait until its figures are drawn."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": theme}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        self.send("Page.navigate", url=page.as_uri())
        self.wait_for("document.documentElement?.dataset.drawn !== undefined")

    def wait_for(self, condition: str) -> None:
        """Wait until a JavaScript expression is true."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not self.value(condition):
            assert time.monotonic() < until, f"{condition}; {self.errors}"
            time.sleep(0.05)

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression, or of the promise that it is."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def screenshot(self) -> bytes:
        """The whole page as a PNG."""
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def colours(self, png: bytes) -> int:
        """How many different colours a picture has, counted by the browser itself."""
        address = "data:image/png;base64," + base64.b64encode(png).decode()
        return self.value(f"({COUNT_COLOURS})({json.dumps(address)})")

    def _hear(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in TROUBLE:
            self.errors.append(json.dumps(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in TROUBLE:
            self.errors.append(params["entry"]["text"])


COUNT_COLOURS = """async (address) => {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, picture.width, picture.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""


@contextmanager
def started(program: str, profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile, ended at the end."""
    command = [
        program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with connect(_address(process, profile), max_size=None) as socket:
            browser = Browser(socket)
            target = browser.send("Target.createTarget", url="about:blank")["targetId"]
            port = socket.remote_address[1]
        with connect(f"ws://127.0.0.1:{port}/devtools/page/{target}", max_size=None) as socket:
            browser = Browser(socket)
            for domain in ("Page", "Runtime", "Network", "Log"):
                browser.send(f"{domain}.enable")
            yield browser
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_SECONDS)


def _address(process: subprocess.Popen[bytes], profile: Path) -> str:
    """Where the browser listens, which it writes into its profile when it does."""
    file, until = profile / "DevToolsActivePort", time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, f"the browser ended with {process.returncode}"
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.05)
    raise AssertionError("the browser did not begin to listen")

"""A headless Chromium, driven over a pair of pipes by its DevTools protocol: no port, no client library."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless",
    "--no-sandbox",  # a container's root has no other way
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_HEARD = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Network.requestWillBeSent")


def executable() -> str:
    """The browser of this machine; `.ci/run` installs one where apt can."""
    found = next(filter(None, map(shutil.which, (os.environ.get("SMART_TRADER_CHROMIUM", ""), *_NAMES))), None)
    if found is None:
        raise FileNotFoundError("no Chromium: install one (Debian: apt install chromium) or set SMART_TRADER_CHROMIUM")
    return found


class Tab:
    """One page. `events` are what it said, logged, threw and asked the network for since it was opened."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._buffer, self._last, self._session = b"", 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the browser and wait for the answer; raises RuntimeError if it refuses."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            heard = self._hear()
            if heard.get("id") == self._last:
                if "error" in heard:
                    raise RuntimeError(f"{method}: {heard['error']}")
                answer: dict[str, Any] = heard["result"]
                return answer

    def open(self, address: str) -> None:
        """Load a page and wait until all of it is there."""
        self.events.clear()
        self.call("Page.navigate", url=address)
        while not self.evaluate("document.readyState == 'complete'"):
            pass

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise; raises RuntimeError if it throws."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"])[:1000])
        return found["result"].get("value")

    def show(self, *, width: int, height: int = 900, scheme: str = "light") -> None:
        """Take on the size and the colours of a screen."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, target: Path, *, most: int = 6000) -> None:
        """The page from its top as PNG, `most` pixels of it."""
        width, height = self.evaluate("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, most), "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        target.write_bytes(base64.b64decode(shot["data"]))

    def heard(self, *methods: str) -> list[dict[str, Any]]:
        """Events of these kinds."""
        self.evaluate("new Promise(done => setTimeout(done, 50))")  # what is under way arrives first
        return [event["params"] for event in self.events if event["method"] in methods]

    def _hear(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            chunk = os.read(self._receive, 1 << 16)
            if not chunk:
                raise RuntimeError("the browser has ended")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\0")
        heard: dict[str, Any] = json.loads(line)
        if heard.get("method") in _HEARD:
            self.events.append(heard)
        return heard


@contextlib.contextmanager
def browsing(profile: Path) -> Iterator[Tab]:
    """A tab of a new browser whose profile is kept in the folder `profile`."""
    to_browser, send = os.pipe()
    receive, from_browser = os.pipe()

    def hand_over() -> None:  # the protocol reads from 3 and writes to 4
        spare = [os.dup2(fd, free) for fd, free in ((to_browser, 10), (from_browser, 11))]
        os.dup2(spare[0], 3)
        os.dup2(spare[1], 4)

    process = subprocess.Popen(
        [executable(), *FLAGS, f"--user-data-dir={profile}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=hand_over,
        close_fds=False,
    )
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield Tab(send, receive)
    finally:
        os.close(send)
        os.close(receive)
        process.terminate()
        process.wait(timeout=20)

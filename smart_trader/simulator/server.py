"""The simulator as a server on loopback: BirdEye under `url`, Helius under `helius_url`."""

import time
from collections import Counter
from dataclasses import dataclass
from socket import socket
from threading import Lock
from types import TracebackType
from typing import Any, Literal, Self

from smart_trader.simulator.birdeye import ENDPOINTS, Answer, BirdEye, refusal
from smart_trader.simulator.faults import ANSWERED_AFTER_THE_WRITE, ANSWERS, CONNECTION, Fault, Faults
from smart_trader.simulator.helius import Helius
from smart_trader.simulator.http import Listener, Request, Response, read_request
from smart_trader.simulator.market import Market
from smart_trader.simulator.misbehaviour import CLOUDFLARE, disturb_connection, faulty_response, too_many

_SECRET_HEADERS = {"x-api-key", "authorization", "cookie"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A received request without its secrets."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    """Parsed JSON, or None."""
    status: int
    """The status of the answer; 0 if a fault of the connection replaced it."""
    at: float
    """`time.monotonic()` when it arrived."""
    fault: str | None


class Simulator:
    """A server of `market` within a context. After `market` is set to a later one, the answers come from that one.

    api_key: what X-API-KEY must be, None for anything. requests_per_second: more in one second of the clock
    get 429, with `retry_after` as told. inclusive_bounds: whether `before_time` and `after_time` include their
    second; the API's way is unknown.
    """

    def __init__(
        self,
        market: Market,
        *,
        faults: Faults | None = None,
        port: int = 0,
        api_key: str | None = None,
        helius_key: str | None = None,
        requests_per_second: int | None = None,
        retry_after: Literal["seconds", "date", "none"] = "seconds",
        inclusive_bounds: bool = False,
        helius: Helius | None = None,
    ) -> None:
        self.faults = faults or Faults()
        self.requests: list[Seen] = []
        self.helius = helius or Helius(key=helius_key)
        self._birdeye = BirdEye(market, inclusive_bounds=inclusive_bounds)
        self._api_key, self._per_second, self._retry_after = api_key, requests_per_second, retry_after
        self._calls = Counter[int]()
        self._lock = Lock()
        self._listener = Listener(port, self._serve)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.port}"

    helius_url = url

    @property
    def market(self) -> Market:
        return self._birdeye.market

    @market.setter
    def market(self, later: Market) -> None:
        self._birdeye.market = later

    def __enter__(self) -> Self:
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.stop()

    def _serve(self, connection: socket) -> None:
        with connection.makefile("rb") as stream:
            while (request := read_request(stream)) is not None:
                at = time.monotonic()
                response, fault = self._respond(request)
                is_disturbed = fault is not None and fault.kind in CONNECTION
                self._note(request, 0 if is_disturbed else response.status, at, fault)
                if fault is not None and is_disturbed:
                    disturb_connection(fault, connection, response.encoded(request), self._listener)
                    return
                connection.sendall(response.encoded(request))
                if request.headers.get("connection", "").lower() == "close":
                    return

    def _respond(self, request: Request) -> tuple[Response, Fault | None]:
        """The answer, and the fault of this call, which is the answer itself or comes on its way to the client."""
        remaining = self._remaining_calls()
        limits = {
            "x-ratelimit-limit": str(self._per_second or 100),
            "x-ratelimit-remaining": str(max(0, remaining)),
            "x-ratelimit-reset": str(int(time.time()) + 1),
        }
        if remaining < 0:
            return too_many(self._retry_after, 1.0, limits), None
        if request.path.startswith("/v0/"):
            return self._respond_as_helius(request)
        if "user-agent" not in request.headers:
            return Response(403, CLOUDFLARE, {"Content-Type": "text/html"}), None
        answer = self._answer_as_birdeye(request)
        endpoint, address = ENDPOINTS.get(request.path, "other"), request.query.get("address")
        fault = self.faults.due(endpoint, address, _pages(request, answer))
        response = Response(answer.status, answer.text.encode(), limits)
        if fault is not None and fault.kind in ANSWERS:
            return faulty_response(fault, request, response, self._listener.port), fault
        return response, fault

    def _answer_as_birdeye(self, request: Request) -> Answer:
        if self._api_key is not None and request.headers.get("x-api-key") != self._api_key:
            return refusal(
                401, "Your API key is either suspended or lacks sufficient permissions to access this resource"
            )
        if request.method != "GET":
            return refusal(404, "Not found")
        return self._birdeye.answer(request.path, request.query)

    def _respond_as_helius(self, request: Request) -> tuple[Response, Fault | None]:
        fault = self.faults.due("webhooks", request.path.rpartition("/")[2], ())
        if fault is None or fault.kind in ANSWERED_AFTER_THE_WRITE:
            response = self.helius.respond(request, fault.kind if fault else None)
        else:
            response = self.helius.error_in_success() if fault.kind == "error-200" else Response(200, b"")
        if fault is not None and fault.kind in ANSWERS:
            response = faulty_response(fault, request, response, self._listener.port)
        return response, fault

    def _remaining_calls(self) -> int:
        """Calls left in this second of the clock after this one; a negative number means too many calls."""
        if self._per_second is None:
            return 99
        second = int(time.time())
        with self._lock:
            self._calls[second] += 1
            return self._per_second - self._calls[second]

    def _note(self, request: Request, status: int, at: float, fault: Fault | None) -> None:
        try:
            body = request.json() if request.body else None
        except ValueError:
            body = None
        if isinstance(body, dict) and "authHeader" in body:
            body["authHeader"] = "***"
        query = {name: value for name, value in request.query.items() if name != "api-key"}
        headers = {name: "***" if name in _SECRET_HEADERS else value for name, value in request.headers.items()}
        kind = fault.kind if fault else None
        self.requests.append(Seen(request.method, request.path, query, headers, body, status, at, kind))


def _pages(request: Request, answer: Answer) -> set[str]:
    is_first, is_last = request.query.get("offset", "0") == "0", not answer.has_next
    return {name for name, holds in (("first", is_first), ("last", is_last)) if holds} or {"middle"}

"""Helius' webhooks with their traps (reference §12), kept in memory."""

import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from smart_trader.simulator.addresses import address, is_address
from smart_trader.simulator.http import Request, Response

_FIELDS = {
    "webhookURL", "webhookType", "accountAddresses", "transactionTypes", "authHeader", "txnStatus", "encoding",
}  # fmt: skip
_REQUIRED = ("webhookURL", "webhookType", "accountAddresses")
_TYPES = {"enhanced", "raw", "discord", "enhancedDevnet", "rawDevnet", "discordDevnet"}
_MAX_ADDRESSES = 100_000
_SHOWN_IN_LIST = 100
_CREDITS_PER_WRITE = 100


class _Refused(Exception):
    """A refused request, with its answer."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class Helius:
    """The webhooks of one project.

    listed: whether the list shows a hundred addresses of each webhook (`short`) or none (`without`).
    kept_in: a file that keeps the webhooks after this process, as the real service keeps them.
    """

    def __init__(
        self,
        *,
        key: str | None = None,
        listed: Literal["short", "without"] = "short",
        max_webhooks: int = 5,
        delete_status: Literal[200, 204] = 200,
        kept_in: Path | None = None,
    ) -> None:
        self.webhooks: dict[str, dict[str, Any]] = {}
        """The stored webhooks by id, secrets included."""
        self._kept_in = kept_in
        if kept_in and kept_in.is_file():
            self.webhooks |= json.loads(kept_in.read_text(encoding="utf-8"))
        self.credits = 0
        self._key, self._listed, self._max, self._delete_status = key, listed, max_webhooks, delete_status
        self._created = len(self.webhooks)
        self._lock = Lock()

    def respond(self, request: Request, fault: str | None) -> Response:
        if self._key is not None and request.query.get("api-key") != self._key:
            return _json(401, {"jsonrpc": "2.0", "error": {"code": -32001, "message": "Unauthorized"}, "id": "1"})
        _, _, rest = request.path.partition("/v0/webhooks")
        webhook_id = rest.strip("/")
        operations: Mapping[tuple[str, bool], Callable[[Request, str, str | None], Response]] = {
            ("POST", False): self._create,
            ("GET", False): self._list,
            ("GET", True): self._get,
            ("PUT", True): self._replace,
            ("PATCH", True): self._switch,
            ("DELETE", True): self._delete,
        }
        operate = operations.get((request.method, bool(webhook_id)))
        if operate is None or not request.path.startswith("/v0/webhooks"):
            return _json(404, {"error": f"invalid API path: {request.path}"})
        with self._lock:
            if webhook_id and webhook_id not in self.webhooks:
                return _json(404, {"error": f"webhook not found: {webhook_id}"})
            try:
                return operate(request, webhook_id, fault)
            except _Refused as refused:
                return _json(400, {"error": str(refused)})
            finally:
                self._keep(request.method)

    def _keep(self, method: str) -> None:
        if self._kept_in and method != "GET":
            self._kept_in.parent.mkdir(exist_ok=True)
            self._kept_in.write_text(json.dumps(self.webhooks), encoding="utf-8")

    def error_in_success(self) -> Response:
        return _json(200, {"error": "internal error, please try again later"})

    def _create(self, request: Request, _: str, fault: str | None) -> Response:
        body = _checked(request)
        if len(self.webhooks) >= self._max:
            raise _Refused(f"reached webhook limit of {self._max}")
        self._created += 1
        webhook_id = str(uuid.UUID(int=self._created, version=4))
        return self._store(webhook_id, body, fault)

    def _replace(self, request: Request, webhook_id: str, fault: str | None) -> Response:
        return self._store(webhook_id, _checked(request), fault)

    def _store(self, webhook_id: str, body: dict[str, Any], fault: str | None) -> Response:
        """Replace the stored webhook by `body`, whole."""
        told = {"webhookID": webhook_id, "wallet": address("helius", "project"), **body}
        kept = list(body["accountAddresses"])
        if fault == "not-stored":
            kept = []
        elif fault == "stored-in-part":
            kept = kept[: len(kept) // 2]
        self.webhooks[webhook_id] = told | {"accountAddresses": kept, "active": True}
        self.credits += _CREDITS_PER_WRITE
        return _json(200, told)

    def _list(self, request: Request, _: str, fault: str | None) -> Response:
        return _json(200, [self._shortened(webhook) for webhook in self.webhooks.values()])

    def _shortened(self, webhook: dict[str, Any]) -> dict[str, Any]:
        if self._listed == "short":
            return webhook | {"accountAddresses": webhook["accountAddresses"][:_SHOWN_IN_LIST]}
        return {name: value for name, value in webhook.items() if name != "accountAddresses"}

    def _get(self, request: Request, webhook_id: str, fault: str | None) -> Response:
        return _json(200, self.webhooks[webhook_id])

    def _switch(self, request: Request, webhook_id: str, fault: str | None) -> Response:
        body = _object(request)
        if set(body) != {"active"} or not isinstance(body["active"], bool):
            raise _Refused("invalid request payload: active must be true or false")
        self.webhooks[webhook_id] = self.webhooks[webhook_id] | body
        return _json(200, self.webhooks[webhook_id])

    def _delete(self, request: Request, webhook_id: str, fault: str | None) -> Response:
        if "json" in request.headers.get("content-type", "") and not request.body:
            message = "Unexpected token 'n', \"null\" is not valid JSON"
            return _json(400, {"message": message, "error": "Bad Request", "statusCode": 400})
        del self.webhooks[webhook_id]
        self.credits += _CREDITS_PER_WRITE
        if self._delete_status == 204:
            return Response(204, b"")
        return _json(200, {"message": "Webhook deleted successfully"})


def _object(request: Request) -> dict[str, Any]:
    try:
        body = request.json()
    except ValueError:
        raise _Refused("invalid request payload: not JSON") from None
    if not isinstance(body, dict):
        raise _Refused("invalid request payload: not an object")
    return body


def _checked(request: Request) -> dict[str, Any]:
    """The body of a create or an edit. Raises _Refused unless it is complete."""
    body = _object(request)
    for name in body:
        if name not in _FIELDS:
            raise _Refused(f"invalid request payload: unknown field '{name}'")
    for name in _REQUIRED:
        if name not in body:
            raise _Refused(f"{name} is required")
    addresses = body["accountAddresses"]
    if not isinstance(addresses, list) or not 1 <= len(addresses) <= _MAX_ADDRESSES:
        raise _Refused(f"accountAddresses must hold 1 to {_MAX_ADDRESSES} addresses")
    if not all(isinstance(account, str) and is_address(account) for account in addresses):
        raise _Refused("accountAddresses: invalid address")
    if not str(body["webhookURL"]).startswith("https://"):
        raise _Refused("webhookURL must be a public https:// address")
    if body["webhookType"] not in _TYPES:
        raise _Refused(f"invalid webhookType: {body['webhookType']}")
    types = body.get("transactionTypes", [])
    if not isinstance(types, list) or not all(isinstance(kind, str) and kind.isupper() for kind in types):
        raise _Refused("invalid transactionTypes")
    return body


def _json(status: int, value: object) -> Response:
    return Response(status, json.dumps(value).encode())

"""Who may talk to the review server: this machine's own page, with its token.

The server listens on the loopback address alone, but any page that is open in the same
browser, and any user of the same machine, can send requests there. So each request must
have the secret token in its path, name this server as its host (a foreign name that was
made to resolve to 127.0.0.1 is refused), and come from no other page.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Bytes of the body of a request; a step takes some 150.
MOST_BYTES = 16 * 1024
#: Bytes of its headers with the query; a browser's are some 700.
MOST_HEADER_BYTES = 16 * 1024
#: Characters of a path.
LONGEST_PATH = 500
LOOPBACK = "127.0.0.1"

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Access:
    """What a request must know to be answered.

    Attributes:
        port: Of the server.
        token: In the path of every request.
        start: A word that is good for one request, which is sent on to the page. It
            opens the browser: command lines can be read by other users.
    """

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    start: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def url(self) -> str:
        """Of the page."""
        return f"http://{LOOPBACK}:{self.port}/{self.token}/"

    @property
    def start_url(self) -> str:
        """Of the page, once."""
        return f"http://{LOOPBACK}:{self.port}/start/{self.start}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names of this server."""
        return f"{LOOPBACK}:{self.port}", f"localhost:{self.port}"


class Guard:
    """Refuse what does not come from the page; add the page's safety headers.

    Args:
        app: Answers the rest.
        access: What a request must know.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self.app(scope, receive, send_safe)
            return
        status, why = refusal
        answer = JSONResponse({"error": why}, status, {"Connection": "close"})
        await answer(scope, receive, send_safe)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason, or None if the request is good."""
        headers = Headers(scope=scope)
        if _size(scope) > MOST_HEADER_BYTES:
            return 431, f"the headers are larger than {MOST_HEADER_BYTES} bytes"
        origins = [f"http://{host}" for host in self.access.hosts]
        origin = headers.get("origin")
        posts = scope["method"] == "POST"
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "expected GET or POST"
        if headers.getlist("host") not in [[host] for host in self.access.hosts]:
            return 403, "the request names another host"
        if origin not in (origins if posts else [*origins, None]):
            return 403, "the request comes from another page"
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return 403, "the request comes from another page"
        if _leaves(scope):
            return 400, "the path leaves the folder"
        word = scope["path"].split("/", 2)[1] if "/" in scope["path"] else ""
        known = secrets.compare_digest(word.encode(), self.access.token.encode())
        if not known and word != "start":
            return 404, "not found; the address has to be the one that was printed"
        return _body_refusal(headers) if posts else None


def _body_refusal(headers: Headers) -> tuple[int, str] | None:
    kind = headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/json":
        return 415, "expected JSON"
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal()):
        return 400, "the length is no number"
    if int(length[:20]) > MOST_BYTES:
        return 413, f"the request is larger than {MOST_BYTES} bytes"
    return None


def _size(scope: Scope) -> int:
    headers = sum(len(name) + len(value) for name, value in scope["headers"])
    return headers + len(scope.get("query_string", b""))


def _leaves(scope: Scope) -> bool:
    """Whether a path climbs, or is written so that it may after decoding again."""
    raw = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    if len(raw) > LONGEST_PATH:
        return True
    plain = unquote(unquote(raw))
    return any(part in ("..", ".") for part in plain.split("/")) or any(
        mark in plain for mark in ("\\", "\0", "//")
    )

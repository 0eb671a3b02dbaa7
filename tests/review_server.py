"""A review server in a thread, and requests to it as they go over the wire."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mmscl.review import ReviewSession
from mmscl.review.server import listen

pytest.importorskip("starlette", reason="the extra `review` is not installed")
uvicorn = pytest.importorskip("uvicorn", reason="the extra `review` is not installed")

from mmscl.review.app import make_app  # noqa: E402
from mmscl.review.guard import Access  # noqa: E402


@dataclass
class Served:
    """A server that answers until the test is over."""

    session: ReviewSession
    access: Access

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        below: bool = True,
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """Send a path exactly as it is given; below the token, or not."""
        link = http.client.HTTPConnection("127.0.0.1", self.access.port, timeout=60)
        whole = f"/{self.access.token}/{path}" if below else path
        link.putrequest(method, whole, skip_host="Host" in (headers or {}))
        for name, value in (headers or {}).items():
            link.putheader(name, value)
        if body is not None:
            link.putheader("Content-Length", str(len(body)))
        link.endheaders(body)
        answer = link.getresponse()
        content = answer.read()
        link.close()
        return answer.status, content, answer.headers

    def get(self, path: str) -> Any:
        """JSON of a path."""
        status, content, _ = self.ask(path)
        assert status == 200, content
        return json.loads(content)

    def post(self, **values: Any) -> tuple[int, Any]:
        """Ask for a step as the page does."""
        status, content, _ = self.ask(
            "api/steps", "POST", json.dumps(values).encode(), self.own_headers()
        )
        return status, json.loads(content)

    def own_headers(self) -> dict[str, str]:
        """Those that the page's requests have."""
        origin = f"http://127.0.0.1:{self.access.port}"
        return {"Origin": origin, "Content-Type": "application/json"}


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Serve a folder of results."""
    with listen(0) as listener, ReviewSession.open(folder, "tester") as session:
        access = Access(listener.getsockname()[1])
        config = uvicorn.Config(
            make_app(session, access), log_level="warning", lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs=dict(sockets=[listener]))
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield Served(session, access)
        finally:
            server.should_exit = True
            thread.join(30)

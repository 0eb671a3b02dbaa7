"""The review page's application: its files, the pictures, the steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from mmscl.files import OutputError
from mmscl.results import ResultsError
from mmscl.review.errors import ConflictError, StepError
from mmscl.review.guard import MOST_BYTES, Access, Guard
from mmscl.review.session import ReviewSession
from mmscl.review.views import cell_view, folder_view, news_view

PAGE = Path(__file__).parent / "page"
_KINDS = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def make_app(session: ReviewSession, access: Access) -> Starlette:
    """The application of one folder under review.

    Paths, below the token: '' the page; static/NAME its files; api/folder,
    api/cells/KARYOGRAM, api/news?after=SEQ; POST api/steps; crops/NUMBER.png.

    Args:
        session: The folder.
        access: What every request must know.
    """
    files = {path.name: path.read_bytes() for path in PAGE.iterdir() if path.is_file()}
    api = Api(session)
    start = {access.start}

    def static(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in files:
            raise HTTPException(404, f"there is no file {name!r}")
        return Response(files[name], media_type=_KINDS[Path(name).suffix])

    def open_once(request: Request) -> Response:
        code = request.path_params["code"]
        if code not in start:
            raise HTTPException(404, "this address was for one use; take the printed")
        start.discard(code)
        return RedirectResponse(f"/{access.token}/", 303)

    below = [
        Route("/", static),
        Route("/static/{name}", static),
        Route("/api/folder", api.folder),
        Route("/api/cells/{name}", api.cell),
        Route("/api/news", api.news),
        Route("/api/steps", api.step, methods=["POST"]),
        Route("/crops/{number:int}.png", api.picture),
    ]
    return Starlette(
        routes=[
            Mount(f"/{access.token}", routes=below),
            Route("/start/{code}", open_once),
        ],
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={
            HTTPException: _http_error,
            StepError: _told(400),
            ConflictError: _told(409),
            ResultsError: _told(500),
            OutputError: _told(507),
        },
    )


class Api:
    """Answers of one folder under review, as JSON.

    Args:
        session: The folder.
    """

    def __init__(self, session: ReviewSession) -> None:
        self.session = session

    def folder(self, request: Request) -> Response:
        """The list of cells."""
        return JSONResponse(folder_view(self.session))

    def cell(self, request: Request) -> Response:
        """One cell with its crops."""
        return JSONResponse(cell_view(self.session, request.path_params["name"]))

    def news(self, request: Request) -> Response:
        """What was done after a step that the window knows."""
        text = request.query_params.get("after", "0")
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise StepError(f"Expected a number as after, got {text[:40]!r}.")
        return JSONResponse(news_view(self.session, int(text)))

    async def step(self, request: Request) -> Response:
        """Make a step; answers with its cell as it stands then."""
        values = _parse(await _body(request))

        def take() -> dict[str, Any]:
            with self.session.lock:
                made = self.session.take(values)
                return cell_view(self.session, made.karyogram)

        return JSONResponse(await run_in_threadpool(take))

    def picture(self, request: Request) -> Response:
        """The picture of a crop that the results name, and no other file."""
        results, number = self.session.results, request.path_params["number"]
        if number >= len(results.crops):
            raise HTTPException(404, f"there is no chromosome {number}")
        path = results.picture_file(results.crops[number])
        folder = Path(results.folder or "").resolve()
        if not path.resolve().is_relative_to(folder):
            raise HTTPException(403, "the picture is a link out of the folder")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise HTTPException(404, f"{path.name}: {error.strerror}") from error
        return Response(content, media_type="image/png")


async def _body(request: Request) -> bytes:
    """The body, if it is not too large, whatever its header says."""
    found = b""
    async for part in request.stream():
        found += part
        if len(found) > MOST_BYTES:
            raise HTTPException(413, f"the request is larger than {MOST_BYTES} bytes")
    return found


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise StepError(f"Expected JSON ({type(error).__name__}).") from error


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    close = {"Connection": "close"} if error.status_code == 413 else None
    return JSONResponse({"error": error.detail}, error.status_code, close)


def _told(status: int) -> Callable[[Request, Exception], Any]:
    """An answer with the error's own message."""

    async def answer(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, status)

    return answer

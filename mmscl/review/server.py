"""Serve the review page of one folder, to this machine alone, until Ctrl-C."""

from __future__ import annotations

import getpass
import importlib.util
import os
import socket
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path

from mmscl.review.errors import ReviewError
from mmscl.review.session import ReviewSession
from mmscl.wording import counted

#: Not parts of a plain installation: the extra `review`.
PACKAGES = ("starlette", "uvicorn")
PIP_LINE = 'pip install "starlette>=0.40" "uvicorn>=0.30"'


def serve(
    folder: str | Path,
    port: int = 0,
    reviewer: str | None = None,
    browser: bool = True,
    tell: Callable[[str], None] = print,
) -> None:
    """Review a folder of results in the browser; returns when it is ended.

    Args:
        folder: DIR of ``mmscl-karyotype INPUT --out DIR``.
        port: To listen on at 127.0.0.1; 0 takes a free one.
        reviewer: Who corrects, for the log; None takes the login name.
        browser: Open the page, if there is a screen.
        tell: Gets what to print.

    Raises:
        ReviewError: starlette or uvicorn are not installed; the port is taken; the
            folder is under review already; its log is damaged.
        FileNotFoundError, ResultsError, OutputError: As :meth:`ReviewSession.open`.
    """
    check_packages()
    import uvicorn

    from mmscl.review.app import make_app
    from mmscl.review.guard import Access

    name = login_name() if reviewer is None else reviewer
    with listen(port) as listener, ReviewSession.open(folder, name) as session:
        access = Access(listener.getsockname()[1])
        for step in session.log.steps:
            if step.action == "note":
                tell(f"note: {step.after}")
        tell(f"{folder}: {progress(session)}")
        tell(f"Open {access.url}")
        tell(f"Steps are saved at once in {session.log.path}. End with Ctrl-C.")
        settings = uvicorn.Config(
            make_app(session, access),
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        if browser and has_screen():
            webbrowser.open(access.start_url)
        try:
            uvicorn.Server(settings).run(sockets=[listener])
        except KeyboardInterrupt:
            pass
        tell(f"Ended. {progress(session)}")


def check_packages() -> None:
    """Find out whether the page can be served.

    Raises:
        ReviewError: It cannot, with the line that installs what is missing.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ReviewError(
            f"the review page needs {' and '.join(missing)}, which "
            f"{'are' if len(missing) > 1 else 'is'} not installed: {PIP_LINE} (or "
            'pip install -e ".[review]" in a clone of mmscl)'
        )


def listen(port: int) -> socket.socket:
    """A socket at the loopback address, which no other machine can reach.

    Raises:
        ReviewError: The port is taken or not allowed.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ReviewError(
            f"--port {port}: cannot be listened on ({error.strerror}); choose another, "
            "or leave it out to take a free one"
        ) from error
    return listener


def progress(session: ReviewSession) -> str:
    """How far the review is, in words."""
    with session.lock:
        cells = session.state.cells.values()
        done = sum(cell.done == "1" for cell in cells)
        left = sum(cell.open for cell in cells)
    return (
        f"{counted(len(cells), 'cell')}, {done} done, "
        f"{counted(left, 'chromosome')} left to look at"
    )


def login_name() -> str:
    """Of the person at the machine; '' if it is not known."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def has_screen() -> bool:
    """Whether a browser has a screen to open on; else a text browser might start."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

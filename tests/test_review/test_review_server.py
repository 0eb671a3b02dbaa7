"""The server answers its page alone, and only with what the results name."""

from __future__ import annotations

import json
import threading

import pytest
from review_server import serving

from mmscl.review import FolderLockedError, ReviewError, ReviewSession, read_log
from mmscl.review.guard import MOST_BYTES
from mmscl.review.log import LOG
from mmscl.review.server import PIP_LINE, check_packages, listen, serve


@pytest.fixture
def served(folder):
    with serving(folder) as found:
        yield found


def place_of(cell, number):
    return next(c["place"] for c in cell["crops"] if c["crop"] == number)


def test_a_step_changes_counts_and_text_at_once_and_is_in_the_log(served, folder):
    cell = served.get("api/cells/P000_0")
    crop = next(c for c in cell["crops"] if c["place"] == "5" and c["open"])
    status, after = served.post(
        action="place", karyogram="P000_0", crop=crop["crop"], before="5", after="4"
    )
    assert status == 200 and place_of(after, crop["crop"]) == "4"
    assert "-4" in cell["karyotype"] and "-4" not in after["karyotype"]
    assert after["undo"]["action"] == "place" and after["open"] == cell["open"] - 1
    assert [s.action for s in read_log(folder / LOG)[0]] == ["place"]
    assert read_log(folder / LOG)[0][0].reviewer == "tester"
    status, undone = served.post(
        action="undo", karyogram="P000_0", step=after["undo"]["step"]
    )
    assert status == 200 and undone["karyotype"] == cell["karyotype"]
    status, again = served.post(
        action="redo", karyogram="P000_0", step=undone["redo"]["step"]
    )
    assert status == 200 and again["karyotype"] == after["karyotype"]


def test_two_windows_follow_each_other_and_conflicts_are_told(served):
    crop = served.get("api/cells/P000_0")["crops"][0]
    values = dict(action="place", karyogram="P000_0", crop=crop["crop"])
    first = served.post(**values, before=crop["place"], after="")
    second = served.post(**values, before=crop["place"], after="3")
    assert first[0] == 200 and second[0] == 409
    assert "changed elsewhere meanwhile: not placed" in second[1]["error"]
    news = served.get("api/news?after=0")
    assert news["seq"] == 1 and [c["name"] for c in news["cells"]] == ["P000_0"]
    assert served.get("api/news?after=1")["cells"] == []


def test_steps_that_come_at_once_are_taken_one_after_the_other(served, folder):
    crops = served.get("api/cells/P000_0")["crops"]
    done = []

    def flip(number):
        done.append(
            served.post(
                action="flip", karyogram="P000_0", crop=number, before="0", after="1"
            )[0]
        )

    threads = [
        threading.Thread(target=flip, args=[crop["crop"]])
        for crop in crops[:12]
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [200] * 12 + [409] * 12
    assert [s.seq for s in read_log(folder / LOG)[0]] == list(range(1, 13))


def test_a_server_that_starts_again_goes_on(folder):
    with serving(folder) as one:
        crop = one.get("api/cells/P000_0")["crops"][0]
        one.post(action="flip", karyogram="P000_0", crop=crop["crop"], before="0",
                 after="1")  # fmt: skip
        told = one.get("api/cells/P000_0")
    with serving(folder) as two:
        assert two.get("api/cells/P000_0") == told
        assert two.get("api/folder")["seq"] == 1


def test_a_second_server_is_locked_out_until_the_first_ends(folder):
    with serving(folder):
        with pytest.raises(
            FolderLockedError, match="being reviewed already by process"
        ):
            with ReviewSession.open(folder):
                pass
    with ReviewSession.open(folder):
        pass


def test_what_cannot_be_saved_was_not_done(served, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    before = served.get("api/cells/P000_0")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        status, answer = served.post(
            action="done", karyogram="P000_0", before="0", after="1"
        )
    assert status == 507 and "No space left" in answer["error"]
    assert served.get("api/cells/P000_0") == before


@pytest.mark.parametrize(
    "values, status, told",
    [
        (dict(), 400, "Expected an action"),
        (dict(action="note", after="x"), 400, "Expected an action"),
        (dict(action="burn"), 400, "Expected an action"),
        (dict(action="flip", karyogram="P000_0", crop=True), 400, "Expected a int"),
        (dict(action="flip", karyogram="P000_0", crop="1"), 400, "Expected a int"),
        (dict(action="flip", path="/etc/passwd"), 400, "no value 'path'"),
        (dict(action="flip", karyogram="../x", crop=1), 400, "no cell '../x'"),
        (dict(action="undo", karyogram="P000_0", step=1), 409, "nothing to undo"),
    ],
)
def test_requests_that_make_no_sense_are_refused(values, status, told, served, folder):
    found, answer = served.post(**values)
    assert found == status and told in answer["error"]
    assert read_log(folder / LOG)[0] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 9000])
def test_a_body_that_is_no_step_is_refused(body, served):
    assert served.ask("api/steps", "POST", body, served.own_headers())[0] == 400


def test_the_page_and_its_files_are_served_with_safety_headers(served):
    status, page, headers = served.ask("")
    assert status == 200 and b"<title>Karyotype review</title>" in page
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers or "uvicorn" in headers["Server"]
    for name in ("app.js", "review.css", "icon.svg"):
        assert served.ask(f"static/{name}")[0] == 200
    for refused in (served.ask("none")[2], served.ask("", headers={"Origin": "x"})[2]):
        assert refused["X-Frame-Options"] == "DENY"


def test_the_page_names_no_other_server(served):
    for name in ("", "static/app.js", "static/review.css", "static/api.js"):
        text = served.ask(name)[1].decode()
        assert "http://" not in text and "https://" not in text


def test_pictures_are_those_of_the_results(served, folder):
    status, content, headers = served.ask("crops/000003.png")
    assert status == 200 and headers["Content-Type"] == "image/png"
    assert content == (folder / "crops" / "000003.png").read_bytes()
    assert served.ask("crops/000184.png")[0] == 404  # there are 4 x 46
    (folder / "crops" / "000003.png").unlink()
    assert served.ask("crops/000003.png")[0] == 404
    (folder / "crops" / "000004.png").unlink()
    (folder / "crops" / "000004.png").symlink_to(folder.parent / "secret.png")
    (folder.parent / "secret.png").write_bytes(b"secret")
    status, content, _ = served.ask("crops/000004.png")
    assert status == 403 and b"secret.png" not in content


@pytest.mark.parametrize(
    "path",
    [
        "../../../etc/passwd",
        "crops/../run.json",
        "crops/%2e%2e/run.json",
        "crops/..%2frun.json",
        "crops/%252e%252e/run.json",
        "crops/..%5crun.json",
        "static/..%2f..%2fserver.py",
        "crops//etc/passwd",
        "crops/%00.png",
        "crops/" + "0" * 600 + ".png",
    ],
)
def test_a_path_that_leaves_the_folder_is_refused(path, served):
    status, content, _ = served.ask(path)
    assert status == 400 and b"leaves the folder" in content


@pytest.mark.parametrize(
    "path", ["run.json", "predictions.csv", "crops/", "crops/a.png"]
)
def test_other_files_of_the_folder_are_not_served(path, served):
    assert served.ask(path)[0] == 404


def test_without_the_token_nothing_is_told(served):
    for path in ("/", "/api/folder", "/wrong/api/folder", "/crops/000000.png", "*"):
        status, content, _ = served.ask(path, below=False)
        assert status == 404 and b"P000" not in content, path


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1.evil.example:80"},
    ],
)
def test_another_origin_or_host_is_refused(headers, served, folder):
    assert served.ask("api/folder", headers=headers)[0] == 403
    own = served.own_headers() | headers
    body = b'{"action": "done", "karyogram": "P000_0", "before": "0", "after": "1"}'
    assert served.ask("api/steps", "POST", body, own)[0] == 403
    assert read_log(folder / LOG)[0] == []


def test_a_step_without_an_origin_or_as_a_form_is_refused(served):
    body = json.dumps(dict(action="done", karyogram="P000_0", before="0", after="1"))
    plain = served.own_headers()
    del plain["Origin"]
    assert served.ask("api/steps", "POST", body.encode(), plain)[0] == 403
    form = served.own_headers() | {"Content-Type": "text/plain"}
    assert served.ask("api/steps", "POST", body.encode(), form)[0] == 415
    assert served.ask("api/steps", "DELETE", None, served.own_headers())[0] == 405
    named = served.own_headers()
    named |= {"Host": f"localhost:{served.access.port}"}
    named["Origin"] = f"http://localhost:{served.access.port}"
    assert served.ask("api/steps", "POST", body.encode(), named)[0] == 200


def test_an_oversized_request_is_refused_whatever_it_says_of_itself(served):
    headers = served.own_headers()
    large = b" " * (MOST_BYTES + 1)
    assert served.ask("api/steps", "POST", large, headers)[0] == 413
    chunks = b"".join(b"1000\r\n" + b" " * 4096 + b"\r\n" for _ in range(5))
    chunked = headers | {"Transfer-Encoding": "chunked"}
    status, content, _ = _raw(served, chunked, chunks + b"0\r\n\r\n")
    assert status == 413 and b"larger than" in content
    claimed = headers | {"Content-Length": "9" * 30}
    assert _raw(served, claimed, b"")[0] in (400, 413)
    assert served.ask("api/folder", headers={"X": "a" * 70000})[0] in (400, 431)
    assert served.ask(f"api/news?after={'0' * 20000}")[0] == 431
    assert served.get("api/folder")["seq"] == 0  # it is well


def _raw(served, headers, body):
    import http.client

    link = http.client.HTTPConnection("127.0.0.1", served.access.port, timeout=60)
    link.putrequest("POST", f"/{served.access.token}/api/steps")
    for name, value in headers.items():
        link.putheader(name, value)
    link.endheaders()
    link.send(body)
    answer = link.getresponse()
    found = answer.status, answer.read(), answer.headers
    link.close()
    return found


def test_the_browser_is_sent_on_once(served):
    start = f"/start/{served.access.start}"
    status, _, headers = served.ask(start, below=False)
    assert status == 303 and headers["Location"] == f"/{served.access.token}/"
    assert served.ask(start, below=False)[0] == 404
    assert served.ask("/start/x", below=False)[0] == 404


def test_it_listens_on_the_loopback_address_alone(served):
    with listen(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
    with pytest.raises(ReviewError, match=f"--port {served.access.port}: cannot be"):
        listen(served.access.port)


def test_missing_packages_are_named_with_the_line_that_installs_them(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ReviewError, match="starlette and uvicorn, which are not") as e:
        serve("anywhere")
    assert PIP_LINE in str(e.value)
    monkeypatch.undo()
    check_packages()


def test_serve_tells_where_it_is_and_how_far_the_review_is(folder, monkeypatch):
    import uvicorn

    told = []
    asked = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda *a, **k: asked.append(k))
    serve(folder, browser=False, reviewer="Ada", tell=told.append)
    assert "4 cells, 0 done, 20 chromosomes left" in told[0]
    assert told[1].startswith("Open http://127.0.0.1:") and len(told[1]) > 50
    assert str(folder / LOG) in told[2] and told[3].startswith("Ended. 4 cells")
    assert len(asked) == 1

"""Jobs side by side, with stand-ins for the commands that train and test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mmscl.ablation import (
    MixedResultsError,
    make_plan,
    report_ablation,
    run_ablation,
)
from mmscl.ablation import results as results_module
from mmscl.ablation.results import read_results, write_results
from mmscl.ablation.running import environment, run_jobs
from mmscl.config import ConfigError
from mmscl.datasets.manifest import Manifest
from mmscl.engine import Stopped


@pytest.fixture
def run(ask, folder):
    def call(parallel=1, allow_mixed=False, **changes):
        return run_ablation(ask(**changes), folder / "tools", parallel, allow_mixed)

    return call


def logs(folder) -> dict[str, str]:
    runs = folder / "out" / "runs" / "tiny"
    return {
        str(file.parent.relative_to(runs)): file.read_text()
        for file in sorted(runs.rglob("log.txt"))
    }


@pytest.mark.parametrize("parallel", [1, 2])
def test_every_job_leaves_a_row_for_every_set(run, folder, parallel):
    assert run(parallel) == []
    rows = read_results(folder / "out" / "results.csv")
    keys = {(r["config"], r["arm"], r["seed"], r["set"]) for r in rows}
    assert len(rows) == len(keys) == 2 * 2 * 2
    row = next(r for r in rows if r["arm"] == "scl" and r["set"] == "internal")
    assert row["accuracy"] == "66.6667" and row["knn_accuracy"] == ""
    assert (row["steps"], row["tested"], row["threads"]) == ("2", "last", "1")
    assert (folder / "out" / row["checkpoint"]).is_file()
    assert (folder / "out" / row["predictions"]).is_file()


def test_a_second_call_finds_all_done_and_a_removed_run_is_made_again(run, folder):
    run()
    file = folder / "out" / "results.csv"
    before, written = logs(folder), file.read_bytes()
    assert run() == []
    assert logs(folder) == before and file.read_bytes() == written
    removed = folder / "out" / "runs" / "tiny" / "scl" / "seed_1"
    for path in sorted(removed.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    run()
    assert logs(folder)["scl/seed_1"].startswith("goes on after 0")
    assert {k: v for k, v in logs(folder).items() if k != "scl/seed_1"} == {
        k: v for k, v in before.items() if k != "scl/seed_1"
    }
    assert len(read_results(file)) == 8


def test_a_new_set_is_tested_without_training_again(run, folder):
    run(external=[])
    file = folder / "out" / "results.csv"
    assert len(read_results(file)) == 4
    run()
    assert len(read_results(file)) == 8
    config = folder / "out" / "runs" / "tiny" / "scl" / "seed_0" / "config.py"
    assert "other_lab" in config.read_text()
    assert all(log.count("goes on") == 1 for log in logs(folder).values())


def test_a_failed_run_is_told_with_its_log_and_the_others_go_on(run, folder):
    (folder / "fail").touch()
    failures = run()
    assert [(f.job.arm, f.job.seed, f.phase) for f in failures] == [
        ("baseline", 1, "train"),
        ("scl", 1, "train"),
    ]
    assert failures[0].tail.endswith("first line\nthis run cannot be")
    assert {r["seed"] for r in read_results(folder / "out" / "results.csv")} == {"0"}
    (folder / "fail").unlink()
    assert run() == []


def test_a_signal_ends_the_runs_which_save_and_then_go_on(run, folder):
    (folder / "slow").touch()

    def stop():
        while not (len(logs(folder)) == 2 and all("train 3" in t for t in texts())):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    def texts():
        return logs(folder).values()

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(Stopped, match="The same command goes on") as caught:
        run(parallel=2)
    assert caught.value.number == signal.SIGTERM
    assert all("\nsaved " in text for text in texts())
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    (folder / "slow").unlink()
    run()
    first = logs(folder)["baseline/seed_0"]
    assert f"goes on after {first.split('saved ')[1].split()[0]} " in first
    assert "goes on after 0" in logs(folder)["scl/seed_1"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's death signal")
def test_runs_save_and_end_when_the_ablation_is_killed_outright(folder):
    (folder / "slow").touch()
    program = (
        "from pathlib import Path\n"
        "from mmscl.ablation import Request, run_ablation\n"
        "run_ablation(Request(['configs/scl/tiny.py'], ['baseline', 'scl'], [0],"
        " Path('out').resolve(), 2, external=[]), Path('tools'))"
    )
    root = str(Path(__file__).resolve().parents[2])
    ablation = subprocess.Popen(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": root}
    )
    wait_for(lambda: "train 3" in logs(folder).get("baseline/seed_0", ""))
    ablation.kill()
    ablation.wait()
    wait_for(lambda: "\nsaved " in logs(folder)["baseline/seed_0"])


def wait_for(happened) -> None:
    end = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < end, "it did not happen within two minutes"
        time.sleep(0.05)


def test_results_of_other_data_or_settings_are_refused(run, folder):
    run()
    with pytest.raises(MixedResultsError, match=r"train_cfg.max_epochs: 1 -> 2") as e:
        run(steps=8)
    assert "seed 0, internal: settings" in str(e.value)
    file = folder / "data" / "manifest.csv"
    manifest = Manifest.read(file)
    keep = [i for i in range(len(manifest)) if i != 3 * 24 + 5]  # one of the test
    Manifest({n: manifest[n][keep] for n in manifest.columns}).write(file)
    with pytest.raises(MixedResultsError, match=r"test_data 48 images.* -> 47 images"):
        run()
    before = len(read_results(folder / "out" / "results.csv"))
    assert run(allow_mixed=True, seeds=[0, 1]) == []  # finished ones are kept
    assert len(read_results(folder / "out" / "results.csv")) == before


def test_results_of_other_code_are_refused_also_in_the_report(run, folder):
    run()
    file = folder / "out" / "results.csv"
    rows = read_results(file)
    rows[0]["code"] = "0" * 16
    write_results(file, rows)
    with pytest.raises(MixedResultsError, match="code 0000000000000000 -> "):
        run()
    with pytest.raises(MixedResultsError, match="cannot be compared"):
        report_ablation(folder / "out")
    files = report_ablation(folder / "out", allow_mixed=True)
    assert "differ in code." in files[0].read_text()


def test_rows_of_an_earlier_call_must_be_of_the_same_code(run, folder):
    run(seeds=[0])
    file = folder / "out" / "results.csv"
    write_results(file, [{**row, "stack": "older"} for row in read_results(file)])
    with pytest.raises(MixedResultsError, match="tiny / baseline / 0 / .*stack older"):
        run(seeds=[1])


def test_a_run_that_was_begun_with_other_settings_is_refused(run, folder):
    (folder / "fail").touch()
    run(seeds=[1])
    (folder / "fail").unlink()
    for allow in (False, True):
        with pytest.raises(MixedResultsError, match="begun with other code"):
            run(seeds=[1], steps=4, allow_mixed=allow)


def test_code_that_changes_meanwhile_is_refused(run, monkeypatch):
    monkeypatch.setattr("mmscl.ablation.code_state", lambda: "f" * 16)
    with pytest.raises(MixedResultsError, match="files of mmscl changed while it ran"):
        run()


def test_an_ablation_has_its_folder_to_itself(run, folder):
    from mmscl.training import sole_run

    with (
        sole_run(folder / "out"),
        pytest.raises(ConfigError, match="in use by another"),
    ):
        run()


def test_another_csv_is_not_taken_for_results(run, folder):
    (folder / "out").mkdir()
    (folder / "out" / "results.csv").write_text("config,arm\nx,y\n")
    with pytest.raises(ConfigError, match="not a table of this command"):
        run()
    assert results_module.read_results(folder / "none.csv") == []


def test_a_checkpoint_that_is_gone_is_trained_again(run, folder):
    run(seeds=[0], external=[])
    (folder / "out/runs/tiny/scl/seed_0/work_dir/epoch_1.pth").unlink()
    run(seeds=[0])
    assert logs(folder)["scl/seed_0"].count("goes on after") == 2
    assert logs(folder)["baseline/seed_0"].count("goes on after") == 1


def test_best_and_last_test_their_checkpoint(run, folder):
    run(select="best", seeds=[0])
    for row in read_results(folder / "out" / "results.csv"):
        assert row["checkpoint"].endswith("best_accuracy_epoch_1.pth")
        assert row["tested"] == "best"


def test_no_checkpoint_is_an_error(run, folder):
    train = folder / "tools" / "train.py"
    train.write_text(train.read_text().replace('"last_checkpoint"', '"elsewhere"'))
    with pytest.raises(ConfigError, match="the training left no last checkpoint"):
        run()


def test_jobs_share_cores_and_gpus():
    cores = len(os.sched_getaffinity(0))
    assert environment({}, 0, 1, 0)["OMP_NUM_THREADS"] == str(cores)
    assert environment({}, 0, 2 * cores, 0)["MKL_NUM_THREADS"] == "1"
    assert environment({"OMP_NUM_THREADS": "3"}, 0, 2, 0)["OMP_NUM_THREADS"] == "3"
    assert "CUDA_VISIBLE_DEVICES" not in environment({}, 0, 2, 0)
    assert environment({}, 3, 4, 2)["CUDA_VISIBLE_DEVICES"] == "1"
    given = {"CUDA_VISIBLE_DEVICES": "5,7"}
    assert environment(given, 1, 2, 2)["CUDA_VISIBLE_DEVICES"] == "7"


def test_no_jobs_side_by_side_are_refused(ask, folder, quiet):
    with pytest.raises(ConfigError, match="--jobs: expected a number >= 1, got 0"):
        run_jobs(make_plan(ask()), folder / "tools", 0, quiet, print)

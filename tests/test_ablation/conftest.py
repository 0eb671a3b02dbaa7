"""A tiny ablation, and commands that stand in for training and testing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from tiny_ablation import write_folder

from mmscl.ablation import Request
from mmscl.ablation.display import Display

TRAIN = """
import os, signal, sys, time
from pathlib import Path
work_dir = Path(sys.argv[sys.argv.index("--work-dir") + 1])
assert "--resume" in sys.argv and Path(sys.argv[1]).is_file()
work_dir.mkdir(parents=True, exist_ok=True)
state = work_dir / "state"
done = int(state.read_text()) if state.is_file() else 0
print("goes on after", done, "threads", os.environ["OMP_NUM_THREADS"])
def stop(number, frame):
    state.write_text(str(done))
    print("saved", done)
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
if (work_dir.parents[5] / "fail").is_file() and "seed_1" in str(work_dir):
    print("first line")
    sys.exit("this run cannot be")
waits = (work_dir.parents[5] / "slow").is_file()
while done < 2 or waits:
    done += 1
    print(f"train {done}/2 ({50 * done} %)", flush=True)
    time.sleep(0.02)
(work_dir / "epoch_1.pth").write_text("")
(work_dir / "best_accuracy_epoch_1.pth").write_text("")
(work_dir / "last_checkpoint").write_text(str(work_dir / "epoch_1.pth"))
"""
TEST = """
import json, sys
from pathlib import Path
out = Path(sys.argv[sys.argv.index("--out") + 1])
arm = str(out).split("/")[-3]
right = dict(baseline=1, scl=2)[arm]  # of three
types = ["1", "2", "X"]
for name in ["internal"] + ["other_lab"] * ("--external" in sys.argv):
    (out / name).mkdir(parents=True, exist_ok=True)
    lines = ["path,case,cell,site,type,pred_type,score_1,score_2,score_X"]
    for case in "abcd":
        for number, type_ in enumerate(types):
            pred = type_ if number < right else types[(number + 1) % 3]
            scores = ",".join("0.8" if t == pred else "0.1" for t in types)
            lines.append(f"{case}{number}.png,{case},1,A,{type_},{pred},{scores}")
    (out / name / "predictions.csv").write_text("\\n".join(lines) + "\\n")
sets = dict(accuracy=100 * right / 3, recall=100 * right / 3, auc=75.0, f1=50.0)
names = ["internal"] + ["other_lab"] * ("--external" in sys.argv)
(out / "metrics.json").write_text(json.dumps({name: sets for name in names}))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Data, configs and stand-in tools; the place where commands run."""
    write_folder(tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "train.py").write_text(TRAIN)
    (tools / "test.py").write_text(TEST)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mmscl.ablation.running._POLL_SECONDS", 0.02)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


@pytest.fixture
def ask(folder):
    """Make a request for the tiny ablation."""

    def make(**changes) -> Request:
        values = dict(
            configs=["configs/scl/tiny.py"],
            arms=["baseline", "scl"],
            seeds=[0, 1],
            steps=2,
            external=["other_lab"],
            out=folder / "out",
        )
        return Request(**{**values, **changes})

    return make


@pytest.fixture
def quiet() -> Display:
    """A display that nobody sees."""
    return Display(4, 0, Console(file=io.StringIO()))

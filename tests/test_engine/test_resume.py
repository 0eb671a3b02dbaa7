"""A run that was killed anywhere and resumed equals one that was never interrupted."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import threading
import time
import traceback
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from tiny_run import EPOCHS, STEPS, assert_equal, make_config, run

from mmscl import files
from mmscl.checkpoint import CheckpointError, load_from_local
from mmscl.config import ConfigError
from mmscl.datasets.images import ImageError
from mmscl.datasets.manifest import Manifest
from mmscl.engine import Stopped
from mmscl.engine.checkpoint_hook import AtomicBackend
from mmscl.training import find_resumable, sole_run, train


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        (dict(), (1, 2, 3, 4, 5)),
        (dict(by_epoch=False, stock=True), (1, 2, 4, 5)),
        (dict(ema=True, stock=True), (2, 3)),
        (dict(ema=True, by_epoch=False), (2, 3)),
        (dict(on_device=True), (1, 4)),
    ],
    ids=str,
)
def test_a_resumed_run_equals_the_uninterrupted_one(options, steps, crops, tmp_path):
    """Bitwise: images, augmentation, metrics and weights, from any step."""
    whole, state = run(make_config(crops, tmp_path / "whole", **options))
    for step in steps:
        path = str(tmp_path / f"whole/iter_{step}.pth")
        cfg = make_config(crops, tmp_path / f"from_{step}", **options)
        part, resumed = run(cfg, load_from=path)
        assert_equal(state, resumed)
        assert part.seen == {i: s for i, s in whole.seen.items() if i >= step}
        assert part.metrics.items() <= whole.metrics.items()
        assert max(part.metrics) == STEPS * EPOCHS


def test_the_flexible_runner_resumes_exactly_too(crops, tmp_path):
    """mmengine's runner for FSDP and DeepSpeed, here on one device."""

    def run_flexibly(name: str, path: str | None = None) -> tuple:
        cfg = make_config(crops, tmp_path / name)
        cfg.runner_type = "FlexibleRunner"
        cfg.env_cfg = dict(dist_cfg=dict(backend="gloo"))
        return run(cfg, load_from=path)

    whole, state = run_flexibly("whole")
    for step in range(1, STEPS * EPOCHS):  # 3 is the best and ends an epoch
        path = str(tmp_path / f"whole/iter_{step}.pth")
        part, resumed = run_flexibly(f"from_{step}", path)
        assert_equal(state, resumed)
        assert part.seen == {i: s for i, s in whole.seen.items() if i >= step}


@pytest.mark.parametrize(
    "options", [dict(), dict(by_epoch=False), dict(on_device=True)], ids=str
)
def test_workers_change_nothing(options, crops, tmp_path):
    """Two workers give the images of none; resumed with them, too."""
    alone, state = run(make_config(crops, tmp_path / "alone", **options))
    cfg = make_config(crops, tmp_path / "two", workers=2, **options)
    two, with_two = run(cfg)
    assert two.seen == alone.seen
    assert_equal(state, with_two)
    cfg = make_config(crops, tmp_path / "again", workers=2, **options)
    part, resumed = run(cfg, load_from=str(tmp_path / "two/iter_4.pth"))
    assert_equal(state, resumed)
    assert part.seen == {i: s for i, s in alone.seen.items() if i >= 4}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_crop_that_is_replaced_by_another_ends_the_run_until_it_is_put_back(
    workers, crops, tmp_path
):
    """The second epoch meets it; resumed with the old one, nothing is different."""
    root = Path(shutil.copytree(crops, tmp_path / "crops"))
    _, state = run(make_config(root, tmp_path / "whole"))
    cfg = make_config(root, tmp_path / "run", workers=workers)
    one, other = root / "1_X.png", root / "0_Y.png"
    old = one.read_bytes()

    class Swap(Hook):
        def after_train_epoch(self, runner):
            one.write_bytes(other.read_bytes())

    changed = rf"{one}: the file changed since .*{other.stat().st_size} bytes.*--resume"
    with pytest.raises(ImageError, match=changed):
        run(cfg, Swap())
    one.write_bytes(old)
    found = find_resumable(cfg.work_dir)
    assert found.meta["iter"] >= STEPS
    _, resumed = run(cfg, load_from=found.path)
    assert_equal(state, resumed)


@pytest.mark.parametrize("fails", [False, True])
def test_workers_end_with_the_training(fails, crops, tmp_path):
    """Also after an error: they ignore SIGTERM, and Python would wait for them."""

    class Fail(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if fails and runner.iter == 1:
                raise InterruptedError

    _, state = run(make_config(crops, tmp_path / "run", workers=2, epochs=1), Fail())
    assert (state is None) == fails
    assert not multiprocessing.active_children()


def test_stock_transforms_are_keyed_in_workers_too(crops, tmp_path):
    seen = []
    for workers in (0, 2):
        cfg = make_config(crops, tmp_path / f"{workers}", workers=workers, stock=True)
        seen.append(run(cfg)[0].seen)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("on_device", [False, True])
def test_epochs_and_seeds_differ_and_a_seed_repeats(on_device, crops, tmp_path):
    runs = []
    for number, seed in enumerate((3, 3, 4)):
        cfg = make_config(crops, tmp_path / f"run_{number}", on_device=on_device)
        cfg.randomness.seed = seed
        recorder, state = run(cfg)
        runs.append((recorder.seen, state))
    (first, state), (same, same_state), (other, other_state) = runs
    assert first == same
    assert_equal(state, same_state)
    assert all(first[step] != other[step] for step in first)
    assert len(set(first.values())) == STEPS * EPOCHS
    with pytest.raises(AssertionError):
        assert_equal(state, other_state)


def test_a_kill_before_the_validation_costs_no_validation(crops, tmp_path):
    """The state of the epoch is saved; its validation is run by the resumed run."""
    whole, _ = run(make_config(crops, tmp_path / "whole"))
    cfg = make_config(crops, tmp_path / "killed")

    class KillInValidation(Hook):
        def before_val_iter(self, runner, batch_idx, data_batch=None):
            raise InterruptedError

    run(cfg, KillInValidation())
    found = find_resumable(tmp_path / "killed")
    assert found.meta["iter"] == STEPS
    part, _ = run(cfg, load_from=found.path)
    assert part.metrics == whole.metrics


def test_an_epoch_schedule_saves_before_a_validation_that_is_not_in_step(
    crops, tmp_path
):
    cfg = make_config(crops, tmp_path / "run", epochs=3)
    cfg.default_hooks.checkpoint.update(by_epoch=True, interval=2, max_keep_ckpts=1)
    cfg.default_hooks.checkpoint.save_best = None
    seen = []

    class Look(Hook):
        def before_val_epoch(self, runner):
            names = sorted(p.name for p in (tmp_path / "run").glob("*.pth"))
            seen.append(names)

    run(cfg, Look())
    # Epoch 3 is the last one: it is saved, and the older goes after that.
    assert seen == [["state_iter_3.pth"], ["epoch_2.pth"], ["epoch_3.pth"]]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_ends_cleanly(number, crops, tmp_path):
    whole, state = run(make_config(crops, tmp_path / "whole"))
    cfg = make_config(crops, tmp_path / "run")
    cfg.default_hooks.checkpoint.update(by_epoch=True, interval=1)
    cfg.custom_hooks = []

    class Send(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == 3:
                os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with pytest.raises(Stopped, match=r"step 4.*state_iter_4\.pth.*--resume") as caught:
        run(cfg, Send())
    assert caught.value.number == number
    assert signal.getsignal(number) is before
    found = find_resumable(tmp_path / "run")
    assert Path(found.path).name == "state_iter_4.pth"
    _, resumed = run(cfg, load_from=found.path)
    assert_equal(state, resumed)
    assert not list((tmp_path / "run").glob("state_iter_*.pth"))


def test_a_second_signal_ends_at_once(crops, tmp_path):
    """In a process of its own, which it ends by the signal's default."""
    child = os.fork()
    if child == 0:

        class Twice(Hook):
            def before_train_iter(self, runner, batch_idx, data_batch=None):
                if runner.iter == 4:
                    os.kill(os.getpid(), signal.SIGTERM)
                    os.kill(os.getpid(), signal.SIGTERM)
                    time.sleep(60)

        run(make_config(crops, tmp_path / "run"), Twice())
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGTERM


def test_killed_at_thirty_random_moments_the_run_ends_the_same(crops, tmp_path):
    """SIGKILL at any time, every other one within a save, each time resumed."""
    epochs = 8
    _, state = run(make_config(crops, tmp_path / "whole", epochs=epochs))
    moment = random.Random(0)
    kills = finished = 0
    while kills < 30 or not finished:
        work_dir = tmp_path / f"killed_{finished}"
        when = moment.choice(WITHIN_A_SAVE) if kills % 2 else moment.uniform(0, 0.3)
        child = os.fork()
        if child == 0:
            cfg = make_config(crops, work_dir, epochs=epochs)
            _resume_in_child(cfg, when if kills < 30 else None)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            kills += 1
            continue
        assert os.WEXITSTATUS(status) == 0
        final = load_from_local(str(work_dir / f"iter_{STEPS * epochs}.pth"))
        assert_equal(state, final["state_dict"])
        finished += 1


WITHIN_A_SAVE = ("half written", "written", "renamed")


def _resume_in_child(cfg: Config, when: float | str | None) -> None:
    """Go on with a run; kill it `when` seconds after its first step, or in a save."""
    try:
        hooks = []
        if isinstance(when, float):
            hooks.append(KillAfter(when))
        elif when:
            _kill_within_the_second_save(when)
        found = find_resumable(cfg.work_dir)
        run(cfg, *hooks, load_from=found.path if found else None)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


class KillAfter(Hook):
    def __init__(self, seconds: float) -> None:
        self.timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if not self.timer.is_alive():
            self.timer.start()


def _kill_within_the_second_save(when: str) -> None:
    put, sync, calls = AtomicBackend.put, files.sync, []

    def put_half(self, obj, path):
        calls.append(path)
        if len(calls) == 2 and when == "half written":
            with files.replaced(path) as part:
                part.write_bytes(obj[: len(obj) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
        put(self, obj, path)

    def sync_not(path):
        if len(calls) == 2 and Path(path).is_dir() == (when == "renamed"):
            os.kill(os.getpid(), signal.SIGKILL)
        sync(path)

    AtomicBackend.put, files.sync = put_half, sync_not


@pytest.fixture
def finished(crops, tmp_path) -> Config:
    """A run of one epoch that kept two checkpoints, and its config."""
    cfg = make_config(crops, tmp_path / "run", epochs=1)
    cfg.default_hooks.checkpoint.max_keep_ckpts = 2
    cfg.default_hooks.checkpoint.save_best = None
    train(cfg)
    return cfg


def test_a_damaged_checkpoint_is_left_out_with_a_note(finished, capsys):
    last = Path(finished.work_dir, "iter_3.pth")
    last.write_bytes(last.read_bytes()[:1000])
    found = find_resumable(finished.work_dir)
    assert Path(found.path).name == "iter_2.pth"
    assert "Left out" in (told := capsys.readouterr().out) and "iter_3.pth" in told


def test_a_folder_of_damaged_checkpoints_is_refused(finished):
    for path in Path(finished.work_dir).glob("*.pth"):
        path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="none of its 2 checkpoints can be read"):
        find_resumable(finished.work_dir)


@pytest.mark.parametrize("error", ["No space left on device", "Read-only file system"])
def test_a_failed_save_keeps_the_last_good_one(error, finished, monkeypatch):
    def refuse(self, data):
        if ".pth." in self.name:
            raise OSError(error)
        return write(self, data)

    finished.train_cfg.max_epochs = 2
    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(CheckpointError, match=rf"iter_4\.pth.*{error}.*iter_3\.pth"):
        train(finished, "auto", allow_changes=True)
    names = sorted(p.name for p in Path(finished.work_dir).glob("*.pth"))
    assert names == ["iter_2.pth", "iter_3.pth"]
    assert find_resumable(finished.work_dir).meta["iter"] == 3


def test_what_does_not_read_back_replaces_nothing(tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="does not read back"):
        AtomicBackend().put(b"no zip archive", path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.pth"]


def test_changed_settings_are_refused_by_name(finished, capsys):
    finished.optim_wrapper.optimizer.lr = 2e-2
    finished.train_dataloader.num_workers = 2  # computes the same
    with pytest.raises(ConfigError) as caught:
        train(finished, "auto")
    message = str(caught.value)
    assert "1 settings changed since" in message
    assert "optim_wrapper.optimizer.lr: 0.01 -> 0.02" in message
    assert "--allow-changes" in message
    finished.train_dataloader.num_workers = 0
    train(finished, "auto", allow_changes=True)
    assert "Going on although 1 settings changed" in capsys.readouterr().out


def test_a_changed_manifest_is_refused(crops, finished, tmp_path):
    manifest = Manifest.read(crops / "manifest.csv")
    rows = {name: list(manifest[name]) for name in manifest.columns}
    rows["path"] = [str(crops / path) for path in rows["path"]]
    one = rows["type"].index("X")
    rows["type"][one] = "Y"
    Manifest(rows).write(tmp_path / "manifest.csv")
    finished.train_dataloader.dataset.data_root = str(tmp_path)
    with pytest.raises(ConfigError, match=r"data_state\.train\.types\.X: 3 -> 2"):
        train(finished, "auto")


def test_weights_alone_are_no_run(finished, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(dict(state_dict={}), path)
    with pytest.raises(CheckpointError, match=r"weights alone.*load_from="):
        train(finished, str(path))


def test_a_second_run_in_the_same_folder_is_refused(finished):
    with sole_run(finished.work_dir):
        with pytest.raises(ConfigError, match=rf"in use by .*process {os.getpid()} on"):
            train(finished, "auto")
    train(finished, "auto")


def test_auto_resume_of_an_empty_folder_starts_anew(crops, tmp_path, capsys):
    train(make_config(crops, tmp_path / "new", epochs=1), "auto")
    assert "holds no checkpoint yet: the run starts anew" in capsys.readouterr().out
    assert find_resumable(tmp_path / "new").meta["iter"] == STEPS

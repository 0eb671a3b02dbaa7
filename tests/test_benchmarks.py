"""The benchmarks run, and their sides do the same work; no time is judged here."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from bent_chromosomes import draw, rod
from mmengine.config import Config
from mmengine.runner import Runner

from benchmarks import (
    centromeres,
    comparators,
    cpu,
    data_path,
    debris,
    device_path,
    gradients,
    growth,
    loop,
    loss,
    measure,
    memory,
    operations,
    prediction,
    report,
    sampler,
    sharma,
    startup,
    step,
)
from benchmarks.crops import FEW_CASES, drawn_crops
from benchmarks.first_step import FirstStepHook
from benchmarks.results import Part, Table, at_least, at_most, compare
from mmscl.config import ConfigError
from mmscl.datasets import write_karyotypes
from mmscl.evaluation import read_prediction_table

FAST = dict(rounds=2, least=0.0)


@pytest.fixture(scope="module")
def crops():
    with drawn_crops(FEW_CASES) as root:
        yield root


def test_sides_take_turns_after_two_unmeasured_runs():
    called = []
    sides = {name: lambda name=name: called.append(name) for name in "AB"}
    times = measure.alternate(sides, rounds=3, least=1e-4)
    assert called[:4] == list("AABB")
    assert [name for name, _ in groupby(called[4:])] == list("ABABAB")
    assert [len(seconds) for seconds in times.values()] == [3, 3]


def test_a_side_that_tells_its_own_seconds_is_believed():
    assert measure.alternate({"A": lambda: 4.0}, 2, 0.0) == {"A": [4.0, 4.0]}


def test_a_speed_is_theirs_over_ours_and_a_cost_ours_over_theirs():
    speed = compare("x", "y", [1.0, 2.0, 4.0], [4.0, 4.0, 4.0], at_least(2.5))
    assert (speed.ratio, speed.low, speed.high, speed.met) == (2.0, 1.0, 4.0, False)
    assert speed.measured == "2 s : 4 s"
    cost = compare("x", "y", [1.02], [1.0], at_most(1.02))
    assert (cost.ratio, cost.met, cost.goal) == (1.02, True, "at most 1.02")


def test_peak_memory_is_that_of_the_work_without_its_input():
    if not memory.CLEAR.exists():
        pytest.skip("needs Linux")

    def work(given):
        first = given.copy()
        return first, first + 1

    (peaks,) = memory.peaks(
        lambda size: np.zeros(size, np.uint8), work, [32 * 2**20], 2
    )
    assert all(60 < peak / 2**20 < 70 for peak in peaks)  # twice 32 MB


@pytest.mark.parametrize("images", [48, 96])
def test_the_plain_loop_of_equation_3_gives_our_loss_and_gradient(images):
    ours = loss.SupConFocalLoss(gamma=loss.GAMMA, scale=loss.SCALE)
    results = []
    for function in (ours, loss.plain_loop):
        embeddings, labels = loss.batch(images)
        value = function(embeddings, labels)
        value.backward()
        results.append((value.detach(), embeddings.grad))
    torch.testing.assert_close(*(value for value, _ in results), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(*(grad for _, grad in results), rtol=1e-3, atol=1e-6)


def test_loss_against_both_peers():
    pytest.importorskip("pytorch_metric_learning")
    lines = loss.speed(48, **FAST)
    assert [line.against for line in lines] == [loss.PEER, loss.LOOP]
    assert [line.goal for line in lines] == ["at least 2", "at least 2"]


def test_step_with_and_without_scl_is_of_the_same_network():
    folders = ("scl", "baseline")
    models = [step.build_step(f"{f}/resnet10t_pki3.py", 3)[0] for f in folders]
    torch.testing.assert_close(*(dict(model.state_dict()) for model in models))
    assert [model.head.loss_con is None for model in models] == [False, True]


def test_step_is_measured_and_profiled():
    line = step.cost_of_scl("resnet10t_pki3", types=3, **FAST)
    assert line.low <= line.ratio <= line.high
    table = step.operators("scl/resnet10t_pki3.py", steps=1, types=3)
    assert any("convolution" in row[0] for row in table.rows)


def test_device_path_measures_the_same_images_three_ways(crops):
    setting = ("paper", (64, 32), 144)
    loaders = [device_path.loader_of(crops, *setting, on, 1) for on in (False, True)]
    (opencv,), (plans,) = loaders
    assert opencv["inputs"].shape == (48, 1, 64, 32)
    paths = [
        [one.img_path for one in batch["data_samples"]] for batch in (opencv, plans)
    ]
    assert paths[0] == paths[1]
    assert len(device_path.sides_of(crops, setting, 1)) == 3
    table = device_path.speed(crops, steps=1, **FAST)
    assert [row[0] for row in table.rows][0] == "'paper', 224 x 224"
    assert all(float(ratio) > 0 for row in table.rows for ratio in row[-2:])


@pytest.mark.slow
def test_loop_and_bare_step_take_turns(crops):
    line = loop.loop_against_step(crops, workers=0, rounds=2, steps=1)
    assert line.low > 0 and line.goal == "at least 0.97"


@pytest.mark.slow
def test_shares_of_the_loop_sum_to_the_whole(crops):
    table = loop.shares(crops, steps=2)
    shares = {row[0]: float(row[1].split()[0]) for row in table.rows}
    assert sum(shares.values()) == pytest.approx(100, abs=1)
    assert shares["backward"] > shares["hooks and log"] >= 0


@pytest.mark.parametrize("name", data_path.CONFIGS)
@pytest.mark.parametrize("cached", [True, False])
def test_the_peers_give_the_same_canvas(crops, name, cached):
    """Mean grey levels agree to 1 of 255: bilinear in three libraries."""
    images = {}
    for peer, build in data_path.LOADERS.items():
        dataset = build(crops, name, cached, steps=1, vary=False).dataset
        samples = [dataset[index] for index in range(0, 200, 20)]
        images[peer] = [s["inputs"] if isinstance(s, dict) else s for s in samples]
    shape = (1, 224, 224) if "224" in name else (1, 96, 48)
    for peer, tensors in images.items():
        assert {tuple(t.shape) for t in tensors} == {shape}, peer
        assert {t.dtype for t in tensors} == {torch.uint8}, peer
        for ours, theirs in zip(images["ours"], tensors, strict=True):
            assert abs(ours.float().mean() - theirs.float().mean()) < 1, peer


def test_data_path_lines_and_operations(crops):
    lines = data_path.speed(crops, "_base_/pki3_96x48.py", True, **FAST, steps=1)
    assert [line.goal for line in lines] == ["at least 4", "at least 2"]
    table = operations.operations(crops, images=2, **FAST)
    assert [row[0] for row in table.rows] == list(operations.OPERATIONS)


def test_both_samplers_yield_two_images_of_every_type():
    pytest.importorskip("pytorch_metric_learning")
    labels = sampler.labels_of(1000)
    for indices in (sampler.first_batch(labels), list(sampler.build_peer(labels, 1))):
        assert np.bincount(labels[indices]).tolist() == [2] * 24


def test_sampler_lines():
    pytest.importorskip("pytorch_metric_learning")
    epoch, first = sampler.speed(1000, 2, **FAST)
    assert (epoch.goal, first.goal) == ("at least 1", "at most 2 s")
    assert first.met is True


@pytest.mark.slow
def test_the_sides_of_prediction_predict_the_same():
    with drawn_crops(1) as root:
        lines, predicted = prediction.speed(root, rounds=1, least=0.0)
        ours = read_prediction_table(root / "predictions.csv").predicted.tolist()
    assert len(lines) == 4 and len(ours) == 46
    assert predicted["inferencer"] == ours
    # Resized by another library: a few images may lie on the edge of two types.
    agreed = np.mean(np.equal(predicted["plain"], ours))
    assert agreed > 0.8


def test_the_plain_loop_of_prediction_is_the_same_network():
    model, _ = step.build_step("scl/resnet10t_pki3.py")
    images = torch.randn(3, 1, 96, 48)
    plain = prediction.PlainLoop(model.eval(), [image for image in images], batch=3)
    plain.model_only()
    assert plain.labels == model(images).argmax(1).tolist()


def test_our_startup_config_keeps_the_hooks_and_ends_after_a_step(crops):
    cfg = Config.fromfile(startup.write_configs(crops)["ours"])
    known = Config.fromfile(startup.CONFIG)
    assert cfg.custom_hooks[:-1] == known.custom_hooks
    assert cfg.custom_hooks[-1].type.endswith("FirstStepHook")
    assert cfg.train_dataloader.dataset.data_root == str(crops)
    assert cfg.model == known.model


@pytest.mark.slow
def test_the_stock_startup_config_trains_the_same_encoder(crops, tmp_path, monkeypatch):
    class Ended(Exception):
        pass

    def end(hook):
        raise Ended

    cfg = Config.fromfile(startup.write_configs(crops)["stock"])
    cfg.work_dir, cfg.launcher = str(tmp_path), "none"
    monkeypatch.setattr(FirstStepHook, "end", end)
    runner = Runner.from_cfg(cfg)
    with pytest.raises(Ended):
        runner.train()
    assert float((crops / "out").read_text()) > 0
    ours, _ = step.build_step("scl/resnet10t_pki3.py")
    count = [
        sum(
            p.numel()
            for name, p in model.backbone.named_parameters()
            if "fc" not in name
        )
        for model in (runner.model, ours)
    ]
    assert count[0] == count[1]
    assert tuple(runner.train_dataloader.dataset[0]["inputs"].shape) == (1, 96, 48)


def test_growth_has_a_row_a_setting():
    few = growth.Setting(types=2)
    more = growth.Setting(types=3, embed_dims=16)
    rows = growth.growth((few, more), **FAST).rows
    assert [row[:4] for row in rows] == [["2", "1024", "2", "4"], ["2", "16", "3", "6"]]
    assert rows[0][5] == "1.00"


def test_options_of_the_cpu_are_compared_with_the_config():
    table = cpu.table_of(cpu.CONFIGS[0], types=2, compiled=False, **FAST)
    assert table.rows[0][2].startswith("1.00 ")
    assert any("channels_last off" in row[0] for row in table.rows)


def write_results(folder, name, part):
    kept = dict(
        lines=[vars(line) for line in part.lines],
        tables=[vars(table) for table in part.tables],
        notes=part.notes,
        machine=dict(cores="2"),
        seconds=60,
    )
    (folder / f"{name}.json").write_text(json.dumps(kept))


def test_the_page_shows_a_missed_goal_and_what_is_not_measured(tmp_path):
    line = compare("our loss", "theirs", [2.0], [2.2], at_least(2))
    table = Table("growth", "Title", "Note.", ["types"], [["24"]])
    write_results(tmp_path, "loss", Part([line], [table], ["A note."]))
    page = report.render(tmp_path)
    row = "| our loss | theirs | 1.1 (1.1..1.1) | 2 s : 2.2 s | at least 2 | **no** |"
    assert row in page
    assert "0 of 1 goals are met" in page
    assert "Not measured yet: step, loop," in page
    assert "### Title\n\nNote.\n\n| types |\n| --- |\n| 24 |" in page
    assert "| cores | 2 |" in page


def test_parts_of_two_machines_are_kept_apart(tmp_path):
    for name, cores in (("loss", "2"), ("step", "8")):
        write_results(tmp_path, name, Part())
        path = tmp_path / f"{name}.json"
        path.write_text(path.read_text().replace('"2"', f'"{cores}"'))
    page = report.render(tmp_path)
    assert "loss:\n\n| " in page and "step:\n\n| " in page


def test_quick_results_never_reach_the_docs(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    monkeypatch.setattr("sys.argv", ["loss", "--quick"])
    measure.run_script("loss", lambda quick: Part(notes=[f"quick: {quick}"]))
    kept = json.loads((tmp_path / "quick" / "loss.json").read_text())
    assert kept["notes"] == ["quick: True"]
    assert set(kept) == {"lines", "tables", "notes", "machine", "seconds"}


def test_every_part_has_a_script():
    scripts = {path.stem for path in (measure.ROOT / "benchmarks").glob("*.py")}
    assert set(report.PARTS) <= scripts


def test_centromeres_are_compared_with_the_ideogram(tmp_path, monkeypatch, capsys):
    """Drawn chromosomes have theirs where the ideogram has it."""
    write_karyotypes(tmp_path, cases=1, cells_per_case=1, seed=0)
    words = [str(tmp_path / "manifest.csv"), "--each", "1"]
    monkeypatch.setattr("sys.argv", ["centromeres", *words])
    centromeres.main()
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    others = next(row for row in rows if row[1] == "others without Y")
    assert others[2] == "18" and int(others[4].split("%")[0]) >= 70
    assert rows[0][1] == "13-15, 21, 22" and rows[0][2] == "5"


def test_debris_is_added_to_a_cell_one_picture_at_a_time(tmp_path, monkeypatch, capsys):
    write_karyotypes(tmp_path, cases=1, cells_per_case=1, seed=0)
    monkeypatch.setattr("sys.argv", ["debris", str(tmp_path / "manifest.csv")])
    debris.main()
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[1] for row in rows] == list(debris.KINDS)
    assert {row[2] for row in rows} == {"1"}
    placed = {row[1]: row[3:7].index("1") for row in rows}
    # what has the size of no chromosome is none of the types, whatever it looks like
    none = debris.OUTCOMES.index("none of the types")
    assert placed["nucleus"] == placed["five in a heap"] == placed["disc"] == none


def test_sharmas_way_is_measured_against_the_axes(tmp_path, monkeypatch, capsys):
    drawn = [draw("1", 80).image, draw("2", 80).image, rod()]
    row = sharma.row_of("drawn", drawn).strip("| ").split(" | ")
    assert row[:4] == ["drawn", "3", "2", "0"]
    assert abs(int(row[4]) - 80) < 8 and int(row[5]) < 20
    assert float(row[6].split()[0]) == pytest.approx(1.05, abs=0.06)
    assert sharma.row_of("straight", [rod()]) == "| straight | 1 | 0 |  |  |  |  |"
    write_karyotypes(tmp_path, cases=1, cells_per_case=1, seed=0)
    words = [str(tmp_path / "manifest.csv"), "--crops", "5"]
    monkeypatch.setattr("sys.argv", ["sharma", *words])
    sharma.main()
    assert f"| {tmp_path.name} | 5 | " in capsys.readouterr().out


def test_hooks_of_the_loop_count_their_turns():
    turns = loop.TurnsHook(steps=2, settle=1)
    steps = []
    model = SimpleNamespace(train_step=lambda batch, optim_wrapper: steps.append(batch))
    runner = SimpleNamespace(model=model, optim_wrapper=None)
    for number in range(6):
        turns.after_train_iter(runner, number, data_batch=number)
    assert steps == [2, 2, 2, 5, 5, 5]
    assert len(turns.loop) == len(turns.bare) == 2


def test_the_cost_of_a_network_is_that_of_its_products():
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1, bias=False),
        torch.nn.BatchNorm2d(4),
        torch.nn.Flatten(),
        torch.nn.Linear(4 * 6 * 8, 5),
    )
    cost = comparators.measure(layers, (6, 8))
    assert cost.parameters == 4 * 9 + 2 * 4 + 4 * 48 * 5 + 5
    assert cost.operations == 2 * (48 * 4 * 9 + 4 * 48 * 5)


def test_the_cost_that_is_told_is_that_of_the_configs():
    page = (Path(__file__).parents[1] / "docs/comparators.md").read_text("utf-8")
    told = [line for line in page.splitlines() if line.startswith("| `")]
    assert list(comparators.rows()) == told


def test_the_speed_of_the_reduced_configs_is_told_beside_the_first(monkeypatch):
    names = ["scl/resnet10t_pki3.py", "comparators/varifocal_pki3_256px.py"]
    monkeypatch.setattr(comparators, "CONFIGS", names)
    (row,) = comparators.speeds(batch=2, rounds=1)
    name, images, ratio = row.strip("| ").split(" | ")
    assert name == "resnet10t_pki3" and ratio == "1.00"
    assert float(images.replace(",", "")) > 1


def test_a_speed_says_what_is_only_inspired(monkeypatch):
    monkeypatch.setattr(comparators, "CONFIGS", ["comparators/siamese_pki3.py"])
    (row,) = comparators.speeds(batch=2, rounds=1)
    assert row.startswith("| siamese_pki3, inspired by Jindal et al. | ")
    assert comparators.inspired("comparators/straight_scl_pki3.py") == ""


class TwoTerms(torch.nn.Module):
    """Losses that are linear in one shared weight (2,), so its gradients are known."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2))
        self.head = torch.nn.Module()
        self.head.classifier = torch.nn.Linear(1, 1)
        self.head.pre_logits = torch.nn.Identity()

    def data_preprocessor(self, data, training):
        return data

    def extract_feat(self, inputs):
        return inputs

    def forward(self, inputs, data_samples, mode):
        contrast, classification = torch.tensor([3.0, 0.0]), torch.tensor([1.0, 1.0])
        bias = self.head.classifier.bias.sum()  # not shared, so not looked at
        return dict(
            loss_con=contrast @ self.weight,
            loss_cls=classification @ self.weight + 9 * bias,
        )


def test_the_two_gradients_are_those_of_shared_weights():
    embeddings = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    samples = [SimpleNamespace(gt_label=torch.tensor([n])) for n in (0, 0, 1, 1)]
    data = dict(inputs=embeddings, data_samples=samples)
    hook = gradients.GradientHook(every=2)
    for step_ in range(3):
        runner = SimpleNamespace(iter=step_, model=TwoTerms())
        hook.before_train_iter(runner, step_, data)
    assert [row[0] for row in hook.rows] == [0, 2]
    _, share, cosine, same, others = hook.rows[0]
    half = 2**-0.5
    assert share == pytest.approx(100 * 3 / (3 + 2**0.5))
    assert cosine == pytest.approx(half)
    assert same == pytest.approx((1 + half) / 2)  # of two pairs
    assert others == pytest.approx((0 + half) / 2)


def test_gradients_of_a_baseline_are_refused():
    config = Config(dict(model=dict(head=dict(type="SCLHead", loss=None))))
    with pytest.raises(ConfigError, match="model.head.loss.*take a config of scl/"):
        gradients.check_contrast(config)

"""Config files: every one builds; a mistyped key is named."""

import copy
import dataclasses
import inspect
import re
import sys
from argparse import Namespace
from pathlib import Path

import pytest
import timm
import torch
from mmengine.config import Config
from mmengine.registry import FUNCTIONS, MODEL_WRAPPERS, OPTIM_WRAPPERS, STRATEGIES
from mmpretrain.registry import DATA_SAMPLERS, HOOKS, METRICS, MODELS, TRANSFORMS
from torch.distributed.fsdp import FullyShardedDataParallel, MixedPrecision

import mmscl  # noqa: F401
from mmscl.config import (
    ConfigError,
    RunConfig,
    check_data,
    check_keys,
    check_options,
    read_config,
)
from mmscl.engine.fsdp_strategy import is_block, wrap_blocks
from mmscl.models.released_weights import released_model

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(ROOT.glob("configs/*/*.py"))
EXPERIMENTS = [path for path in CONFIGS if path.parent.name != "_base_"]
OGH = "vit-s vit-l davit-s davit-l swin-s swin-l resnet34 resnet50".split()


def args(config, **kwargs):
    given = dict(work_dir=None, launcher="none", cfg_options=None) | kwargs
    return Namespace(config=str(config), **given)


def test_the_papers_sixteen_configs_are_there():
    names = {f"{p.parent.name}/{p.stem}" for p in EXPERIMENTS}
    for model in OGH:
        assert {f"scl/{model}_ogh", f"baseline/{model}_ogh"} <= names


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_config_builds_its_components(path):
    cfg = read_config(args(path))
    with torch.device("meta"):
        # asking a meta model for its width works, no weight is allocated
        model = MODELS.build(cfg.model)
    assert model.head.num_classes == 24
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        for data in loader.dataset.get("datasets", [loader.dataset]):
            for transform in (*data.pipeline, *data.get("once", ())):
                TRANSFORMS.build(transform)
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        for metric in evaluator if isinstance(evaluator, list) else [evaluator]:
            METRICS.build(metric)
    for hook in cfg.custom_hooks:
        HOOKS.build(hook)
    assert DATA_SAMPLERS.get(cfg.train_dataloader.sampler.type)
    assert cfg.work_dir == f"work_dirs/{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("model", OGH)
def test_method_and_baseline_differ_in_one_setting(model):
    method = Config.fromfile(ROOT / f"configs/scl/{model}_ogh.py").to_dict()
    baseline = Config.fromfile(ROOT / f"configs/baseline/{model}_ogh.py").to_dict()
    assert method["model"]["head"].pop("loss") == dict(type="SupConFocalLoss")
    assert baseline["model"]["head"].pop("loss") is None
    assert method == baseline


@pytest.mark.parametrize("network", ["gnet", "sharma", "length18n", "straight18n"])
def test_the_pair_of_a_network_differs_in_the_loss_alone(network):
    method, baseline = (
        Config.fromfile(ROOT / f"configs/{arm}/{network}_pki3.py").to_dict()
        for arm in ("scl", "baseline")
    )
    assert method["model"]["head"].pop("loss") == dict(type="SupConFocalLoss")
    assert method["model"]["head"].pop("lambda1") == 0.1
    assert baseline["model"]["head"].pop("loss") is None
    assert method == baseline


LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


@pytest.mark.parametrize(
    "length, area", [("length18n", "straight18n"), ("bent18n", "resnet18n")]
)
def test_cells_of_one_length_and_of_one_area_differ_in_the_measure_alone(length, area):
    ours, other = (
        Config.fromfile(ROOT / f"configs/scl/{network}_pki3.py").to_dict()
        for network in (length, area)
    )
    for loader in LOADERS:
        data, theirs = ours[loader]["dataset"], other[loader]["dataset"]
        assert data.pop("cell_size") == "axis" and theirs.pop("cell_size") is True
        for step in data["pipeline"]:
            if step.get("cell_size"):
                assert step.pop("cell_measure") == "axis"
                step["cell_size"] = 31
    for key in ("model", *LOADERS, "train_cfg", "param_scheduler", "optim_wrapper"):
        assert ours[key] == other[key]


@pytest.mark.parametrize("network", ["length18n", "bent18n"])
def test_a_polarity_head_sees_the_crops_of_its_classifier(network):
    head, classifier = (
        Config.fromfile(ROOT / f"configs/scl/{network}_{name}.py").to_dict()
        for name in ("pki3_polarity", "pki3")
    )
    for loader in LOADERS:
        pipeline = head[loader]["dataset"]["pipeline"]
        flip = pipeline.pop(1)
        assert flip["type"] == "FlipPolarity" and flip["upright"]
        keys = pipeline[-1]["meta_keys"]
        pipeline[-1]["meta_keys"] = tuple(k for k in keys if k != "polarity_label")
        assert head[loader] == classifier[loader]
    assert head["model"].pop("polarity_head") and head["model"] == classifier["model"]


def test_sharmas_cnn_with_scl_differs_from_the_comparator_in_the_head_alone():
    scl, sharma = (
        Config.fromfile(ROOT / f"configs/{arm}/sharma_pki3.py").to_dict()
        for arm in ("scl", "comparators")
    )
    assert scl["model"].pop("head")["type"] == "SCLHead"
    assert sharma["model"].pop("head")["type"] == "LinearClsHead"
    assert scl["model"].pop("predict_embedding") is True
    metrics = [one["type"] for one in scl.pop("test_evaluator")]
    assert metrics == ["ChromosomeMetric", "EmbeddingMetric", "PredictionTable"]
    assert sharma.pop("test_evaluator") and scl == sharma


@pytest.mark.parametrize("name", ["supcon", "triplet", "arcface", "smoothing"])
def test_a_comparators_loss_is_all_that_differs_from_scl(name):
    scl = Config.fromfile(ROOT / "configs/scl/resnet10t_pki3.py").to_dict()
    other = Config.fromfile(ROOT / f"configs/comparators/{name}_pki3.py").to_dict()
    for cfg in (scl, other):
        for key in ("loss", "lambda1", "loss_cls"):
            cfg["model"]["head"].pop(key, None)
    assert scl == other


def test_the_published_varifocal_net_is_the_full_config():
    cfg = Config.fromfile(ROOT / "configs/comparators/varifocal_pki3_256px.py")
    assert cfg.model.backbone.channels == (160, 320, 640)
    assert cfg.model.crop_gradient == "mask"
    phases = cfg.custom_hooks[-1].phases
    assert sum(phase.share for phase in phases) == cfg.train_cfg.max_epochs
    assert [phase.share for phase in phases] == [30, 1, 30, 20]
    canvas = cfg.train_dataloader.dataset.pipeline[2]
    assert (canvas.size, canvas.extent, canvas.rotation) == (256, 320, (0, 45))


@pytest.mark.parametrize(
    "name, theirs, component",
    [
        ("siamese", "inspired by Jindal et al.", "SiameseClassifier"),
        ("straightening", "inspired by HR-Net", "StraighteningClassifier"),
    ],
)
def test_systems_that_are_only_inspired_say_so(name, theirs, component):
    """In their configs, docstrings and every row of a table."""
    configs = sorted(ROOT.glob(f"configs/comparators/{name}_*.py"))
    assert len(configs) == 2
    kind = MODELS.get(component)
    texts = [path.read_text("utf-8") for path in configs]
    texts += [kind.__doc__, inspect.getmodule(kind).__doc__]
    for text in texts:
        assert "inspired by" in text.lower()
    for page, rows in (("configs/README.md", 2), ("docs/comparators.md", 3)):
        lines = (ROOT / page).read_text("utf-8").splitlines()
        told = [line for line in lines if f"{name}_pki3" in line and line[0] == "|"]
        assert len(told) == rows and all("inspired by" in line for line in told)
    table = (ROOT / "docs/comparators.md").read_text("utf-8")
    assert table.count(f"`, {theirs} |") == 2  # of what each costs


def test_one_changed_line_trains_on_pki3(tmp_path):
    text = (ROOT / "configs/scl/swin-l_ogh.py").read_text()
    assert text.count("ogh_224px") == 2  # in _base_, and in the line that says so
    path = tmp_path / "scl" / "swin-l_pki3.py"
    path.parent.mkdir()
    (tmp_path / "_base_").symlink_to(ROOT / "configs/_base_")
    path.write_text(text.replace("ogh_224px", "pki3_224px"))
    cfg = read_config(args(path))
    assert cfg.train_dataloader.dataset.data_root == "data/pki3"
    assert list(cfg.external) == ["datanew"]
    assert cfg.train_dataloader.dataset.pipeline[1].size == 224


def test_the_authors_network_is_the_one_whose_weights_are_converted():
    cfg = Config.fromfile(ROOT / "configs/scl/swin-l_ogh_icip2025.py")
    assert cfg.model == released_model("swin_large_patch4_window7_224")


def test_the_papers_schedule():
    cfg = Config.fromfile(ROOT / "configs/scl/swin-l_ogh.py")
    assert cfg.optim_wrapper.optimizer == dict(type="Adam", lr=1e-5)
    assert cfg.train_cfg.max_epochs == 200
    assert cfg.train_dataloader.sampler.steps_per_epoch == 2000
    assert cfg.train_dataloader.batch_size == 48


def test_a_mistyped_key_is_named(tmp_path):
    with pytest.raises(ConfigError, match="'train_dataloder'; .* 'train_dataloader'"):
        check_keys(Config(dict(train_dataloder={}, my_lr=1)), "c.py")
    path = tmp_path / "c.py"
    path.write_text("optim_wraper = dict()\n")
    with pytest.raises(ConfigError, match="c.py: unknown key 'optim_wraper'"):
        read_config(args(path))


def test_a_mistyped_option_is_named():
    cfg = Config(dict(model=dict(head=dict(loss=1)), hooks=[dict(a=1)]))
    check_options(cfg, {"model.head.lambda1": 1, "hooks.0.a": 2, "load_from": 1}, "c")
    with pytest.raises(ConfigError, match="no 'model.hed'; did you mean 'head'"):
        check_options(cfg, {"model.hed.loss": 2}, "c")
    with pytest.raises(ConfigError, match="no 'hooks.1'; there is: 0"):
        check_options(cfg, {"hooks.1.a": 2}, "c")
    with pytest.raises(ConfigError, match="no 'modle'; did you mean 'model'"):
        check_options(cfg, {"modle.x": 2}, "c")


def test_modules_that_an_option_names_are_imported(tmp_path, monkeypatch):
    (tmp_path / "our_losses.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    path = ROOT / "configs/scl/resnet10t_pki3.py"
    options = {"custom_imports.imports": ["mmscl", "our_losses"]}
    read_config(args(path, cfg_options=options))
    assert sys.modules.pop("our_losses")
    options = {"custom_imports.imports": ["our_loses"]}
    with pytest.raises(ConfigError, match="custom_imports: .*our_loses"):
        read_config(args(path, cfg_options=options))


def test_the_data_of_a_concatenation_are_those_of_all_its_parts():
    drawn = dict(type="SyntheticKaryotypes", cases=1, abnormal_rate=0.0)

    def describe(*parts):
        joined = dict(type="ConcatDataset", datasets=list(parts))
        return check_data(Config(dict(train_dataloader=dict(dataset=joined))))

    one, both = describe(drawn)["train"], describe(drawn, dict(drawn, seed=1))["train"]
    assert (one["images"], both["images"]) == (92, 184)
    assert both["types"]["1"] == 2 * one["types"]["1"] == 8
    assert both["rows"] not in (one["rows"], describe(drawn, drawn)["train"]["rows"])
    alone = check_data(Config(dict(train_dataloader=dict(dataset=drawn))))
    assert alone["train"] == one
    assert describe(drawn, dict(type="CIFAR10", data_root=".")) == {}


def test_a_missing_config_is_named():
    with pytest.raises(ConfigError, match="nowhere.py: no such config"):
        read_config(args("nowhere.py"))


def test_amp_without_a_gpu_is_refused(monkeypatch):
    path = ROOT / "configs/scl/resnet10t_pki3.py"
    monkeypatch.setattr("mmscl.config.get_device", lambda: "cpu")
    with pytest.raises(ConfigError, match="--amp: expected a GPU, got .* 'cpu'"):
        read_config(args(path, amp=True))


def test_amp_is_mmengines_wrapper_around_the_configs_optimizer(monkeypatch):
    path = ROOT / "configs/scl/resnet10t_pki3.py"
    monkeypatch.setattr("mmscl.config.get_device", lambda: "cuda")
    plain, half = (read_config(args(path, amp=amp)).optim_wrapper for amp in (0, 1))
    assert half.type == "AmpOptimWrapper" and half.loss_scale == "dynamic"
    assert plain.type == "OptimWrapper"
    assert half.optimizer == plain.optimizer and half.clip_grad == plain.clip_grad


@pytest.mark.parametrize("gpu", [True, False])
def test_memory_is_pinned_where_there_is_a_gpu(gpu, monkeypatch):
    """And workers, where there are any, live as long as the run."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    for name, workers in (("resnet34_ogh", True), ("resnet10t_pki3", False)):
        path = ROOT / f"configs/scl/{name}.py"
        cfg = read_config(args(path))
        for loader in (cfg.train_dataloader, cfg.val_dataloader):
            assert loader.pin_memory == gpu
            assert loader.persistent_workers == workers
    loader = read_config(args(path, no_pin_memory=True)).train_dataloader
    assert not loader.pin_memory


def test_the_documented_config_augments_on_the_device():
    """docs/training.md: its block differs from its base in where pixels are done."""
    page = (ROOT / "docs/training.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(_base_ = .*?)```", page, re.DOTALL)
    text = block.replace("'./", f"'{ROOT}/configs/scl/")
    cfg = Config.fromstring(text, ".py")
    base = Config.fromfile(ROOT / "configs/scl/resnet10t_pki3.py")
    ours, theirs = (
        TRANSFORMS.build(c.train_dataloader.dataset.pipeline[1]) for c in (cfg, base)
    )
    assert ours.on_device and not theirs.on_device
    assert repr(ours.transforms) == repr(theirs.transforms)
    preprocessor = dict(cfg.model.data_preprocessor, type="ChromosomePreprocessor")
    assert MODELS.build(preprocessor)._non_blocking


SHARDED = [ROOT / f"configs/scl/swin-l_ogh_{name}.py" for name in ("fsdp", "deepspeed")]


@pytest.mark.parametrize("path", SHARDED, ids=lambda p: p.stem)
def test_every_key_of_a_strategy_is_an_argument_that_upstream_takes(path):
    """An upstream rename turns this red, without a GPU or DeepSpeed."""
    strategy = read_config(args(path)).strategy.to_dict()
    kind = STRATEGIES.get(strategy.pop("type"))
    upstream = kind.__mro__[1]
    assert upstream.__module__.startswith("mmengine._strategy")
    assert strategy.keys() <= inspect.signature(upstream).parameters.keys()
    wrapper = strategy.get("model_wrapper", {})
    if wrapper:
        own = inspect.signature(MODEL_WRAPPERS.get(wrapper.pop("type"))).parameters
        torchs = inspect.signature(FullyShardedDataParallel).parameters
        assert wrapper.keys() <= own.keys() | torchs.keys()
        fields = {field.name for field in dataclasses.fields(MixedPrecision)}
        assert wrapper["mixed_precision"].keys() <= fields
        assert FUNCTIONS.get(wrapper["auto_wrap_policy"])
        assert FUNCTIONS.get(strategy["activation_checkpointing"]["check_fn"])
    assert OPTIM_WRAPPERS.get(read_config(args(path)).optim_wrapper.type)


@pytest.mark.parametrize("path", SHARDED, ids=lambda p: p.stem)
def test_a_sharded_config_is_the_papers_but_for_sharding(path):
    sharded = Config.fromfile(path).to_dict()
    plain = Config.fromfile(ROOT / "configs/scl/swin-l_ogh.py").to_dict()
    assert sharded["model"]["head"]["loss"].pop("gather") is True
    sharded["model"]["backbone"].pop("with_cp", None)
    sharded["optim_wrapper"].pop("type"), plain["optim_wrapper"].pop("type")
    assert sharded.pop("runner_type") == "FlexibleRunner"
    assert sharded.pop("strategy")
    assert sharded == plain


@pytest.mark.parametrize(
    ("model_name", "blocks"),
    [
        ("swin_large_patch4_window7_224", 24),
        ("vit_small_patch8_224", 12),
        ("davit_small", 24),
        ("resnet34", 16),
        ("resnet50", 16),
    ],
)
def test_the_policy_finds_the_blocks_of_the_papers_networks(model_name, blocks):
    with torch.device("meta"):
        model = timm.create_model(model_name)
    found = [m for m in model.modules() if wrap_blocks(m, False, 0)]
    assert len(found) == blocks
    assert not any(
        inner is not m and is_block(inner) for m in found for inner in m.modules()
    )
    # most of the weights are in the units that are sharded apart
    inside = sum(p.numel() for m in found for p in m.parameters())
    assert inside > 0.8 * sum(p.numel() for p in model.parameters())


def test_a_configs_text_is_formatted_once_until_a_setting_changes(monkeypatch):
    plain = Config.fromfile(ROOT / "configs/scl/resnet10t_pki3.py")
    cfg = copy.deepcopy(RunConfig.of(plain))
    assert cfg.pretty_text == plain.pretty_text
    monkeypatch.setattr(Config, "pretty_text", property(lambda self: "formatted anew"))
    assert "SCLClassifier" in cfg.pretty_text
    assert cfg.dump() == cfg.pretty_text
    cfg.model.head.lambda1 = 0.7
    assert cfg.pretty_text == "formatted anew"

"""ChromosomeInferencer: the Runner's scores, from every kind of input."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from corpus import corpus, write_corpus
from corpus_case import ERROR, IMAGE
from mmengine.config import Config
from mmpretrain.registry import MODELS
from trained import META, build_model, make_config, save_weights, write_cells

from mmscl.checkpoint import CheckpointError
from mmscl.config import ConfigError
from mmscl.datasets import TYPES, ChromosomeDataset, Manifest, SyntheticKaryotypes
from mmscl.datasets.ahead import made_ahead
from mmscl.datasets.images import ImageError
from mmscl.datasets.manifest import ManifestError
from mmscl.evaluation import read_embeddings, read_prediction_table
from mmscl.export import export_weights
from mmscl.files import OutputError
from mmscl.inference import ChromosomeInferencer
from mmscl.testing import evaluate_checkpoint


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("drawn")
    write_cells(root)
    save_weights(make_config(root), root / "weights.pth")
    return root


@pytest.fixture(scope="module")
def paths(root) -> list[str]:
    manifest = Manifest.read(root / "manifest.csv")
    return [str(root / path) for path in manifest["path"]]


@pytest.fixture(scope="module")
def infer(root) -> ChromosomeInferencer:
    return ChromosomeInferencer(make_config(root), root / "weights.pth", device="cpu")


@pytest.fixture(scope="module")
def infer_sized(root) -> ChromosomeInferencer:
    """Of a config that brings every cell to one size."""
    config = make_config(root, cell_size=31)
    return ChromosomeInferencer(config, root / "weights.pth", device="cpu")


@pytest.fixture(scope="module")
def expected(infer, root):
    return infer(root, embeddings=True)


# What the Runner's test loop gives


@pytest.mark.parametrize("encoder", ["resnet10t", "vit"])
@pytest.mark.parametrize(
    "cell_size,measure", [(None, "area"), (31, "area"), (64, "axis")]
)
def test_scores_are_those_of_the_test_loop(encoder, cell_size, measure, root, tmp_path):
    cfg = make_config(root, encoder, cell_size, cell_measure=measure)
    weights = str(save_weights(cfg, tmp_path / "weights.pth"))
    evaluate_checkpoint(cfg, weights, out=str(tmp_path), embeddings=True)
    theirs = read_prediction_table(tmp_path / "internal" / "predictions.csv")
    embedding, names, _ = read_embeddings(tmp_path / "internal" / "predictions.npz")

    found = ChromosomeInferencer(cfg, weights, device="cpu")(root, embeddings=True)
    ours = found.predictions
    assert len(ours) == 92 and len(set(theirs.predicted)) > 3
    for name in ("path", "case", "cell", "site", "labels", "predicted"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert ours.types == theirs.types == TYPES
    np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-5)
    np.testing.assert_array_equal(names, ours.path)
    scale = np.abs(embedding).max()
    np.testing.assert_allclose(found.embeddings, embedding, atol=1e-5 * scale)


@pytest.fixture(scope="module")
def polarity_root(root, tmp_path_factory) -> Path:
    """Weights of a model with a polarity head."""
    folder = tmp_path_factory.mktemp("polarity")
    save_weights(make_config(root, polarity=True), folder / "weights.pth")
    return folder


@pytest.mark.parametrize("orient", [False, True])
def test_the_polarity_is_that_of_the_test_loop(orient, root, polarity_root, tmp_path):
    cfg = make_config(root, polarity=True)
    weights = str(polarity_root / "weights.pth")
    infer = ChromosomeInferencer(cfg, weights, device="cpu", orient=orient)
    found = infer(root, embeddings=True)
    cfg.model.orient = orient
    evaluate_checkpoint(cfg, weights, out=str(tmp_path), embeddings=True)
    theirs = read_prediction_table(tmp_path / "internal" / "predictions.csv")
    ours = found.predictions
    assert ours.polarity is not None and theirs.polarity is not None
    assert (ours.polarity < 0.4).any() and (ours.polarity > 0.6).any()
    np.testing.assert_allclose(ours.polarity, theirs.polarity, atol=1e-5)
    np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-4)
    embedding = read_embeddings(tmp_path / "internal" / "predictions.npz")[0]
    atol = 1e-4 * np.abs(embedding).max()
    np.testing.assert_allclose(found.embeddings, embedding, atol=atol)
    found.write(tmp_path / "p.csv")
    np.testing.assert_array_equal(
        read_prediction_table(tmp_path / "p.csv").polarity, ours.polarity
    )


def test_orient_needs_a_model_that_tells_the_polarity(infer, expected, root):
    assert expected.predictions.polarity is None
    with pytest.raises(ConfigError, match="orient=True: SCLClassifier has no polarity"):
        ChromosomeInferencer(
            make_config(root), root / "weights.pth", device="cpu", orient=True
        )


def test_the_split_and_the_rows_are_those_of_the_manifest(infer, expected, root):
    manifest = Manifest.read(root / "manifest.csv")
    chosen = np.flatnonzero(manifest["split"] == "test")
    found = infer(root / "manifest.csv", split="test").predictions
    np.testing.assert_array_equal(found.path, expected.predictions.path[chosen])
    np.testing.assert_allclose(
        found.scores, expected.predictions.scores[chosen], atol=1e-5
    )
    with pytest.raises(ManifestError, match="no row has split 'val'.*column split"):
        infer(root, split="val")


def test_rows_stay_in_order_when_cells_are_mixed(infer_sized, root, tmp_path):
    """Crops are read cell by cell; the table follows the manifest all the same."""
    manifest = Manifest.read(root / "manifest.csv")
    order = np.random.default_rng(0).permutation(len(manifest))
    columns = {name: manifest[name][order] for name in manifest.columns}
    columns["path"] = [str(root / path) for path in columns["path"]]
    Manifest(columns).write(tmp_path / "mixed.csv")
    mixed = infer_sized(tmp_path / "mixed.csv").predictions
    plain = infer_sized(root).predictions
    np.testing.assert_array_equal(mixed.path, plain.path[order])
    np.testing.assert_array_equal(mixed.cell, plain.cell[order])
    np.testing.assert_allclose(mixed.scores, plain.scores[order], atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_the_batch_size_changes_nothing(batch_size, expected, root):
    infer = ChromosomeInferencer(
        *(make_config(root), root / "weights.pth"), device="cpu", batch_size=batch_size
    )
    found = infer(root).predictions
    np.testing.assert_allclose(found.scores, expected.predictions.scores, atol=1e-5)


# Kinds of input


def test_lists_of_paths_and_of_arrays_give_the_same(infer, expected, paths):
    by_path = infer(paths).predictions
    assert by_path.path.tolist() == paths
    assert set(by_path.case) == set(by_path.cell) == {""}
    assert set(by_path.labels) == {-1}
    grey = [cv2.imread(path, cv2.IMREAD_GRAYSCALE) for path in paths]
    arrays = [
        cv2.cvtColor(g, cv2.COLOR_GRAY2BGR) if n % 2 else g for n, g in enumerate(grey)
    ]
    by_array = infer(arrays).predictions
    assert by_array.path[:2].tolist() == ["inputs[0]", "inputs[1]"]
    for scores in (by_path.scores, by_array.scores):
        np.testing.assert_allclose(scores, expected.predictions.scores, atol=1e-5)


def test_one_path_and_one_array(infer, expected, paths):
    first = expected.predictions.scores[:1]
    for one in (paths[0], Path(paths[0]), cv2.imread(paths[0])):
        np.testing.assert_allclose(infer(one).predictions.scores, first, atol=1e-5)


def test_a_folder_of_crops_is_read_sorted_with_folders_below(
    infer, expected, paths, tmp_path
):
    for number, path in enumerate(paths[:5]):
        folder = tmp_path / ("b" if number == 0 else "a")
        folder.mkdir(exist_ok=True)
        shutil.copy(path, folder / f"{9 - number}.png")
    (tmp_path / "notes.txt").write_text("of the lab")
    found = infer(tmp_path)
    names = [
        str(tmp_path / name)
        for name in ("a/5.png", "a/6.png", "a/7.png", "a/8.png", "b/9.png")
    ]
    assert found.predictions.path.tolist() == names
    assert found.other_files == 1
    scores = expected.predictions.scores[[4, 3, 2, 1, 0]]
    np.testing.assert_allclose(found.predictions.scores, scores, atol=1e-5)


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.parametrize("measured", [False, True])
def test_a_data_set_whose_own_pipeline_is_not_used(cache, measured, infer_sized, root):
    data = ChromosomeDataset(
        data_root=str(root), pipeline=[], cache=cache, cell_size=measured
    )
    found = infer_sized(data).predictions
    np.testing.assert_allclose(
        found.scores, infer_sized(root).predictions.scores, atol=1e-5
    )


def test_drawn_crops_that_are_no_files(infer_sized):
    found = infer_sized(SyntheticKaryotypes(cases=1, cells_per_case=1)).predictions
    assert len(found) >= 45 and set(found.labels) <= set(range(24))


def test_a_table_of_new_crops_needs_no_types(infer_sized, root, paths, tmp_path):
    manifest = Manifest.read(root / "manifest.csv")
    rows = zip(paths, manifest["case"], manifest["cell"], strict=True)
    lines = ["path,case,cell", *(",".join(row) for row in rows)]
    (tmp_path / "new.csv").write_text("\n".join(lines))
    new = infer_sized(tmp_path / "new.csv").predictions
    known = infer_sized(root).predictions
    assert set(new.labels) == {-1}
    np.testing.assert_array_equal(new.cell, known.cell)
    np.testing.assert_allclose(new.scores, known.scores, atol=1e-5)
    some = [lines[0] + ",type", *(line + "," for line in lines[1:-1]), lines[-1] + ",X"]
    (tmp_path / "new.csv").write_text("\n".join(some))
    labels = infer_sized(tmp_path / "new.csv").predictions.labels
    assert set(labels[:-1]) == {-1} and labels[-1] == TYPES.index("X")


@pytest.mark.parametrize(
    ("inputs", "error", "words"),
    [
        ([], ValueError, "an empty list"),
        (7, TypeError, "expected a folder, a manifest, an image file,.* got int"),
        (
            [None],
            TypeError,
            r"inputs\[0\]: expected a path or an array, got",
        ),
        ("lost.png", FileNotFoundError, "lost.png: no such file or folder"),
        ("missing.csv", ManifestError, "missing.csv: no such manifest"),
        ([np.zeros((3, 3))], ImageError, r"inputs\[0\]: expected 8-bit or 16-bit"),
    ],
)
def test_inputs_that_cannot_be_meant(inputs, error, words, infer):
    with pytest.raises(error, match=words):
        infer(inputs)


def test_folders_without_crops(infer, tmp_path):
    with pytest.raises(FileNotFoundError, match="no image file in it .*; 0 other"):
        infer(tmp_path)
    (tmp_path / "a.txt").touch()
    with pytest.raises(FileNotFoundError, match="no image file in it .*; 1 other"):
        infer(tmp_path)
    (tmp_path / "manifest.csv").write_text("path,type\n")
    with pytest.raises(ManifestError, match=r"manifest.csv: the table has no rows"):
        infer(tmp_path)
    with pytest.raises(ManifestError, match="split='test'.* is none"):
        infer([str(tmp_path)], split="test")


# The size of the cell


def test_one_cell_measures_all_crops_together(infer_sized, root, paths):
    whole = infer_sized(root).predictions
    cell = np.flatnonzero(whole.cell == whole.cell[0])
    found = infer_sized([paths[row] for row in cell], one_cell=True).predictions
    np.testing.assert_allclose(found.scores, whole.scores[cell], atol=1e-5)
    few = infer_sized([paths[row] for row in cell[:2]], one_cell=True).predictions
    assert np.abs(few.scores - whole.scores[cell[:2]]).max() > 1e-3


def test_cells_that_are_needed_and_not_known(infer_sized, root, paths, tmp_path):
    with pytest.raises(ManifestError, match="one size .cell_size=31.* one_cell=True"):
        infer_sized(paths)
    with pytest.raises(ManifestError, match="tell 2 cells apart; drop one_cell"):
        infer_sized(root, one_cell=True)
    (tmp_path / "new.csv").write_text(
        f"path,case,cell\n{paths[0]},c,1\n{paths[1]},c,\n"
    )
    with pytest.raises(ManifestError, match=f"1 of 2 crops, first {paths[1]}"):
        infer_sized(tmp_path / "new.csv")


def test_a_cell_without_chromosomes_has_no_size(infer_sized, paths):
    blank = np.full((20, 20), 255, np.uint8)
    with pytest.raises(ImageError, match=r"^inputs\[0\]: no chromosome found"):
        infer_sized([blank, blank], one_cell=True)
    with pytest.raises(ImageError, match="none of its 2 crops can be read"):
        infer_sized([blank, blank], one_cell=True, skip_unreadable=True)
    with pytest.raises(
        ImageError, match=r"^the array: its only crop cannot be read, in"
    ):
        infer_sized(blank, one_cell=True, skip_unreadable=True)


# Files that cannot be read


def test_broken_files_are_errors_with_their_path(infer, paths, tmp_path):
    write_corpus(tmp_path)
    broken = [case for case in corpus() if case.expect == ERROR]
    for case in broken[::7]:
        path = str(tmp_path / case.name)
        with pytest.raises(ImageError) as caught:
            infer([paths[0], path])
        assert str(caught.value).startswith(f"{path}: ") and case.says in str(
            caught.value
        )


@pytest.mark.parametrize("cell_size", [None, 31])
def test_broken_files_are_left_out_with_their_reasons(cell_size, root, tmp_path):
    cases = write_corpus(tmp_path)
    infer = ChromosomeInferencer(
        make_config(root, cell_size=cell_size), root / "weights.pth", device="cpu"
    )
    names = [name for name, case in cases.items() if case.expect in (ERROR, IMAGE)]
    found = infer(
        [str(tmp_path / name) for name in names], one_cell=True, skip_unreadable=True
    )
    kept = [str(tmp_path / n) for n in names if cases[n].expect == IMAGE]
    left = [str(tmp_path / n) for n in names if cases[n].expect == ERROR]
    assert found.predictions.path.tolist() == kept
    assert [one.path for one in found.left_out] == left and len(left) > 300
    for one in found.left_out:
        assert cases[Path(one.path).name].says in one.reason
        assert one.path not in one.reason
    np.testing.assert_allclose(found.predictions.scores.sum(1), 1, atol=1e-5)


def test_nothing_that_can_be_read_is_an_error(infer, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ImageError, match="its only crop .*a.png: the file is empty"):
        infer(tmp_path, skip_unreadable=True)
    with pytest.raises(ImageError, match="a.png: cannot be read: the file is empty"):
        infer(tmp_path / "a.png", skip_unreadable=True)
    (tmp_path / "b.png").write_bytes(b"")
    with pytest.raises(ImageError, match="none of its 2 crops .*a.png: the file is em"):
        infer(tmp_path, skip_unreadable=True)


def test_batches_are_made_by_a_thread_and_only_a_few_ahead():
    made = []

    def items():
        for number in range(9):
            made.append(threading.current_thread().name)
            yield number
        raise ImageError("the last is broken")

    ahead = made_ahead(items(), count=2)
    assert next(ahead) == 0 and len(made) <= 3
    with pytest.raises(ImageError, match="the last is broken"):
        for number, item in enumerate(ahead, 1):
            assert item == number
    assert number == 8 and all(name.startswith("mmscl_ahead") for name in made)


# The model


def test_weights_as_safetensors_and_a_built_classifier(root, expected, tmp_path):
    cfg = make_config(root)
    export_weights(str(root / "weights.pth"), tmp_path / "weights.safetensors")
    model = build_model(cfg)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for infer in (
        ChromosomeInferencer(cfg, tmp_path / "weights.safetensors", device="cpu"),
        ChromosomeInferencer(model, config=cfg, device="cpu"),
    ):
        found = infer(root, embeddings=True)
        np.testing.assert_array_equal(
            found.predictions.scores, expected.predictions.scores
        )
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_config_file_and_its_text_give_the_same(root, expected, tmp_path):
    cfg = make_config(root)
    cfg.dump(tmp_path / "config.py")
    infer = ChromosomeInferencer(tmp_path / "config.py", root / "weights.pth")
    np.testing.assert_allclose(
        infer(root).predictions.scores, expected.predictions.scores, atol=1e-5
    )


def test_the_text_in_a_checkpoint_is_not_run(root, tmp_path):
    text = f"open({str(tmp_path / 'it_ran')!r}, 'w')"
    cfg = make_config(root)
    weights = save_weights(cfg, tmp_path / "w.pth", meta=dict(cfg=text, config=text))
    ChromosomeInferencer(cfg, weights)
    assert not (tmp_path / "it_ran").exists()


def test_a_classifier_of_mmpretrain_with_its_own_pipeline(root, tmp_path):
    """ResNet and LinearClsHead, LoadImageFromFile, three channels, no canvas."""
    cfg = make_config(root)
    cfg.model = dict(
        type="ImageClassifier",
        backbone=dict(type="ResNet", depth=18, base_channels=8, stem_channels=8),
        neck=dict(type="GlobalAveragePooling"),
        head=dict(type="LinearClsHead", num_classes=24, in_channels=64),
        data_preprocessor=dict(mean=[120, 121, 122], std=[58] * 3, to_rgb=True),
    )
    cfg.test_dataloader.dataset.pipeline = [
        dict(type="LoadImageFromFile"),
        dict(type="Resize", scale=(32, 32)),
        dict(type="PackInputs", meta_keys=META),
    ]
    save_weights(cfg, tmp_path / "w.pth")
    evaluate_checkpoint(cfg, str(tmp_path / "w.pth"), out=str(tmp_path))
    theirs = read_prediction_table(tmp_path / "internal" / "predictions.csv")
    infer = ChromosomeInferencer(cfg, tmp_path / "w.pth", device="cpu")
    found = infer(root, embeddings=True)
    assert len(set(theirs.predicted)) > 3
    np.testing.assert_allclose(found.predictions.scores, theirs.scores, atol=1e-5)
    assert found.embeddings.shape == (92, 64)


def test_a_head_with_a_way_of_its_own_is_asked(root, tmp_path):
    cfg = make_config(root)
    cfg.model.head = dict(
        type="MultiLabelLinearClsHead", num_classes=24, in_channels=512
    )
    cfg.model.pop("predict_embedding")
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    infer = ChromosomeInferencer(model, config=cfg, device="cpu")
    scores = infer(root).predictions.scores
    assert np.abs(scores.sum(1) - 1).min() > 1  # 24 sigmoids


def test_mixed_precision_changes_little(root, expected):
    infer = ChromosomeInferencer(
        make_config(root), root / "weights.pth", device="cpu", amp=True
    )
    scores = infer([*expected.predictions.path[:4]]).predictions.scores
    assert 1e-6 < np.abs(scores - expected.predictions.scores[:4]).max() < 0.2


def other_head(cfg: Config, **settings) -> Config:
    cfg.model.head.update(settings)
    return cfg


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (dict(model="no/such.py"), ConfigError, "no/such.py: no such config file"),
        (
            dict(model="resnet18_xyz"),
            ConfigError,
            "neither a config file .* nor the",
        ),
        (dict(weights=None), ConfigError, "expected a checkpoint .* random weights"),
        (dict(weights="no.pth"), FileNotFoundError, "no.pth does not exist"),
        (dict(config="c.py"), ConfigError, "`model` is no built classifier"),
        (dict(device="gpu"), ConfigError, "expected cpu, cuda or cuda:N, got 'gpu'"),
        (dict(batch_size=0), ValueError, "batch_size: expected >= 1, got 0"),
        (dict(model=torch.nn.Linear(2, 2)), ConfigError, "Linear: expected a classifi"),
    ],
)
def test_settings_that_cannot_be_meant(change, error, words, root):
    given = dict(model=make_config(root), weights=root / "weights.pth") | change
    with pytest.raises(error, match=words):
        ChromosomeInferencer(**given)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(root):
    with pytest.raises(ConfigError, match="device cuda: torch finds no GPU"):
        ChromosomeInferencer(make_config(root), root / "weights.pth", device="cuda")


def test_configs_that_do_not_fit(root, tmp_path):
    weights = root / "weights.pth"
    with pytest.raises(CheckpointError, match="of another shape, first: head.embedd"):
        ChromosomeInferencer(other_head(make_config(root), embed_dims=8), weights)
    cfg = make_config(root)
    with pytest.raises(ConfigError, match="a built classifier needs `config`"):
        ChromosomeInferencer(MODELS.build(cfg.model))
    cfg.pop("model")
    with pytest.raises(ConfigError, match="has no `model`"):
        ChromosomeInferencer(cfg, weights)
    cfg = make_config(root)
    cfg.pop("test_dataloader")
    with pytest.raises(ConfigError, match="expected test_dataloader.dataset.pipeline"):
        ChromosomeInferencer(cfg, weights)
    cfg = other_head(make_config(root), num_classes=5)
    with pytest.raises(ConfigError, match="num_classes=24, .* got 5"):
        ChromosomeInferencer(cfg, save_weights(cfg, tmp_path / "five.pth"))
    torch.save(dict(state_dict=7), tmp_path / "seven.pth")
    with pytest.raises(CheckpointError, match="as its state_dict, got int"):
        ChromosomeInferencer(make_config(root), tmp_path / "seven.pth")


def test_the_types_of_the_training_are_kept(root, tmp_path):
    cfg = other_head(make_config(root), num_classes=3)
    meta = dict(dataset_meta=dict(classes=("X", "21", "1")))
    weights = save_weights(cfg, tmp_path / "three.pth", meta=meta)
    found = ChromosomeInferencer(cfg, weights, device="cpu")(root).predictions
    assert found.types == ("X", "21", "1") and found.scores.shape == (92, 3)
    known = Manifest.read(root / "manifest.csv")["type"]
    names = np.array([*found.types, "none"])[found.labels]
    np.testing.assert_array_equal(names[found.labels >= 0], known[found.labels >= 0])
    assert set(known[found.labels < 0]).isdisjoint(found.types)


def test_images_of_different_sizes_are_an_error(root, paths):
    cfg = make_config(root)
    cfg.test_dataloader.dataset.pipeline.pop(1)
    infer = ChromosomeInferencer(cfg, root / "weights.pth", device="cpu")
    with pytest.raises(ValueError, match="expected images of one size, got .* canvas"):
        infer(paths)


# What is written


def test_what_is_written_is_read_back(expected, tmp_path):
    files = expected.write(tmp_path / "new" / "table.csv")
    assert [file.name for file in files] == ["table.csv", "table.npz"]
    table = read_prediction_table(files[0])
    np.testing.assert_array_equal(table.scores, expected.predictions.scores)
    embedding, path, types = read_embeddings(files[1])
    np.testing.assert_array_equal(embedding, expected.embeddings)
    np.testing.assert_array_equal(path, table.path)
    assert types.tolist() == [TYPES[label] for label in table.labels]


def test_a_place_that_cannot_be_written(expected, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file/t.csv: cannot be written .*; choose"):
        expected.write(tmp_path / "file" / "t.csv")

"""Pki-3, straightened, at 128 x 32 px; DataNew is the other laboratory.

Split by case. Each crop is straightened along its medial axis: a straight chromosome
fits a canvas four times as tall as wide, which shows a third more detail along it than
96 x 48 px at less cost. For training each is straightened once, before the cache. Every
cell is brought to one size (the median of Pki-3, 31 px: square root of the foreground
area): laboratories differ in magnification, and a laboratory always has the whole cell.
"""

data_root = "data/pki3"
meta_keys = ("sample_idx", "img_path", "case", "cell", "site", "ori_shape", "img_shape")
frame = dict(size=(128, 32), extent=144, cell_size=31)
train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="ChromosomeAugment", preset="mmscl", **frame),
    dict(type="PackInputs", meta_keys=meta_keys),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="Straighten"),
    dict(type="ChromosomeCanvas", **frame),
    dict(type="PackInputs", meta_keys=meta_keys),
]
train_dataloader = dict(
    batch_size=48,
    num_workers=0,
    sampler=dict(
        type="PairedKaryotypeSampler", steps_per_epoch=250, pairing="cross_case"
    ),
    dataset=dict(
        type="ChromosomeDataset",
        data_root=data_root,
        split="train",
        cache=True,
        once=[dict(type="Straighten")],
        cell_size=True,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="ChromosomeDataset",
        data_root=data_root,
        split="val",
        cache=True,
        once=[dict(type="Straighten")],
        cell_size=True,
        pipeline=[test_pipeline[0], *test_pipeline[2:]],
    ),
)
test_dataloader = dict(
    batch_size=128,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="ChromosomeDataset",
        data_root=data_root,
        split="test",
        cell_size=True,
        pipeline=test_pipeline,
    ),
)
# Further test sets, for tools/test.py --external: changes to test_dataloader.dataset.
external = dict(
    datanew=dict(data_root="data/datanew", split=None),
)

val_evaluator = dict(type="ChromosomeMetric")
test_evaluator = [
    dict(type="ChromosomeMetric", per_type=True),
    dict(type="EmbeddingMetric"),
    dict(type="PredictionTable", out_file="predictions.csv"),
]
val_cfg = dict()
test_cfg = dict()

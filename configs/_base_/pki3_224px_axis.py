"""Pki-3 at 224 px, split by case, with axis and polarity; DataNew is external.

As pki3_224px.py, with the augmentation of pki3_96x64_axis.py: the paper's rotation by
up to 90 degrees would leave no upper end, and with it no polarity.
"""

data_root = "data/pki3"
meta_keys = (
    "sample_idx",
    "img_path",
    "case",
    "cell",
    "site",
    "polarity_label",
    "axis_points",
    "axis_found",
    "ori_shape",
    "img_shape",
)
train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="FlipPolarity", prob=0.5, upright=True),
    dict(type="ChromosomeAugment", preset="mmscl", size=224, extent=144),
    dict(type="AxisPoints", count=16),
    dict(type="PackInputs", meta_keys=meta_keys),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="FlipPolarity", prob=0.0, upright=True),
    dict(type="ChromosomeCanvas", size=224, extent=144),
    dict(type="PackInputs", meta_keys=meta_keys),
]
train_dataloader = dict(
    batch_size=48,
    num_workers=4,
    sampler=dict(type="PairedKaryotypeSampler", steps_per_epoch=2000),
    dataset=dict(
        type="ChromosomeDataset",
        data_root=data_root,
        split="train",
        cache=True,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=4,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="ChromosomeDataset",
        data_root=data_root,
        split="val",
        cache=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=128,
    num_workers=4,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="ChromosomeDataset",
        data_root=data_root,
        split="test",
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
    dict(type="PolarityMetric"),
    dict(type="PredictionTable", out_file="predictions.csv"),
]
val_cfg = dict()
test_cfg = dict()

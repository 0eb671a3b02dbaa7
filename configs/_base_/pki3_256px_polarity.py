"""Pki-3 as Varifocal-Net takes it: 256 px, split by case, with the polarity.

As published: padded with white to 320 pixels, resized to 256; horizontal flip, rotation
of 0 to 45 degrees, and a vertical flip that makes the polarity's label. Crops of Pki-3
are cut from karyograms and stand with the p arm up. An epoch is one pass over the
16,015 training crops; that batches hold whole karyotypes is ours, as is their size (the
paper gives none). DataNew is the other laboratory.
"""

data_root = "data/pki3"
meta_keys = (
    "sample_idx",
    "img_path",
    "case",
    "cell",
    "site",
    "polarity_label",
    "ori_shape",
    "img_shape",
)
train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="FlipPolarity", prob=0.5, upright=True),
    dict(
        type="ChromosomeCanvas",
        size=256,
        extent=320,
        background=255,
        rotation=(0, 45),
        hflip=0.5,
    ),
    dict(type="PackInputs", meta_keys=meta_keys),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="FlipPolarity", prob=0.0, upright=True),
    dict(type="ChromosomeCanvas", size=256, extent=320, background=255),
    dict(type="PackInputs", meta_keys=meta_keys),
]
train_dataloader = dict(
    batch_size=48,
    num_workers=4,
    sampler=dict(type="PairedKaryotypeSampler", steps_per_epoch=334),
    dataset=dict(
        type="ChromosomeDataset",
        data_root=data_root,
        split="train",
        cache=True,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=32,
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
    batch_size=32,
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

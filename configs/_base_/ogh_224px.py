"""OGH-Fudan (private) at the paper's 224 px.

256 x 256 white canvas, the paper's three splits.
Whoever has it makes data/ogh with tools/prepare_dataset.py ogh (docs/data.md)."""

data_root = "data/ogh"
canvas = 256  # side of the white square that every crop lies on
meta_keys = ("sample_idx", "img_path", "case", "cell", "site", "ori_shape", "img_shape")
train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="ChromosomeAugment", preset="paper", size=224, extent=256),
    dict(type="PackInputs", meta_keys=meta_keys),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="ChromosomeCanvas", size=224, extent=256),
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
        cache=False,
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
        cache=False,
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
    chromosomenet=dict(data_root="data/chromosomenet", split=None),
)

val_evaluator = dict(type="ChromosomeMetric")
test_evaluator = [
    dict(type="ChromosomeMetric", per_type=True),
    dict(type="EmbeddingMetric"),
    dict(type="PredictionTable", out_file="predictions.csv"),
]
val_cfg = dict()
test_cfg = dict()

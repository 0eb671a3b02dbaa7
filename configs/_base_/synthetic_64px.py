"""The embedded data set at 64 px: drawn cells of site A; site B is another laboratory.

Drawn in memory from a seed in seconds; a test bed, not evidence (docs/data.md).
"""

cells = dict(type="SyntheticKaryotypes", site="A", cases=60, cells_per_case=1, seed=0)
meta_keys = ("sample_idx", "img_path", "case", "cell", "site", "ori_shape", "img_shape")
train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="ChromosomeAugment", preset="mmscl", size=64, extent=144),
    dict(type="PackInputs", meta_keys=meta_keys),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="ChromosomeCanvas", size=64, extent=144),
    dict(type="PackInputs", meta_keys=meta_keys),
]
train_dataloader = dict(
    batch_size=48,
    num_workers=0,
    sampler=dict(type="PairedKaryotypeSampler", steps_per_epoch=75),
    dataset=dict(**cells, split="train", pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(**cells, split="val", pipeline=test_pipeline),
)
test_dataloader = dict(
    batch_size=128,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(**cells, split="test", pipeline=test_pipeline),
)
# Further test sets, for tools/test.py --external: changes to test_dataloader.dataset.
external = dict(
    site_b=dict(site="B", cases=10, split=None),
)

val_evaluator = dict(type="ChromosomeMetric")
test_evaluator = [
    dict(type="ChromosomeMetric", per_type=True),
    dict(type="EmbeddingMetric"),
    dict(type="PredictionTable", out_file="predictions.csv"),
]
val_cfg = dict()
test_cfg = dict()

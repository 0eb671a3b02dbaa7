"""BioImLab (Q-band) at 96 x 48 px, split by cell, for two cores.

Crops lie within about 45 degrees of upright and are often bent; hence more rotation and
bending than the preset `mmscl`. Every cell is brought to one size (the median, 23 px).
39 cells to train, 10 to validate, 10 to test; each cell is a case.
"""

data_root = "data/bioimlab"
meta_keys = ("sample_idx", "img_path", "case", "cell", "site", "ori_shape", "img_shape")
train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="ElasticBend", bend=0.2, sway=0.04, elastic=0.02, prob=0.5),
    dict(type="GreyJitter", contrast=0.3, gamma=0.3, blur=1.0, noise=8.0, prob=0.5),
    dict(
        type="ChromosomeCanvas",
        size=(96, 48),
        extent=104,
        cell_size=23,
        rotation=30,
        hflip=0.5,
        scale=(0.8, 1.25),
        shift=0.05,
    ),
    dict(type="PackInputs", meta_keys=meta_keys),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="ChromosomeCanvas", size=(96, 48), extent=104, cell_size=23),
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
        cell_size=True,
        pipeline=test_pipeline,
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
val_evaluator = dict(type="ChromosomeMetric")
test_evaluator = [
    dict(type="ChromosomeMetric", per_type=True),
    dict(type="EmbeddingMetric"),
    dict(type="PredictionTable", out_file="predictions.csv"),
]
val_cfg = dict()
test_cfg = dict()

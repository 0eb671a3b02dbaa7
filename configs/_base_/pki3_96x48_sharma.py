"""Pki-3 at 96 x 48 px in Sharma's way, split by case; DataNew is the other laboratory.

The set and canvas of pki3_96x48.py, but that each crop is straightened as Sharma et al.
(CVPR Workshops 2017) do, in training once before the cache, and that each cell is
brought to one median length along the medial axis (61 px) instead of one area.
"""

data_root = "data/pki3"
meta_keys = ("sample_idx", "img_path", "case", "cell", "site", "ori_shape", "img_shape")
straight = [dict(type="SharmaStraighten")]  # once a crop, before the cache
train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="NormalizeLength", cell_size=61),
    # Preset 'mmscl' without its bends, which straightening has just taken out.
    dict(type="GreyJitter", contrast=0.5, gamma=0.3, blur=1.2, noise=8.0, prob=0.5),
    dict(
        type="ChromosomeCanvas",
        size=(96, 48),
        extent=144,
        rotation=15,
        hflip=0.5,
        scale=(0.8, 1.25),
        shift=0.05,
    ),
    dict(type="PackInputs", meta_keys=meta_keys),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="SharmaStraighten"),
    dict(type="NormalizeLength", cell_size=61),
    dict(type="ChromosomeCanvas", size=(96, 48), extent=144),
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
        cell_size="axis",
        once=straight,
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
        cell_size="axis",
        once=straight,
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
        cell_size="axis",
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

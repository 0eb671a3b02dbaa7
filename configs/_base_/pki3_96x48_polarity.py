"""Pki-3 at 96 x 48 px, split by case, with the polarity; DataNew is external.

The images of pki3_96x48.py. Crops of Pki-3 and DataNew are cut from karyograms and
stand with the p arm up; half of those for training are turned upside down, which makes
the polarity's label.
"""

_base_ = "./pki3_96x48.py"

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
        type="ChromosomeAugment",
        preset="mmscl",
        size=(96, 48),
        extent=144,
        cell_size=31,
    ),
    dict(type="PackInputs", meta_keys=meta_keys),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="FlipPolarity", prob=0.0, upright=True),
    dict(type="ChromosomeCanvas", size=(96, 48), extent=144, cell_size=31),
    dict(type="PackInputs", meta_keys=meta_keys),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

val_evaluator = [dict(type="ChromosomeMetric"), dict(type="PolarityMetric")]
test_evaluator = [
    dict(type="ChromosomeMetric", per_type=True),
    dict(type="EmbeddingMetric"),
    dict(type="PolarityMetric"),
    dict(type="PredictionTable", out_file="predictions.csv"),
]

"""Pki-3, straightened, cells of one length, with the polarity; DataNew is external.

The images of pki3_128x32_length.py, split by case. Crops of Pki-3 and DataNew are cut
from karyograms and stand with the p arm up, which straightening keeps; half of those
for training are turned upside down, which makes the polarity's label.
"""

_base_ = "./pki3_128x32.py"

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
frame = dict(size=(128, 32), extent=144, cell_size=64, cell_measure="axis")
train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="FlipPolarity", prob=0.5, upright=True),
    dict(type="ChromosomeAugment", preset="mmscl", **frame),
    dict(type="PackInputs", meta_keys=meta_keys),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="FlipPolarity", prob=0.0, upright=True),
    dict(type="Straighten"),
    dict(type="ChromosomeCanvas", **frame),
    dict(type="PackInputs", meta_keys=meta_keys),
]
train_dataloader = dict(dataset=dict(cell_size="axis", pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(cell_size="axis", pipeline=[*test_pipeline[:2], *test_pipeline[3:]])
)
test_dataloader = dict(dataset=dict(cell_size="axis", pipeline=test_pipeline))

val_evaluator = [dict(type="ChromosomeMetric"), dict(type="PolarityMetric")]
test_evaluator = [
    dict(type="ChromosomeMetric", per_type=True),
    dict(type="EmbeddingMetric"),
    dict(type="PolarityMetric"),
    dict(type="PredictionTable", out_file="predictions.csv"),
]

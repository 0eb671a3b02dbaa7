"""levers/scl.py with each image's grey levels stretched to one range, 0 to 255.

The stretch (torchvision) comes before the augmentation, and stays in testing.

Command: python tools/train.py configs/levers/contrast_range.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

frame = dict(size=(64, 32), extent=144, cell_size=31)
stretch = [
    dict(type="NumpyToPIL"),
    dict(type="torchvision/RandomAutocontrast", p=1.0),
    dict(type="PILToNumpy"),
]
train_pipeline = [
    dict(type="LoadChromosome"),
    *stretch,
    dict(type="ChromosomeAugment", preset="mmscl", **frame),
    dict(type="PackInputs", meta_keys={{_base_.meta_keys}}),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    *stretch,
    dict(type="ChromosomeCanvas", **frame),
    dict(type="PackInputs", meta_keys={{_base_.meta_keys}}),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

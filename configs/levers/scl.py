"""SCL on resnet10t at 64 x 32 px: what the levers of this folder are measured against.

scl/resnet10t_pki3.py at two thirds of its size, which halves the cost. Each other
config of this folder changes one thing of it.

Command: python tools/train.py configs/levers/scl.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "../scl/resnet10t_pki3.py"

frame = dict(size=(64, 32), extent=144, cell_size=31)
train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="ChromosomeAugment", preset="mmscl", **frame),
    dict(type="PackInputs", meta_keys={{_base_.meta_keys}}),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="ChromosomeCanvas", **frame),
    dict(type="PackInputs", meta_keys={{_base_.meta_keys}}),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

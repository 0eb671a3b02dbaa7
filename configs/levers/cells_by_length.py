"""levers/scl.py with cells of one median length along the axis, not of one area.

Command: python tools/train.py configs/levers/cells_by_length.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

frame = dict(size=(64, 32), extent=144, cell_size=64, cell_measure="axis")
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
train_dataloader = dict(dataset=dict(cell_size="axis", pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(cell_size="axis", pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(cell_size="axis", pipeline=test_pipeline))

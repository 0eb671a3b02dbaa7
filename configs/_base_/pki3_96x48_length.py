"""Pki-3 at 96 x 48 px, cells of one length; DataNew is the other laboratory.

As pki3_96x48.py, but every cell is brought to one median length along the medial axis
(that of Pki-3, 64 px) in place of one area, as in pki3_128x32_length.py.
"""

_base_ = "./pki3_96x48.py"

frame = dict(size=(96, 48), extent=144, cell_size=64, cell_measure="axis")
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

"""Pki-3, straightened, at 128 x 32 px, cells of one length; DataNew is external.

As pki3_128x32.py, but every cell is brought to one median length along the medial axis
(that of Pki-3, 64 px) in place of one area: chromosomes are thicker in one laboratory
than in another, and what tells a type is its length.
"""

_base_ = "./pki3_128x32.py"

frame = dict(size=(128, 32), extent=144, cell_size=64, cell_measure="axis")
train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="ChromosomeAugment", preset="mmscl", **frame),
    dict(type="PackInputs", meta_keys={{_base_.meta_keys}}),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="Straighten"),
    dict(type="ChromosomeCanvas", **frame),
    dict(type="PackInputs", meta_keys={{_base_.meta_keys}}),
]
train_dataloader = dict(dataset=dict(cell_size="axis", pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(cell_size="axis", pipeline=[test_pipeline[0], *test_pipeline[2:]])
)
test_dataloader = dict(dataset=dict(cell_size="axis", pipeline=test_pipeline))

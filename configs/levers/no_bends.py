"""levers/scl.py without bends in the augmentation.

The preset 'mmscl' written out, without ElasticBend.

Command: python tools/train.py configs/levers/no_bends.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="GreyJitter", contrast=0.5, gamma=0.3, blur=1.2, noise=8.0, prob=0.5),
    dict(
        type="ChromosomeCanvas",
        size=(64, 32),
        extent=144,
        cell_size=31,
        rotation=15,
        hflip=0.5,
        scale=(0.8, 1.25),
        shift=0.05,
    ),
    dict(type="PackInputs", meta_keys={{_base_.meta_keys}}),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

"""levers/scl.py without contrast, gamma, blur and noise in the augmentation.

The preset 'mmscl' written out, without GreyJitter.

Command: python tools/train.py configs/levers/no_tone.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="ElasticBend", bend=0.12, sway=0.02, elastic=0.01, prob=0.3),
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

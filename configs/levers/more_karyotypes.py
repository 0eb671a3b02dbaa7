"""levers/scl.py with four karyotypes a batch in place of two, in half the steps.

Each type then has four images of a batch, 96 in all; the images seen in training are as
many as before.

Command: python tools/train.py configs/levers/more_karyotypes.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

train_dataloader = dict(
    batch_size=96, sampler=dict(karyotypes_per_batch=4, steps_per_epoch=125)
)

"""levers/scl.py with pairs of any two images of a type, as in the paper.

Command: python tools/train.py configs/levers/random_pairs.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

train_dataloader = dict(sampler=dict(pairing="random"))

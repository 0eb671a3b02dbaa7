"""levers/scl.py with the two homologues of one cell as a pair.

Command: python tools/train.py configs/levers/homologous_pairs.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

train_dataloader = dict(sampler=dict(pairing="same_cell"))

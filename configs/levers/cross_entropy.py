"""levers/scl.py without SCL: cross-entropy alone.

Command: python tools/train.py configs/levers/cross_entropy.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

model = dict(head=dict(loss=None))

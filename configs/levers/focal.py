"""levers/scl.py with focal loss in place of cross-entropy, as in the paper.

Command: python tools/train.py configs/levers/focal.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

model = dict(head=dict(loss_cls=dict(_delete_=True, type="SoftmaxFocalLoss")))

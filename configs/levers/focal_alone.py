"""levers/scl.py without SCL: focal loss alone, the baseline of the paper.

Command: python tools/train.py configs/levers/focal_alone.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

model = dict(
    head=dict(
        loss=None,
        loss_cls=dict(_delete_=True, type="SoftmaxFocalLoss"),
    )
)

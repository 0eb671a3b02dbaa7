"""levers/scl.py without SCL: cross-entropy with label smoothing.

Command: python tools/train.py configs/levers/label_smoothing.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

model = dict(
    head=dict(
        loss=None,
        loss_cls=dict(
            _delete_=True,
            type="LabelSmoothLoss",
            label_smooth_val=0.1,
            num_classes=24,
            mode="original",
        ),
    )
)

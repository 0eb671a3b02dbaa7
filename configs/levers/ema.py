"""levers/scl.py tested with the exponential moving average of its weights.

Command: python tools/train.py configs/levers/ema.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

custom_hooks = [
    dict(type="NaNGuardHook"),
    dict(type="WholeKaryotypesHook"),
    dict(type="ProgressHook"),
    dict(type="EMAHook", momentum=0.01, update_buffers=True),
]

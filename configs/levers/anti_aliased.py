"""levers/scl.py with a blur before each stride of the network (Zhang 2019).

timm's resnetblur18 with the blocks and the stem of resnet10t.

Command: python tools/train.py configs/levers/anti_aliased.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

model = dict(
    backbone=dict(
        model_name="resnetblur18",
        layers=(1, 1, 1, 1),
        stem_width=32,
        stem_type="deep_tiered",
        avg_down=True,
    )
)

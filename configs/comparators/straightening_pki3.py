"""Straightening and classification in one network, at 96 x 64 px on Pki-3.

Inspired by HR-Net (Zhang et al., IEEE JBHI 25(8), 2021), whose layers, losses and
weights are not public to us: an HRNet (hrnet_w18_small) finds key points on the medial
axis, the image is straightened along them, and resnet10t tells type and polarity from
it. Split by case; DataNew is the other laboratory.

Command: python tools/train.py configs/comparators/straightening_pki3.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_96x64_axis.py",
    "../_base_/short_schedule.py",
    "../_base_/runtime.py",
]

model = dict(
    type="StraighteningClassifier",
    backbone=dict(type="TimmEncoder", model_name="resnet10t"),
    axis=dict(type="AxisNet", model_name="hrnet_w18_small", points=12),
    head=dict(
        type="SCLHead",
        loss=None,
        loss_cls=dict(type="CrossEntropyLoss"),
    ),
    straight_size=(96, 48),
    axis_weight=0.5,
    polarity_weight=0.5,
    taught_steps=500,
    predict_embedding=True,
    channels_last=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)

"""resnet10t with label smoothing at 96 x 48 px on Pki-3 split by case.

Szegedy et al., "Rethinking the Inception Architecture" (CVPR 2016): cross-entropy with
0.1 of each target spread over all types. The network, data and schedule of
baseline/resnet10t_pki3.py.

Command: python tools/train.py configs/comparators/smoothing_pki3.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_96x48.py",
    "../_base_/short_schedule.py",
    "../_base_/runtime.py",
]

model = dict(
    type="SCLClassifier",
    backbone=dict(type="TimmEncoder", model_name="resnet10t"),
    head=dict(
        type="SCLHead",
        loss=None,
        loss_cls=dict(
            type="LabelSmoothLoss",
            label_smooth_val=0.1,
            num_classes=24,
            mode="original",
        ),
    ),
    predict_embedding=True,
    channels_last=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)

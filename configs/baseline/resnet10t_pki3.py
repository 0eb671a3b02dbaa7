"""resnet10t without SCL at 96 x 48 px on Pki-3 split by case.

DataNew is the other laboratory.

Command: python tools/train.py configs/baseline/resnet10t_pki3.py
Test:    python tools/test.py configs/baseline/resnet10t_pki3.py CHECKPOINT --external
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
        loss_cls=dict(type="CrossEntropyLoss"),
    ),
    predict_embedding=True,
    channels_last=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)

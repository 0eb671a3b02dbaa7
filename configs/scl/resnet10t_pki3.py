"""resnet10t with SCL at 96 x 48 px on Pki-3 split by case.

DataNew is the other laboratory.

Command: python tools/train.py configs/scl/resnet10t_pki3.py
Test:    python tools/test.py configs/scl/resnet10t_pki3.py CHECKPOINT --external
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
        loss=dict(type="SupConFocalLoss"),
        lambda1=0.1,  # the eight terms of Eq. 3 crowd out two of Eq. 5 in short runs
        loss_cls=dict(type="CrossEntropyLoss"),
    ),
    predict_embedding=True,
    channels_last=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)

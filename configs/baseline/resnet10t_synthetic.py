"""resnet10t without SCL at 64 px on the embedded data set.

Site B is the other laboratory.

Command: python tools/train.py configs/baseline/resnet10t_synthetic.py
Test:    python tools/test.py configs/baseline/resnet10t_synthetic.py CHECKPOINT \
             --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/synthetic_64px.py",
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

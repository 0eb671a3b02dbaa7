"""Sharma's CNN with SCL at 96 x 48 px on Pki-3 split by case.

Straightening, length normalisation, layers and schedule of comparators/sharma_pki3.py
(Sharma et al., CVPR Workshops 2017): any encoder takes SCL. The embedding between its
features and the types is not of the paper. DataNew is the other laboratory.

Command: python tools/train.py configs/scl/sharma_pki3.py
Test:    python tools/test.py configs/scl/sharma_pki3.py CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_96x48_sharma.py",
    "../_base_/short_schedule.py",
    "../_base_/runtime.py",
]

model = dict(
    type="SCLClassifier",
    backbone=dict(type="SharmaFeatures", input_size=(96, 48)),
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
optim_wrapper = dict(
    _delete_=True,
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.02, momentum=0.9, weight_decay=1e-4),
    clip_grad=dict(max_norm=5.0),
)

"""A narrow resnet18 with SCL at 96 x 48 px on BioImLab split by cell.

Q-band; by itself, without another laboratory.

Command: python tools/train.py configs/scl/resnet18n_bioimlab.py
Test:    python tools/test.py configs/scl/resnet18n_bioimlab.py CHECKPOINT
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/bioimlab_96x48.py",
    "../_base_/short_schedule.py",
    "../_base_/runtime.py",
]

model = dict(
    type="SCLClassifier",
    backbone=dict(
        type="TimmEncoder", model_name="resnet18", channels=(32, 64, 160, 384)
    ),
    head=dict(
        type="SCLHead",
        loss=dict(type="SupConFocalLoss"),
        lambda1=0.1,  # the eight terms of Eq. 3 crowd out two of Eq. 5 in short runs
        loss_cls=dict(type="CrossEntropyLoss"),
    ),
    predict_embedding=True,
    mirror=True,
    channels_last=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)

# 3,000 steps, of which the first 250 warm up.
train_cfg = dict(max_epochs=12, val_interval=4)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, end=1, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR",
        begin=1,
        end=12,
        eta_min=1e-6,
        convert_to_iter_based=True,
    ),
]

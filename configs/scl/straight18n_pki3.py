"""A narrow resnet18 with SCL on straightened crops of Pki-3, cells of one area.

128 x 32 px, split by case; DataNew is the other laboratory.

Command: python tools/train.py configs/scl/straight18n_pki3.py
Test:    python tools/test.py configs/scl/straight18n_pki3.py CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_128x32.py",
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

# 9,000 steps, of which the first 250 warm up.
train_cfg = dict(max_epochs=36, val_interval=4)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, end=1, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR",
        begin=1,
        end=36,
        eta_min=1e-6,
        convert_to_iter_based=True,
    ),
]

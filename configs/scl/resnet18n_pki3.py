"""A narrow resnet18 with SCL at 96 x 48 px on Pki-3, cells of one area.

Split by case; DataNew is the other laboratory. Cells of one length: bent18n_pki3.py.

Command: python tools/train.py configs/scl/resnet18n_pki3.py
Test:    python tools/test.py configs/scl/resnet18n_pki3.py CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_96x48.py",
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

# 6,000 steps, of which the first 250 warm up.
train_cfg = dict(max_epochs=24, val_interval=4)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, end=1, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR",
        begin=1,
        end=24,
        eta_min=1e-6,
        convert_to_iter_based=True,
    ),
]

"""A narrow resnet18 without SCL on straightened crops, cells of one length.

Pki-3 at 128 x 32 px, split by case; DataNew is the other laboratory.

Command: python tools/train.py configs/baseline/length18n_pki3.py
Test:    python tools/test.py configs/baseline/length18n_pki3.py CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_128x32_length.py",
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
        loss=None,
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

"""Which end is up, told by a small head on the narrow resnet18 of crops as they are.

The classifier of bent18n_pki3.py stays as it is; its polarity head is trained on
crops of Pki-3, half of them upside down. DataNew is the other laboratory.

Command: python tools/train.py configs/scl/bent18n_pki3_polarity.py
         starts from load_from: what training bent18n_pki3.py leaves, or
         --cfg-options load_from=CHECKPOINT
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_96x48_length_polarity.py",
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
    polarity_head=dict(type="PolarityHead"),
    channels_last=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)

load_from = "work_dirs/scl/bent18n_pki3/epoch_24.pth"
default_hooks = dict(checkpoint=dict(save_best="polarity_accuracy"))

# 1,000 steps, of which the first 100 warm up.
optim_wrapper = dict(optimizer=dict(lr=2e-3, weight_decay=0.01))
train_cfg = dict(max_epochs=4, val_interval=4)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, end=100, by_epoch=False),
    dict(type="CosineAnnealingLR", begin=100, end=1000, eta_min=1e-6, by_epoch=False),
]

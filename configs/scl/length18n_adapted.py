"""The shipped model of straight crops, adapted to a laboratory from its own cells.

Nobody has to label them: mmscl-karyotype assigns the types, and training goes on for
500 steps on Pki-3 and on them, each pair from both (docs/adaptation.md).

Command: python tools/train.py configs/scl/length18n_adapted.py
         --cfg-options train_dataloader.dataset.datasets.1.data_root=FOLDER
Test:    the same config with tools/test.py, then CHECKPOINT --data-root FOLDER
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_128x32_length_adapted.py",
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

load_from = "mmscl://mmscl-length18n-pki3"

# 500 steps, of which the first 250 warm up, at a fifth of the recipe's rate.
optim_wrapper = dict(optimizer=dict(lr=2e-4))
train_cfg = dict(max_epochs=2, val_interval=2)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, end=1, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR",
        begin=1,
        end=2,
        eta_min=1e-6,
        convert_to_iter_based=True,
    ),
]

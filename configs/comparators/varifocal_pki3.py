"""Varifocal-Net, reduced, at 96 px on Pki-3 split by case.

Qin et al. (IEEE TMI 38(11), 2019), whole: G-Net, localisation, L-Net and stage 2, with
polarity. A tenth of the published channels, smaller fully connected layers, 96 px
for 256 and 2000 steps for 81 epochs, as the other configs for two cores; the
published sizes: varifocal_pki3_256px.py. The phases keep the published proportions
as far as 8 epochs let them. In its turns the box learns at a thousandth of the rate
of L-Net: at the same rate it leaves the chromosome within ten steps, while L-Net
knows nothing yet, and never comes back (docs/comparators.md).

Command: python tools/train.py configs/comparators/varifocal_pki3.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_96px_polarity.py",
    "../_base_/runtime.py",
]

model = dict(
    type="VarifocalClassifier",
    backbone=dict(type="VarifocalFeatures", channels=(16, 32, 64)),
    head=dict(
        type="VarifocalHead",
        loss_cls=dict(type="CrossEntropyLoss"),
        hidden_dims=128,
        polarity_weight=0.5,
    ),
    box_dims=128,
    crop_gradient="sample",
    predict_embedding=True,
    channels_last=True,
    data_preprocessor=dict(per_image=True),
)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=5.0),
)
train_cfg = dict(type="ResumableEpochTrainLoop", max_epochs=8, val_interval=1)
auto_scale_lr = dict(base_batch_size=48)
param_scheduler = []  # the rates are those of the phases
custom_hooks = [
    dict(type="NaNGuardHook"),
    dict(type="WholeKaryotypesHook"),
    dict(type="ProgressHook"),
    dict(
        type="PhaseHook",
        phases=[
            dict(train="global", share=3, rates=(1, 1, 0.1)),
            dict(train="box", share=0.5, rates=(1,)),
            dict(
                train=["local", "locate"],
                share=3,
                rates=dict(local=(1, 1, 0.1), locate=(1e-3, 1e-3, 1e-4)),
            ),
            dict(train="fused", share=1.5, rates=(1, 0.1)),
        ],
    ),
]
find_unused_parameters = True  # of parts that a phase leaves out, over several ranks

"""Varifocal-Net at its published size, 256 px, on Pki-3 split by case.

Qin et al. (IEEE TMI 38(11), 2019; arXiv 1810.05943): layers, channels, losses, crop
with the gradient of the box mask, Adam with 1e-4, a tenth every 10 epochs, and 30 + 30
+ 20 epochs as published. Not published, and ours: the length of the pre-training of
the box (1 epoch), that the rate starts anew in each phase, turns of one step, that the
box learns at a hundredth of the rate in its turns (why: varifocal_pki3.py), the batch,
what is between fully connected layers (ReLU), frozen networks in stage 2. For a GPU.

Command: python tools/train.py configs/comparators/varifocal_pki3_256px.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_256px_polarity.py",
    "../_base_/runtime.py",
]

model = dict(
    type="VarifocalClassifier",
    backbone=dict(type="VarifocalFeatures", channels=(160, 320, 640)),
    head=dict(
        type="VarifocalHead",
        loss_cls=dict(type="CrossEntropyLoss"),
        hidden_dims=512,
        polarity_weight=0.5,
    ),
    box_dims=1024,
    crop_gradient="mask",
    predict_embedding=True,
    channels_last=True,
    data_preprocessor=dict(per_image=True),
)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-4))
train_cfg = dict(type="ResumableEpochTrainLoop", max_epochs=81, val_interval=1)
auto_scale_lr = dict(base_batch_size=48)
param_scheduler = []  # the rates are those of the phases
custom_hooks = [
    dict(type="NaNGuardHook"),
    dict(type="WholeKaryotypesHook"),
    dict(type="ProgressHook"),
    dict(
        type="PhaseHook",
        phases=[
            dict(train="global", share=30, rates=(1, 0.1, 0.01)),
            dict(train="box", share=1, rates=(1,)),
            dict(
                train=["local", "locate"],
                share=30,
                rates=dict(local=(1, 0.1, 0.01), locate=(1e-2, 1e-3, 1e-4)),
            ),
            dict(train="fused", share=20, rates=(1, 0.1)),
        ],
    ),
]
find_unused_parameters = True  # of parts that a phase leaves out, over several ranks

"""Straightening and classification in one network, at 224 px on Pki-3.

Inspired by HR-Net (Zhang et al., IEEE JBHI 25(8), 2021), in full size: hrnet_w18 finds
the axis and hrnet_w18 reads the straight image, 40 epochs of 2000 steps, for a GPU.
What is known of theirs and what is ours: straightening_pki3.py.

Command: python tools/train.py configs/comparators/straightening_pki3_224px.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_224px_axis.py",
    "../_base_/runtime.py",
]

model = dict(
    type="StraighteningClassifier",
    backbone=dict(type="TimmEncoder", model_name="hrnet_w18"),
    axis=dict(type="AxisNet", model_name="hrnet_w18", points=16),
    head=dict(
        type="SCLHead",
        loss=None,
        loss_cls=dict(type="CrossEntropyLoss"),
    ),
    straight_size=(224, 96),
    axis_weight=0.5,
    polarity_weight=0.5,
    taught_steps=2000,
    predict_embedding=True,
    channels_last=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-4))
param_scheduler = [
    dict(type="MultiStepLR", milestones=[20, 30], gamma=0.1, by_epoch=True)
]
train_cfg = dict(type="ResumableEpochTrainLoop", max_epochs=40, val_interval=1)
auto_scale_lr = dict(base_batch_size=48)

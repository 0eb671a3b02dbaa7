"""A Siamese network at 224 px on Pki-3 split by case; inspired by Jindal et al.

Inspired by Jindal et al., "Siamese Networks for Chromosome Classification" (ICCV
Workshops 2017), in full size: 224 px, resnet34, 40 epochs of 2000 steps, for a GPU.
What is known of theirs and what is ours: siamese_pki3.py.

Command: python tools/train.py configs/comparators/siamese_pki3_224px.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_224px.py",
    "../_base_/runtime.py",
]

model = dict(
    type="SiameseClassifier",
    backbone=dict(type="TimmEncoder", model_name="resnet34"),
    head=dict(
        type="SCLHead",
        embed_dims=1024,
        classifier="mlp",
        loss=dict(type="ContrastivePairLoss", margin=1.0),
        loss_cls=dict(type="CrossEntropyLoss"),
    ),
    predict_embedding=True,
    channels_last=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-4))
train_cfg = dict(type="ResumableEpochTrainLoop", max_epochs=40, val_interval=1)
auto_scale_lr = dict(base_batch_size=48)
param_scheduler = []  # the rates are those of the phases
custom_hooks = [
    dict(type="NaNGuardHook"),
    dict(type="WholeKaryotypesHook"),
    dict(type="ProgressHook"),
    dict(
        type="PhaseHook",
        phases=[
            dict(train="pairs", share=30, rates=(1, 1, 0.1)),
            dict(train="classify", share=10, rates=(1, 0.1)),
        ],
    ),
]
find_unused_parameters = True  # of parts that a phase leaves out, over several ranks

"""A Siamese network at 96 x 48 px on Pki-3 split by case; inspired by Jindal et al.

Inspired by Jindal et al., "Siamese Networks for Chromosome Classification" (ICCV
Workshops 2017): a twin encoder and a loss of same and different pairs, then an MLP on
the frozen embedding. Encoder (that of scl/resnet10t_pki3.py), sizes, margin and
schedule are ours; theirs are not public to us.

Command: python tools/train.py configs/comparators/siamese_pki3.py
Test:    python tools/test.py configs/comparators/siamese_pki3.py CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_96x48.py",
    "../_base_/runtime.py",
]

model = dict(
    type="SiameseClassifier",
    backbone=dict(type="TimmEncoder", model_name="resnet10t"),
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
optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.05)
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
            dict(train="pairs", share=3, rates=(1, 1, 0.1)),
            dict(train="classify", share=1, rates=(1, 0.1)),
        ],
    ),
]
find_unused_parameters = True  # of parts that a phase leaves out, over several ranks

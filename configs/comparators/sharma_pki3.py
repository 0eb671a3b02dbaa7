"""Sharma's straightening, length normalisation and CNN at 96 x 48 px on Pki-3.

Sharma et al. (CVPR Workshops 2017), reduced: the published layers on the canvas and
with the schedule of the other configs for two cores, but for SGD. Learning rate,
dropout and augmentation are not public to us; those here are ours. Split by case;
DataNew is the other laboratory. The published size: sharma_pki3_120px.py.

Command: python tools/train.py configs/comparators/sharma_pki3.py
Test:    python tools/test.py configs/comparators/sharma_pki3.py CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_96x48_sharma.py",
    "../_base_/short_schedule.py",
    "../_base_/runtime.py",
]

model = dict(
    type="SCLClassifier",
    backbone=dict(type="SharmaFeatures", input_size=(96, 48)),
    head=dict(
        type="LinearClsHead",
        num_classes=24,
        loss=dict(type="CrossEntropyLoss"),
    ),
    channels_last=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)
# One layer behind the features, as published: they are no embedding of their own.
test_evaluator = [
    dict(type="ChromosomeMetric", per_type=True),
    dict(type="PredictionTable", out_file="predictions.csv"),
]
optim_wrapper = dict(
    _delete_=True,
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.02, momentum=0.9, weight_decay=1e-4),
    clip_grad=dict(max_norm=5.0),
)

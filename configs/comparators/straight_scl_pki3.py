"""resnet10t with SCL on straightened chromosomes, at 96 x 48 px on Pki-3.

scl/resnet10t_pki3.py with each crop straightened along its medial axis first, in
training and testing, and without the bends of its augmentation: does straightening
help where the training has seen bent chromosomes? Split by case; DataNew is the other
laboratory.

Command: python tools/train.py configs/comparators/straight_scl_pki3.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_96x48.py",
    "../_base_/short_schedule.py",
    "../_base_/runtime.py",
]

meta_keys = ("sample_idx", "img_path", "case", "cell", "site", "ori_shape", "img_shape")
train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="GreyJitter", contrast=0.5, gamma=0.3, blur=1.2, noise=8.0, prob=0.5),
    dict(
        type="ChromosomeCanvas",
        size=(96, 48),
        extent=144,
        cell_size=31,
        rotation=15,
        hflip=0.5,
        scale=(0.8, 1.25),
        shift=0.05,
    ),
    dict(type="PackInputs", meta_keys=meta_keys),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="Straighten"),
    dict(type="ChromosomeCanvas", size=(96, 48), extent=144, cell_size=31),
    dict(type="PackInputs", meta_keys=meta_keys),
]
# The same in every epoch, so before the cache.
once = dict(cache=True, once=[dict(type="Straighten")])
train_dataloader = dict(dataset=dict(pipeline=train_pipeline, **once))
val_dataloader = dict(
    dataset=dict(pipeline=[test_pipeline[0], *test_pipeline[2:]], **once)
)
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

model = dict(
    type="SCLClassifier",
    backbone=dict(type="TimmEncoder", model_name="resnet10t"),
    head=dict(
        type="SCLHead",
        loss=dict(type="SupConFocalLoss"),
        lambda1=0.1,  # as scl/resnet10t_pki3.py
        loss_cls=dict(type="CrossEntropyLoss"),
    ),
    predict_embedding=True,
    channels_last=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)

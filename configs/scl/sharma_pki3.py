"""Sharma's CNN with SCL at 96 x 48 px on Pki-3 split by case.

Straightening, length normalisation, layers and schedule of comparators/sharma_pki3.py
(Sharma et al., CVPR Workshops 2017): any encoder takes SCL. The embedding between its
features and the types is not of the paper. DataNew is the other laboratory.

Command: python tools/train.py configs/scl/sharma_pki3.py
Test:    python tools/test.py configs/scl/sharma_pki3.py CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_96x48.py",
    "../_base_/short_schedule.py",
    "../_base_/runtime.py",
]

meta_keys = ("sample_idx", "img_path", "case", "cell", "site", "ori_shape", "img_shape")
straight = [dict(type="SharmaStraighten")]  # once a crop, before the cache
train_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="NormalizeLength", cell_size=61),
    # Preset 'mmscl' without its bends, which straightening has just taken out.
    dict(type="GreyJitter", contrast=0.5, gamma=0.3, blur=1.2, noise=8.0, prob=0.5),
    dict(
        type="ChromosomeCanvas",
        size=(96, 48),
        extent=144,
        rotation=15,
        hflip=0.5,
        scale=(0.8, 1.25),
        shift=0.05,
    ),
    dict(type="PackInputs", meta_keys=meta_keys),
]
test_pipeline = [
    dict(type="LoadChromosome"),
    dict(type="SharmaStraighten"),
    dict(type="NormalizeLength", cell_size=61),
    dict(type="ChromosomeCanvas", size=(96, 48), extent=144),
    dict(type="PackInputs", meta_keys=meta_keys),
]
train_dataloader = dict(
    dataset=dict(once=straight, pipeline=train_pipeline, cell_size="axis")
)
val_dataloader = dict(
    dataset=dict(
        once=straight,
        pipeline=[test_pipeline[0], *test_pipeline[2:]],
        cell_size="axis",
    )
)
test_dataloader = dict(dataset=dict(pipeline=test_pipeline, cell_size="axis"))

model = dict(
    type="SCLClassifier",
    backbone=dict(type="SharmaFeatures", input_size=(96, 48)),
    head=dict(
        type="SCLHead",
        loss=dict(type="SupConFocalLoss"),
        lambda1=0.1,  # the eight terms of Eq. 3 crowd out two of Eq. 5 in short runs
        loss_cls=dict(type="CrossEntropyLoss"),
    ),
    predict_embedding=True,
    channels_last=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)
optim_wrapper = dict(
    _delete_=True,
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.02, momentum=0.9, weight_decay=1e-4),
    clip_grad=dict(max_norm=5.0),
)

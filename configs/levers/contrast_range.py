"""levers/scl.py with each image's grey levels stretched to one range, 0 to 255.

The stretch (torchvision) is done once a crop, in training before the augmentation.

Command: python tools/train.py configs/levers/contrast_range.py
Test:    the same config with tools/test.py, then CHECKPOINT --external
Cost and result: docs/results.md
"""

_base_ = "./scl.py"

stretched = dict(
    once=[
        dict(type="NumpyToPIL"),
        dict(type="torchvision/RandomAutocontrast", p=1.0),
        dict(type="PILToNumpy"),
    ]
)
train_dataloader = dict(dataset=stretched)
val_dataloader = dict(dataset=stretched)
test_dataloader = dict(dataset=dict(cache=True, **stretched))

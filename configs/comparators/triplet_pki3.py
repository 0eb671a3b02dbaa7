"""resnet10t with triplets of hard examples at 96 x 48 px on Pki-3 split by case.

Hermans et al., "In Defense of the Triplet Loss" (arXiv 1703.07737): of every image
the farthest of its type and the nearest of another, here with the margin 0.2 on
normalised embeddings; beside cross-entropy on the same embedding.
The network, data and schedule of scl/resnet10t_pki3.py and another loss. Needs
pytorch-metric-learning: pip install -e '.[comparators]'

Command: python tools/train.py configs/comparators/triplet_pki3.py
Test:    python tools/test.py configs/comparators/triplet_pki3.py CHECKPOINT --external
Cost and result: configs/README.md
"""

_base_ = [
    "../_base_/pki3_96x48.py",
    "../_base_/short_schedule.py",
    "../_base_/runtime.py",
]

model = dict(
    type="SCLClassifier",
    backbone=dict(type="TimmEncoder", model_name="resnet10t"),
    head=dict(
        type="SCLHead",
        loss=dict(
            type="MetricLearningLoss",
            loss=dict(type="TripletMarginLoss", margin=0.2),
            miner=dict(type="BatchHardMiner"),
        ),
        lambda1=1.0,
        loss_cls=dict(type="CrossEntropyLoss"),
    ),
    predict_embedding=True,
    channels_last=True,
    data_preprocessor=dict(mean=[127.5], std=[127.5]),
)

"""Systems that this method is compared with (docs/comparators.md)."""

from mmscl.models.comparators.metric_learning import MetricLearningLoss
from mmscl.models.comparators.pair_loss import ContrastivePairLoss
from mmscl.models.comparators.siamese import SiameseClassifier
from mmscl.models.comparators.varifocal import VarifocalClassifier
from mmscl.models.comparators.varifocal_head import VarifocalHead
from mmscl.models.comparators.wide_resnet import GridMaxPool, VarifocalFeatures

__all__ = [
    "ContrastivePairLoss",
    "GridMaxPool",
    "MetricLearningLoss",
    "SiameseClassifier",
    "VarifocalClassifier",
    "VarifocalFeatures",
    "VarifocalHead",
]

"""Systems that this method is compared with (docs/comparators.md)."""

from mmscl.models.comparators.axis_net import AxisNet
from mmscl.models.comparators.metric_learning import MetricLearningLoss
from mmscl.models.comparators.pair_loss import ContrastivePairLoss
from mmscl.models.comparators.sharma import SharmaFeatures
from mmscl.models.comparators.siamese import SiameseClassifier
from mmscl.models.comparators.straightening import StraighteningClassifier
from mmscl.models.comparators.varifocal import VarifocalClassifier
from mmscl.models.comparators.varifocal_head import VarifocalHead
from mmscl.models.comparators.wide_resnet import GridMaxPool, VarifocalFeatures

__all__ = [
    "AxisNet",
    "ContrastivePairLoss",
    "GridMaxPool",
    "MetricLearningLoss",
    "SharmaFeatures",
    "SiameseClassifier",
    "StraighteningClassifier",
    "VarifocalClassifier",
    "VarifocalFeatures",
    "VarifocalHead",
]

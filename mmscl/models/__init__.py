"""Encoder, head, losses and classifier of supervised contrastive learning."""

from mmscl.models import comparators
from mmscl.models.classifier import SCLClassifier
from mmscl.models.encoders import TimmEncoder
from mmscl.models.heads import SCLHead
from mmscl.models.losses import SCLLoss, SoftmaxFocalLoss, SupConFocalLoss
from mmscl.models.polarity import PolarityHead
from mmscl.models.preprocessor import ChromosomePreprocessor

__all__ = [
    "ChromosomePreprocessor",
    "PolarityHead",
    "SCLClassifier",
    "SCLHead",
    "SCLLoss",
    "SoftmaxFocalLoss",
    "SupConFocalLoss",
    "TimmEncoder",
    "comparators",
]

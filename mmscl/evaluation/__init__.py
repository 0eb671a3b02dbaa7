"""Metrics that mmpretrain lacks, and the prediction table."""

from mmscl.evaluation.embedding import EmbeddingMetric
from mmscl.evaluation.measures import confusion_matrix
from mmscl.evaluation.metrics import ChromosomeMetric
from mmscl.evaluation.paired import Difference, paired_differences
from mmscl.evaluation.polarity_metric import PolarityMetric
from mmscl.evaluation.prediction_table import PredictionTable
from mmscl.evaluation.predictions import (
    Predictions,
    PredictionTableError,
    read_embeddings,
    read_prediction_table,
    write_embeddings,
    write_prediction_table,
)

__all__ = [
    "ChromosomeMetric",
    "Difference",
    "EmbeddingMetric",
    "PolarityMetric",
    "PredictionTable",
    "PredictionTableError",
    "Predictions",
    "confusion_matrix",
    "paired_differences",
    "read_embeddings",
    "read_prediction_table",
    "write_embeddings",
    "write_prediction_table",
]

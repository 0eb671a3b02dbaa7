"""Arrays in, figures out: one module a figure, one for their look."""

from mmscl.visualization.arms import ArmsPanel, plot_arms
from mmscl.visualization.confusion import plot_confusion, plot_confusion_change
from mmscl.visualization.curves import plot_curves
from mmscl.visualization.display_crop import DisplayCrop, display_crop
from mmscl.visualization.embedding import EmbeddingMap, plot_embedding
from mmscl.visualization.heatmap import plot_heatmaps
from mmscl.visualization.karyogram import (
    Karyogram,
    KaryogramCrop,
    draw_karyogram,
    karyogram_png,
    write_karyogram,
)
from mmscl.visualization.recall import plot_recall
from mmscl.visualization.risk import plot_risk
from mmscl.visualization.sharma import plot_lengths, plot_sharma
from mmscl.visualization.straightening import plot_straightening
from mmscl.visualization.style import save_figure, without_ending

__all__ = [
    "ArmsPanel",
    "DisplayCrop",
    "EmbeddingMap",
    "Karyogram",
    "KaryogramCrop",
    "display_crop",
    "draw_karyogram",
    "karyogram_png",
    "plot_arms",
    "plot_confusion",
    "plot_confusion_change",
    "plot_curves",
    "plot_embedding",
    "plot_heatmaps",
    "plot_lengths",
    "plot_recall",
    "plot_risk",
    "plot_sharma",
    "plot_straightening",
    "save_figure",
    "without_ending",
    "write_karyogram",
]

"""Arrays in, figures out."""

from mmscl.visualization.arms import ArmsPanel, plot_arms
from mmscl.visualization.confusion import plot_confusion

__all__ = ["ArmsPanel", "plot_arms", "plot_confusion"]

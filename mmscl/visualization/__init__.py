"""Arrays in, figures out."""

from mmscl.visualization.confusion import plot_confusion

__all__ = ["plot_confusion"]

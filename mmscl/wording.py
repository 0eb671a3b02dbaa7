"""Counts in words, for whatever is told to a person."""

from __future__ import annotations


def counted(number: int, noun: str, verb: str = "") -> str:
    """A number and what it is of, in the singular or the plural.

    Args:
        number: How many, >= 0.
        noun: Of one, whose plural ends in s.
        verb: 'is', 'was', 'has' or 'does', put behind; '' for none.

    Example:
        >>> counted(1, 'crop', 'is'), counted(1200, 'crop', 'is')
        ('1 crop is', '1,200 crops are')
    """
    one = number == 1
    words = f"{number:,} {noun}" if one else f"{number:,} {noun}s"
    return f"{words} {verb if one else _PLURAL[verb]}" if verb else words


_PLURAL = {"is": "are", "was": "were", "has": "have", "does": "do"}

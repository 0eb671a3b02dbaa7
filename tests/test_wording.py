import pytest

from mmscl.wording import counted


@pytest.mark.parametrize(
    ("number", "verb", "text"),
    [
        (0, "", "0 crops"),
        (1, "", "1 crop"),
        (1, "has", "1 crop has"),
        (2, "was", "2 crops were"),
        (1200, "does", "1,200 crops do"),
    ],
)
def test_one_is_singular_and_all_else_plural(number, verb, text):
    assert counted(number, "crop", verb) == text

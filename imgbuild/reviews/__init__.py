"""What people decided on pictures: one line a decision, in a file beside the lock."""

from imgbuild.reviews.book import ReviewBook
from imgbuild.reviews.lines import Decision
from imgbuild.reviews.standing import Standing, told

__all__ = ["Decision", "ReviewBook", "Standing", "told"]

"""What the locks said at a revision of git, and which pictures are others since."""

from imgbuild.revisions.compare import Difference, compare
from imgbuild.revisions.past import Past, past_of

__all__ = ["Difference", "Past", "compare", "past_of"]

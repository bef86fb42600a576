"""A webhook: it takes whatever it is told."""

from tests.vendors.server import Answer, Vendor


class Hook(Vendor):
    """told: the JSON of all that came, in order."""

    @property
    def told(self):
        return [asked.fields for asked in self.asked]

    def answer(self, asked):
        return Answer(200, b"ok")

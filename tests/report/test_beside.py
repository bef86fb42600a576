"""What one is told, the other hears."""

from contextlib import closing

from imgbuild.report.beside import Beside
from imgbuild.report.events import Finished, Note


class Told:
    def __init__(self):
        self.said = []

    def event(self, event):
        self.said.append(event)

    def close(self):
        self.said.append("closed")


def test_each_event_is_told_and_then_heard():
    reporter, heard = Told(), []
    events = [Note(text="a", level="warning"), Finished()]
    with closing(Beside(reporter, lambda event: heard.append((event, list(reporter.said))))) as both:
        for event in events:
            both.event(event)
    assert reporter.said == [*events, "closed"]
    assert heard == [(events[0], events[:1]), (events[1], events)]

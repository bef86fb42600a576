"""Events as JSON lines."""

import io

from imgbuild.report.events import Draw, Failure, Finished, Load, NearBudget, Note, Started, TargetMoved
from imgbuild.report.json import JsonReporter


def test_one_event_a_line() -> None:
    stream = io.StringIO()
    reporter = JsonReporter(stream)
    reporter.event(Started(targets=3, fresh=1, restore=0, run=2, cost=0.04))
    reporter.event(TargetMoved(id="a/b[sku=猫]#0", state="done", output="b.png", seconds=0.5, cost=0.02))
    reporter.event(
        Failure(id="a/b#1", output="b1.png", where="specs/a.yaml:3:1", cause="no\nfile", hint="add it")
    )
    reporter.event(Note(text="a pin is old", level="warning"))
    reporter.event(NearBudget(of="month", limit=50.0, spent=41.5, left=8.5))
    reporter.event(NearBudget(of="build", limit=1.0, spent=0.0, left=1.0, estimate=0.85))
    reporter.event(Finished(built=1, generated=1, fresh=1, failed=1, seconds=0.5, cost=0.02, exit_code=1))
    reporter.close()
    assert stream.getvalue() == (
        '{"event":"started","targets":3,"fresh":1,"restore":0,"run":2,"maybe":0,"cost":0.04}\n'
        '{"event":"target","id":"a/b[sku=猫]#0","state":"done","output":"b.png","seconds":0.5,"cost":0.02}\n'
        '{"event":"failure","id":"a/b#1","output":"b1.png","where":"specs/a.yaml:3:1","cause":"no\\nfile",'
        '"hint":"add it"}\n'
        '{"event":"note","text":"a pin is old","level":"warning"}\n'
        '{"event":"budget","of":"month","limit":50.0,"spent":41.5,"left":8.5}\n'
        '{"event":"budget","of":"build","limit":1.0,"spent":0.0,"left":1.0,"estimate":0.85}\n'
        '{"event":"finished","built":1,"generated":1,"fresh":1,"failed":1,"seconds":0.5,"cost":0.02,'
        '"exit_code":1}\n'
    )


def test_what_is_under_way_is_told_once_a_second() -> None:
    stream, now = io.StringIO(), 100.0
    reporter = JsonReporter(stream, clock=lambda: now)
    reporter.event(Load(model="sdxl"))
    reporter.event(Load(model="sdxl", seconds=0.5, ended=True))
    reporter.event(Draw(model="sdxl", batch=1, images=2))
    for step in range(1, 9):
        now += 0.3
        reporter.event(
            Draw(model="sdxl", batch=1, images=2, step=step, steps=8, rate=3.3, seconds=step * 0.3)
        )
    reporter.event(Draw(model="sdxl", batch=1, images=2, step=8, steps=8, rate=3.3, seconds=2.5, ended=True))
    assert stream.getvalue() == (
        '{"event":"load","model":"sdxl"}\n'
        '{"event":"load","model":"sdxl","seconds":0.5,"ended":true}\n'
        '{"event":"draw","model":"sdxl","batch":1,"images":2}\n'
        '{"event":"draw","model":"sdxl","batch":1,"images":2,"step":4,"steps":8,"rate":3.3,"seconds":1.2}\n'
        '{"event":"draw","model":"sdxl","batch":1,"images":2,"step":8,"steps":8,"rate":3.3,"seconds":2.4}\n'
        '{"event":"draw","model":"sdxl","batch":1,"images":2,"step":8,"steps":8,"rate":3.3,"seconds":2.5,'
        '"ended":true}\n'
    )


def test_every_line_is_flushed_as_it_is_written() -> None:
    class Counting(io.StringIO):
        flushes = 0

        def flush(self) -> None:
            self.flushes += 1

    stream = Counting()
    reporter = JsonReporter(stream)
    reporter.event(Note(text="one"))
    reporter.event(Note(text="two"))
    assert stream.flushes == 2

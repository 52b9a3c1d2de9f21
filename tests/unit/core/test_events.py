"""The vocabulary of facts."""

import pickle

from nbdag.core.events import EVENTS, Event


def test_every_event_has_a_meaning():
    """The table of event names explains each of them, in words of one form."""
    assert all(name.isidentifier() and name == name.lower() and meaning for name, meaning in EVENTS.items())


def test_every_end_of_a_task_has_its_event():
    """Whatever state a task ends in, a fact says so."""
    ends = ("succeeded", "cached", "failed", "upstream_failed", "skipped", "cancelled")

    assert {f"task_{end}" for end in ends} <= set(EVENTS)


def test_an_event_is_a_value():
    """Events compare by what they say, and can be sent."""
    event = Event(1, 2.5, "task_started", "train", 1, "", {"worker": "thread-1"})

    assert pickle.loads(pickle.dumps(event)) == event

"""Whose turn it is: addresses that ask for much leave places to the others, and so does a task."""

from __future__ import annotations

from types import SimpleNamespace

from lstm_apps.server.fair_queue import ADDRESS, FairQueue, RecentWork


def event(address: str, when: int, function: object = None) -> SimpleNamespace:
    return SimpleNamespace(request=SimpleNamespace(scope={ADDRESS: address}), enqueue_time=when, fn=function)


def test_each_address_has_its_turn() -> None:
    line = SimpleNamespace(queue=[*(event("greedy", n) for n in range(5)), event("a", 6), event("b", 7), event("a", 8)])
    queue = SimpleNamespace(event_queue_per_concurrency_id={"models": line}, active_jobs=[None, [event("greedy", -1)]])
    FairQueue(queue, 32, {}).order()
    # One of the greedy is at work already: it has had its first turn
    assert [(each.request.scope[ADDRESS], each.enqueue_time) for each in line.queue] == [
        ("a", 6), ("b", 7), ("greedy", 0), ("a", 8), ("greedy", 1), ("greedy", 2), ("greedy", 3), ("greedy", 4),
    ]  # fmt: skip


def test_an_address_has_its_share_of_those_at_work() -> None:
    """Two hands: the second is for others. On this machine alone nobody is held back."""
    fn = SimpleNamespace(concurrency_id="models")
    line = SimpleNamespace(queue=[event("greedy", n, fn) for n in range(1, 4)], concurrency_limit=2,
                           current_concurrency=1)  # fmt: skip
    free = SimpleNamespace(queue=[event("greedy", 9)], concurrency_limit=None, current_concurrency=0)
    working = [event("greedy", 0, fn)]

    def take() -> tuple[list, bool, str] | None:
        return ([line.queue.pop(0)], False, "models") if line.queue else None

    def given() -> str | None:
        taken = queue.get_events()
        return taken[0][0].request.scope[ADDRESS] if taken else None

    queue = SimpleNamespace(event_queue_per_concurrency_id={"models": line, "free": free}, active_jobs=[working, None],
                            get_events=take)  # fmt: skip
    fair = FairQueue(queue, 32, {})
    fair.install()
    assert given() is None
    assert [each.enqueue_time for each in line.queue] == [1, 2, 3]
    assert len(free.queue) == 1
    line.queue += [event("modest", 5, fn), event("127.0.0.1", 6, fn), event("127.0.0.1", 7, fn)]
    assert [given() for _ in range(4)] == ["modest", "127.0.0.1", "127.0.0.1", None]
    queue.active_jobs = [None, None]
    line.queue.append(event("late", 99, fn))
    assert [given(), given(), given()] == ["greedy", "late", "greedy"]  # who had no turn yet comes first
    line.queue.append(event("greedy", 100, fn))
    line.concurrency_limit, queue.active_jobs = 8, [working, None]
    assert given() == "greedy"  # two of eight
    line.queue.append(event("greedy", 101, fn))
    fair.work.shared = True
    assert given() is None  # one, where others use the server too


def test_an_address_that_worked_for_long_waits_while_others_use_the_server() -> None:
    times = [0.0]
    work = RecentWork(lambda: times[0])
    heavy, light = event("heavy", 0), event("light", 0)

    def look(now: float, *at_work: object) -> frozenset[str]:
        times[0] = now
        work.look(at_work)
        return work.heavy

    work.begin(heavy)
    assert look(30, heavy) == set()  # nobody else is there
    work.begin(light)
    assert look(31, heavy, light) == {"heavy"}
    assert look(31.2) == {"heavy"}
    times[0] = 62
    work.begin(light)
    assert look(63, light) == {"heavy"}  # 31 s: all that had been counted within the minute before
    assert look(92, light) == set()  # light has had 30 s of the minute by now, and nobody else


def test_a_task_leaves_places_to_the_others() -> None:
    speech, other = object(), object()
    line = SimpleNamespace(queue=[event(str(n), n, speech) for n in range(6)])
    queue = SimpleNamespace(event_queue_per_concurrency_id={"models": line}, active_jobs=[])
    fair = FairQueue(queue, 8, {"speech": [speech], "captioning": [other]})
    assert fair.full(fair.task_of(speech))
    assert not fair.full(fair.task_of(other))

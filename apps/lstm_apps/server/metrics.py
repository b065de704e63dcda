"""What the demo's server counts, as Prometheus reads it: requests, seconds, the queue, loading of models, memory.

Each `Metrics` has a registry of its own, so that several servers may run in one process.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lstm_apps.demo.components import Once
from lstm_apps.server.memory import WhenIdle, give_back

__all__ = ["OUTCOMES", "Metrics"]

OUTCOMES = ("answered", "refused", "failed", "cancelled", "limited", "full")
"""What becomes of a request: an answer; a sentence, as what was sent cannot be used; an error of ours; the client went
away; too many of that address; the queue was full."""

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)


class Metrics:
    """Counters of one server.

    Args:
        waiting: gives the number of requests in the queue.
        models: task -> what loads its models.
    """

    def __init__(self, waiting: Callable[[], int], models: Mapping[str, Sequence[Once[Any]]]) -> None:
        import prometheus_client as prometheus

        self.registry = prometheus.CollectorRegistry()
        self._requests = prometheus.Counter(
            "lstm_models_requests", "Requests by task and by what became of them.", ["task", "outcome"],
            registry=self.registry,
        )  # fmt: skip
        self._seconds = prometheus.Histogram(
            "lstm_models_request_seconds", "From the start of the work to its last answer.", ["task"],
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        queue = prometheus.Gauge("lstm_models_queue", "Requests that wait.", registry=self.registry)
        queue.set_function(waiting)
        self._busy = prometheus.Gauge("lstm_models_running", "Requests at work.", registry=self.registry)
        loading = prometheus.Gauge(
            "lstm_models_load_seconds", "What loading the task's models took; 0 before.", ["task"],
            registry=self.registry,
        )  # fmt: skip
        self.idle = WhenIdle(give_back)
        for task, each in models.items():
            loading.labels(task).set_function(functools.partial(_load_seconds, each))
        prometheus.ProcessCollector(registry=self.registry)  # memory, processor time, open files; on Linux alone

    def count(self, task: str, outcome: str) -> None:
        """Count a request."""
        self._requests.labels(task, outcome).inc()

    def text(self) -> tuple[bytes, str]:
        """What Prometheus reads, and its content type."""
        from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def watched(self, task: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, or generator function, with its runs counted and timed under the task."""
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def run_on(*args: Any, **kwargs: Any) -> Any:
                with self.idle, _Run(self, task):
                    yield from function(*args, **kwargs)

            return run_on

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with self.idle, _Run(self, task):
                return function(*args, **kwargs)

        return run


class _Run:
    def __init__(self, metrics: Metrics, task: str) -> None:
        self.metrics, self.task = metrics, task

    def __enter__(self) -> None:
        self.started = time.perf_counter()
        self.metrics._busy.inc()

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.metrics._busy.dec()
        outcome = "answered"
        if kind is not None:
            from gradio.exceptions import Error

            outcome = "failed"
            if issubclass(kind, (Error, GeneratorExit)):
                outcome = "refused" if issubclass(kind, Error) else "cancelled"
        if outcome == "answered":
            self.metrics._seconds.labels(self.task).observe(time.perf_counter() - self.started)
        self.metrics.count(self.task, outcome)


def _load_seconds(models: Sequence[Once[Any]]) -> float:
    return sum(model.seconds or 0.0 for model in models)

"""`python -m worker`: takes jobs from the queue, one at a time, each in a child process of its own."""

import ctypes
import os
import signal
import sys
from typing import Any

from redis import Redis
from rq import Worker
from rq.job import Job

from webapp.queue import QUEUES
from worker import jobs, runtime

PR_SET_PDEATHSIG = 1
ALLOWED = frozenset({"worker.jobs.run_import", "worker.jobs.probe_provider", "worker.jobs.score_tenant"})


class OurJob(Job):
    """A job that can only be one of ours: whoever can write to Redis cannot make a worker run something."""

    @property
    def func(self) -> Any:
        if self.func_name not in ALLOWED:
            raise PermissionError("this job is not one of ours")
        return getattr(jobs, self.func_name.rpartition(".")[2])

    success_callback = failure_callback = stopped_callback = property(lambda self: None)

    def send_webhooks(self, *_: Any, **__: Any) -> None:
        """A job asks nobody but ChartMogul, whatever its entry in Redis says."""


class OurWorker(Worker):
    """Takes its child with it when it is killed, and tells it when it is asked to stop; either may be asked."""

    def setup_work_horse_signals(self) -> None:
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1 and self.pid != 1:  # killed between the fork and the line above
            os._exit(1)
        for number in (signal.SIGUSR1, signal.SIGTERM):  # whoever stops a service may ask all its processes
            signal.signal(number, lambda *_: jobs.stop_soon())

    def handle_warm_shutdown_request(self) -> None:
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        if self.horse_pid:
            os.kill(self.horse_pid, signal.SIGUSR1)


def main() -> int:
    runtime.prepare()
    settings = jobs.app().config["SETTINGS"]
    # With more than one queue RQ pops a job without noting that it did, so one whose worker dies at that moment is
    # lost to Redis. The clock sends its import again, as any other that nobody took.
    worker = OurWorker(
        QUEUES,
        connection=Redis.from_url(settings.redis, socket_connect_timeout=5),
        job_class=OurJob,
        serializer="json",
        worker_ttl=30,
        maintenance_interval=30,
        job_monitoring_interval=10,
        log_job_description=False,
    )
    worker.work(logging_level="WARNING")
    return 0


if __name__ == "__main__":
    sys.exit(main())

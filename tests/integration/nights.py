"""Fetch on the emulated cloud, with a feed server that stands for arXiv."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from arxiv_digest.adapters.arxiv import ExportApi, FeedReader
from arxiv_digest.firings import FetchEvent
from arxiv_digest.models import LOCAL_SCORER, Paper, Scorer
from arxiv_digest.steps.fetch import Fetch, FetchResult
from tests.builders import DAY
from tests.feeds import FeedServer, feed
from tests.integration.conftest import Cloud

HALF_PAST_MIDNIGHT = datetime(2026, 1, 22, 5, 30, tzinfo=UTC)  # 00:30 US Eastern


def at(hours: float, day: date = DAY) -> datetime:
    """A moment of a day, in hours after midnight US Eastern."""
    midnight = datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
    return midnight + timedelta(hours=hours)


class Night:
    """Fetch on the emulated cloud, with a feed server that stands for arXiv."""

    def __init__(
        self,
        cloud: Cloud,
        arxiv: FeedServer,
        scorer: Scorer = LOCAL_SCORER,
        export_api: str = "http://127.0.0.1:9/api/query",
    ) -> None:
        self.cloud = cloud
        self.arxiv = arxiv
        self.fetch = Fetch(
            arxiv=FeedReader(arxiv.base_url, 0, sleep=lambda _: None),
            export_api=ExportApi(export_api, 0, sleep=lambda _: None),
            runs=cloud.runs,
            queue=cloud.queue,
            profile_queue=cloud.profile_queue,
            archive=cloud.archive,
            scorer=scorer,
        )

    def publish(self, category: str, day: date, *listed: Paper) -> None:
        self.arxiv.feeds[category] = feed(category, day, listed)

    def fire(self, firing: str, when: datetime = HALF_PAST_MIDNIGHT) -> FetchResult:
        return self.fetch(FetchEvent.model_validate({"firing": firing}), when)

    def queued(self) -> list[str]:
        return [paper.id for batch in self.cloud.messages() for paper in batch.papers]

"""What aggregate writes of a day, in memory."""

from __future__ import annotations

from email.headerregistry import Address
from types import SimpleNamespace
from typing import Any

from arxiv_digest.batches import make_batches
from arxiv_digest.models import Tokens
from arxiv_digest.steps.aggregate import Aggregate
from tests.builders import DAY, NOW, a_run, papers, scored
from tests.memory import MemoryArchive, MemoryRuns

PROFILE = """\
language: en
categories: [cs.LG]
fields: [{name: Pruning, description: pruning experts}]
"""


def archived(*recipients: str, **told: Any) -> dict[str, bytes]:
    """The objects of an archive, by key, after a day of two papers; ``told`` goes to the step."""
    batches = make_batches(DAY, papers(2), 2)
    runs: Any = MemoryRuns(a_run(2, profile=PROFILE), batches)
    runs.complete_batch(batches[0], [scored(paper, 9) for paper in papers(2)], Tokens())
    archive: Any = MemoryArchive()
    mailer: Any = SimpleNamespace(send=lambda *_: "an id")
    sender = Address("digest", addr_spec="digest@example.org")
    step = Aggregate(
        runs, archive, lambda: mailer, lambda: sender, recipients, print, print, **told
    )
    step(DAY, NOW)
    return dict(archive.objects)

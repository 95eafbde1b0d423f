"""A preview is the digest that the steps make of the same feeds with the local scorer."""

from __future__ import annotations

import pytest

from arxiv_digest.adapters.arxiv import FeedReader
from arxiv_digest.migrations import DIGEST
from arxiv_digest.profile import load_profile
from arxiv_digest.steps.fetch import read_feed
from arxiv_digest.steps.score import Score
from local.feeds import SAMPLE
from local.preview import previewed
from tests.builders import DAY, NOW, a_paper, a_profile
from tests.feeds import FeedServer, feed, feed_server
from tests.integration.conftest import PROFILE, Cloud
from tests.integration.nights import Night

CATEGORIES = ("cs.CV", "cs.LG", "cs.AI", "cs.RO")
STEERED = """
low_priority: [medical images]
follow: {phrases: [language models]}
mute: [segmentation]
"""


def publish_sample(arxiv: FeedServer) -> None:
    """The sample day, some of whose papers are cross-lists or replacements."""
    new = b"<arxiv:announce_type>new<"
    for category in CATEGORIES:
        content = (SAMPLE / f"{category}.xml").read_bytes()
        for kind in (b"cross", b"replace", b"replace-cross"):
            content = content.replace(new, new.replace(b"new", kind), 1)
        arxiv.feeds[category] = content


@pytest.mark.parametrize("more", ["", f"announce_types: [new, cross, replace]\n{STEERED}"])
def test_a_preview_is_the_digest_of_the_steps(cloud: Cloud, more: str) -> None:
    text = PROFILE.replace("[cs.LG, cs.CV]", "[cs.LG, cs.RO, cs.CV, cs.XX]") + more
    text = text.replace("papers_per_call: 2", "papers_per_call: 10")
    cloud.archive.write("config/profile.yaml", text)
    profile = load_profile(text)
    with feed_server() as arxiv:
        publish_sample(arxiv)
        first = Night(cloud, arxiv)
        # One paper has been read on another day.
        read = [read_feed(FeedReader(arxiv.base_url, 0), name, 9)[0] for name in CATEGORIES]
        known = read[1].papers[-1]
        before = DAY.replace(day=21)
        cloud.runs.mark_seen([known], before)
        first.fire("manual", NOW)
        unreadable = read_feed(FeedReader(arxiv.base_url, 0), "cs.XX", 9)[0]
    step = Score(cloud.runs, lambda *_: pytest.fail("nothing to ask"))
    batches = cloud.messages()
    assert len(batches) > 1
    for batch in batches:
        step(batch)
    cloud.aggregate()(DAY, NOW)
    made = DIGEST.read(cloud.archive.read(f"{DAY}/digest.json") or b"", "digest.json")
    preview = previewed(profile, text, [*read, unreadable], {known.id: before}, (), NOW)
    assert made.seen_before == 1
    assert made.left_out > 0
    assert len(made.announcement_order) > 20
    assert preview == made


def test_the_date_is_that_of_the_newest_feed_of_all_profiles() -> None:
    with feed_server() as arxiv:
        arxiv.feeds["cs.LG"] = feed("cs.LG", DAY.replace(day=21), [a_paper()])
        arxiv.feeds["math.ST"] = feed("math.ST", DAY)
        reader = FeedReader(arxiv.base_url, 0)
        read = [read_feed(reader, category, 9)[0] for category in ("math.ST", "cs.LG")]
    digest = previewed(a_profile(), "", read, {}, (), NOW)
    assert digest.date == DAY
    assert [feed.state for feed in digest.feeds] == ["stale"]

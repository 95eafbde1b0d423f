"""Where a day on this machine gets its feeds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from arxiv_digest.announcements import merge, parse_feed
from arxiv_digest.models import AnnounceType
from arxiv_digest.profile import load_profile
from local import __main__ as commands
from local import feeds
from local.options import categories_of, feeds_served

ROOT = Path(__file__).parents[2]
PROFILES = {"": (ROOT / "profile.yaml").read_text("utf-8")}


def read(url: str) -> bytes:
    with urlopen(url) as answer:
        return bytes(answer.read())


def test_without_arxiv_the_sample_is_used_and_said_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(feeds, "arxiv_reachable", lambda: False)
    with feeds_served("live", PROFILES) as base_url:
        sample = (feeds.SAMPLE / "cs.CV.xml").read_bytes()
        assert read(f"{base_url}/cs.CV") == sample
    assert "arXiv cannot be reached" in capsys.readouterr().out


def test_with_arxiv_its_own_feeds_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "arxiv_reachable", lambda: True)
    with feeds_served("live", PROFILES) as base_url:
        assert base_url == "https://rss.arxiv.org/rss"


def test_a_folder_is_served_by_category_and_oddities_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cs.CV.xml").write_bytes(b"<rss/>")
    (tmp_path / "other.xml").write_bytes(b"<rss/>")
    with feeds_served(str(tmp_path), PROFILES) as base_url:
        assert read(f"{base_url}/cs.CV") == b"<rss/>"
        with pytest.raises(HTTPError, match="404"):
            read(f"{base_url}/cs.LG")
        with pytest.raises(HTTPError, match="404"):
            read(f"{base_url}/..%2f..%2fetc%2fpasswd")
    said = capsys.readouterr().out
    assert "there is no cs.LG.xml" in said
    assert "other.xml is not read" in said


def test_a_feed_that_broke_off_is_served_where_no_whole_one_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("cs.CV.cut-off", "cs.LG.cut-off", "cs.LG"):
        (tmp_path / f"{name}.xml").write_text(name)
    with feeds_served(str(tmp_path), PROFILES) as base_url:
        assert read(f"{base_url}/cs.CV") == b"cs.CV.cut-off"
        assert read(f"{base_url}/cs.LG") == b"cs.LG"
    said = capsys.readouterr().out
    assert "no cs.CV" not in said
    assert "is not read" not in said


def test_the_profile_can_be_narrowed_to_some_categories() -> None:
    [text] = commands._profiles(ROOT / "profile.yaml", ["cs.CV"]).values()
    assert load_profile(text).categories == ("cs.CV",)
    assert len(load_profile(text).fields) == 7


def test_a_folder_of_profiles_has_each_by_the_name_of_its_file(tmp_path: Path) -> None:
    for name in ("theory", "vision"):
        text = PROFILES[""] + f"\nname: {name}\n"
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
    found = commands._profiles(tmp_path, ["cs.CV"])
    assert list(found) == ["theory", "vision"]
    assert categories_of(found) == ["cs.CV"]
    assert load_profile(found["theory"]).name == "theory"


def test_the_sample_is_a_day_of_48_papers_without_anybodys_scores() -> None:
    files = sorted(feeds.SAMPLE.glob("*.xml"))
    parsed = [parse_feed(file.read_bytes(), file.stem) for file in files]
    assert all(feed.reading.state == "fresh" for feed in parsed)
    merged = merge([feed.papers for feed in parsed], [AnnounceType.NEW])
    assert len(merged.papers) == 48
    for file in files:
        text = file.read_text("utf-8")
        assert "not the author's abstract" in text
        assert not re.search(r"score[: ]*\d", text, re.IGNORECASE)


def test_the_samples_abstracts_are_this_projects_own(digest_data: Path) -> None:
    lines = (digest_data / "seed-day-216-papers.jsonl").read_text("utf-8").splitlines()
    theirs = {row["id"]: row for row in map(json.loads, lines)}
    seeds = {row["id"] for row in theirs.values() if row["seed_score"] is not None}
    ours = {
        paper.id: paper
        for file in feeds.SAMPLE.glob("*.xml")
        for paper in parse_feed(file.read_bytes(), file.stem).papers
    }
    assert seeds < ours.keys()
    for paper_id, paper in ours.items():
        original = theirs[paper_id]
        assert paper.title == original["title"]
        words = original["abstract"].split()
        runs = {" ".join(words[at : at + 6]) for at in range(len(words) - 5)}
        own = paper.abstract.split()
        assert not runs & {" ".join(own[at : at + 6]) for at in range(len(own) - 5)}

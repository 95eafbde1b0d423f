"""arXiv feeds as papers: what real, hard, cut and damaged feeds come out as."""

import datetime as dt
import json
import re
import unicodedata
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from arxiv_digest.announcements import (
    author_names,
    judged,
    merge,
    paper_id,
    parse_feed,
)
from arxiv_digest.firings import eastern_date
from arxiv_digest.models import AnnounceType, FeedReading, FeedState, Paper

DAY = dt.date(2026, 1, 22)
PUBLISHED = "Thu, 22 Jan 2026 00:00:00 -0500"
RSS = (
    '<rss xmlns:arxiv="http://arxiv.org/schemas/atom" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0">'
)
DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>"


def item(
    number="2601.00001",
    title="A title",
    authors="Ada One, Bob Two",
    abstract="An abstract.",
    categories=("cs.CV",),
    announce_type="new",
    version=1,
):
    subjects = "".join(f"<category>{category}</category>" for category in categories)
    return f"""<item>
      <title>{escape(title)}</title>
      <link>https://arxiv.org/abs/{number}</link>
      <description>arXiv:{number}v{version} Announce Type: {announce_type}\x20
Abstract: {escape(abstract)}</description>
      <guid isPermaLink="false">oai:arXiv.org:{number}v{version}</guid>
      {subjects}
      <pubDate>{PUBLISHED}</pubDate>
      <arxiv:announce_type>{announce_type}</arxiv:announce_type>
      <dc:creator>{escape(authors)}</dc:creator>
    </item>"""


def rss(*items, published=PUBLISHED, declaration=DECLARATION):
    dated = f"<pubDate>{published}</pubDate>" if published else ""
    inside = "\n".join(("<title>cs.CV updates on arXiv.org</title>", dated, *items))
    return f"{declaration}\n{RSS}<channel>{inside}</channel></rss>\n".encode()


def entry(number="2601.00001v1", authors=("Ada One",), title="A title", summary="An abstract."):
    names = "".join(f"<author><name>{name}</name></author>" for name in authors)
    return f"""<entry>
      <id>http://arxiv.org/abs/{number}</id>
      <title>{escape(title)}</title>
      <updated>2026-01-21T18:59:00Z</updated>
      <published>2026-01-19T10:00:00Z</published>
      <summary>{escape(summary)}</summary>
      <category term="cs.CV"/>{names}
    </entry>"""


def atom(*entries, updated="2026-01-22T05:00:00Z"):
    return (
        f'{DECLARATION}<feed xmlns="http://www.w3.org/2005/Atom"><title>ArXiv Query</title>'
        f"<updated>{updated}</updated>{''.join(entries)}</feed>"
    ).encode()


def read(*items, **channel):
    return parse_feed(rss(*items, **channel), "cs.CV")


def only(feed):
    assert feed.reading.unreadable == ()
    (paper,) = feed.papers
    return paper


def paper(number, categories=("cs.CV",), announce_type="new", title="A title"):
    return Paper(
        id=number,
        version=1,
        title=title,
        authors=("Ada One",),
        abstract="An abstract.",
        categories=categories,
        announce_type=AnnounceType(announce_type),
        announced=DAY,
    )


def json_lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


# What cleaning is documented to do, written a second time and in another way than in the code.

LETTERS = {r"{\o}": "ø", r"{\O}": "Ø", r"{\l}": "ł", r"{\L}": "Ł", r"{\ss}": "ß"}
COMBINING = {
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    '"': "\u0308",
    "~": "\u0303",
    "v": "\u030c",
}


def spelled_out(text):
    for tex, letter in LETTERS.items():
        text = text.replace(tex, letter)
    return re.sub(
        r"\\(['`^\"~]|v(?=\{))\{?([A-Za-z])\}?",
        lambda accent: unicodedata.normalize("NFC", accent[2] + COMBINING[accent[1]]),
        text,
    )


def expected_title(text):
    outside_and_inside = re.split(r"(\$[^$]*\$)", text)
    outside_and_inside[::2] = map(spelled_out, outside_and_inside[::2])
    return one_line("".join(outside_and_inside)).replace("&amp;", "&")


def expected_abstract(text):
    return one_line(text).replace("&amp;", "&")


def expected_authors(text):
    while "(" in text:
        text = re.sub(r"\([^()]*\)", "", text)
    names = [one_line(spelled_out(name)) for name in text.split(",")]
    return tuple(name for name in names if name not in ("", ":"))


def one_line(text):
    return re.sub(r"\s+", " ", text).strip()


@pytest.fixture(scope="module")
def feeds(digest_data):
    folder = digest_data / "feeds" / "2026-01-22"
    return [
        parse_feed((folder / f"{category}.xml").read_bytes(), category)
        for category in ("cs.CV", "cs.LG", "cs.AI", "cs.RO")
    ]


@pytest.fixture(scope="module")
def listed(digest_data):
    rows = json_lines(digest_data / "seed-day-216-papers.jsonl")
    return sorted(rows, key=lambda row: row["pos"])


class TestRealFeeds:
    def test_every_feed_of_the_day_is_fresh_and_read_whole(self, feeds):
        assert [feed.reading for feed in feeds] == [
            FeedReading(category=category, state=FeedState.FRESH, date=DAY, items=items)
            for category, items in (("cs.CV", 84), ("cs.LG", 73), ("cs.AI", 32), ("cs.RO", 27))
        ]
        assert [len(feed.papers) for feed in feeds] == [84, 73, 32, 27]

    def test_the_day_merges_into_its_216_papers_in_announcement_order(self, feeds, listed):
        merged = merge([feed.papers for feed in feeds], [AnnounceType.NEW])

        assert len(merged.papers) == 216
        assert merged.left_out == 0
        assert [paper.id for paper in merged.papers] == [row["id"] for row in listed]

    def test_every_paper_of_the_day_says_what_arxiv_says(self, feeds, listed):
        merged = merge([feed.papers for feed in feeds], [AnnounceType.NEW])

        for paper, row in zip(merged.papers, listed, strict=True):
            assert f"{paper.id}v{paper.version}" == row["version_id"]
            assert paper.title == expected_title(row["title"])
            assert paper.authors == expected_authors(row["authors"])
            assert paper.abstract == expected_abstract(row["abstract"])
            assert paper.categories == tuple(row["categories"])
            assert paper.announced == DAY

    def test_a_feed_of_all_announce_types_counts_what_the_profile_leaves_out(self, digest_data):
        content = (digest_data / "feeds" / "2026-04-21-mixed" / "cs.CV.xml").read_bytes()

        feed = parse_feed(content, "cs.CV")

        types = [paper.announce_type.value for paper in feed.papers]
        counted = {announce_type: types.count(announce_type) for announce_type in set(types)}
        assert counted == {"new": 276, "replace": 138, "cross": 48, "replace-cross": 39}
        assert feed.reading.unreadable == ()
        new_only = merge([feed.papers], [AnnounceType.NEW])
        assert (len(new_only.papers), new_only.left_out) == (276, 138 + 48 + 39)
        everything = merge([feed.papers], list(AnnounceType))
        assert (len(everything.papers), everything.left_out) == (501, 0)

    @pytest.mark.parametrize("category", ["cs.AI", "cs.CL", "cs.LG"])
    def test_a_feed_as_served_is_read_whole(self, digest_data, category):
        path = digest_data / "feeds" / "real-trimmed" / f"{category}.xml"
        content = path.read_bytes()

        feed = parse_feed(content, category)

        assert feed.reading == FeedReading(
            category=category, state=FeedState.FRESH, date=dt.date(2026, 4, 27), items=3
        )
        guids = re.findall(rb"oai:arXiv\.org:(\S+?)v(\d+)<", content)
        assert [(paper.id, paper.version) for paper in feed.papers] == [
            (number.decode(), int(version)) for number, version in guids
        ]
        for paper in feed.papers:
            assert category in paper.categories
            assert paper.authors
            assert not paper.abstract.startswith(("arXiv:", "Abstract:"))

    def test_a_saturday_is_empty_and_dated_and_nothing_is_wrong(self, digest_data):
        path = digest_data / "feeds" / "real-trimmed" / "cs.CL-weekend-empty.xml"

        feed = parse_feed(path.read_bytes(), "cs.CL")

        assert feed.papers == ()
        assert feed.reading == FeedReading(
            category="cs.CL", state=FeedState.EMPTY, date=dt.date(2026, 8, 1)
        )

    def test_a_truncated_feed_gives_its_whole_paper_and_says_what_is_wrong(self, digest_data):
        feed = parse_feed((digest_data / "feeds" / "bad" / "truncated.xml").read_bytes(), "cs.AI")

        assert [paper.id for paper in feed.papers] == ["2507.55555"]
        assert feed.reading.state is FeedState.CUT_OFF
        assert feed.reading.items == 1
        assert "breaks off" in feed.reading.detail
        assert len(feed.reading.unreadable) == 1
        assert feed.reading.unreadable[0].startswith("2507.66666: ")


@pytest.fixture(scope="module")
def rows(digest_data):
    return json_lines(digest_data / "hard_items.jsonl")


@pytest.fixture(scope="module")
def papers(rows):
    feed = read(*(item(r["id"], r["title"], r["authors"], r["abstract"]) for r in rows))
    assert feed.reading.state is FeedState.FRESH
    assert feed.reading.unreadable == ()
    return feed.papers


class TestHardPapers:
    def test_none_is_lost(self, rows, papers):
        assert len(rows) == 52
        assert [paper.id for paper in papers] == [row["id"] for row in rows]

    def test_titles_are_one_line_with_accents_decoded_and_mathematics_verbatim(self, rows, papers):
        for row, paper in zip(rows, papers, strict=True):
            assert paper.title == expected_title(row["title"])
            formulas = re.findall(r"\$[^$]+\$", row["title"])
            assert all(formula in paper.title for formula in formulas)

    def test_abstracts_keep_their_whole_text(self, rows, papers):
        for row, paper in zip(rows, papers, strict=True):
            assert paper.abstract == expected_abstract(row["abstract"])
            for character in "<>%~$\\{":
                assert paper.abstract.count(character) == row["abstract"].count(character)

    def test_author_names_hold_no_tex_no_affiliations_and_no_gaps(self, rows, papers):
        for row, paper in zip(rows, papers, strict=True):
            assert paper.authors == expected_authors(row["authors"])
            for name in paper.authors:
                assert name.strip(" ,:;")
                assert not set(name) & set("\\{}()")
                assert name == one_line(name)

    def test_no_author_of_more_than_a_hundred_is_lost(self, rows, papers):
        many = [
            paper
            for row, paper in zip(rows, papers, strict=True)
            if "authors_over_100" in row["tags"]
        ]
        assert len(many) == 3
        assert all(len(paper.authors) > 100 for paper in many)


class TestExportApi:
    def test_an_old_style_id_keeps_its_archive_and_authors_lose_affiliations(self, digest_data):
        content = (digest_data / "api" / "old-style-id.xml").read_bytes()

        paper = only(parse_feed(content, "astro-ph"))

        assert (paper.id, paper.version) == ("astro-ph/0601001", 1)
        assert paper.link == "https://arxiv.org/abs/astro-ph/0601001"
        assert len(paper.authors) == 4
        assert paper.authors[0] == "Andrew Gould"
        assert paper.categories == ("astro-ph",)
        assert "V_max<17.5" in paper.abstract

    @pytest.mark.parametrize("entries", [20, 100])
    def test_every_entry_of_a_search_is_read(self, digest_data, entries):
        content = (digest_data / "api" / f"search-{entries}-entries.xml").read_bytes()

        feed = parse_feed(content, "cs.CV")

        ids = re.findall(rb"<id>http://arxiv\.org/abs/([^<]+)v(\d+)</id>", content)
        names = content.count(b"<name>")
        assert feed.reading.state is FeedState.FRESH
        assert feed.reading.items == entries
        assert [(paper.id, str(paper.version)) for paper in feed.papers] == [
            (number.decode(), version.decode()) for number, version in ids
        ]
        assert all(paper.authors for paper in feed.papers)
        assert sum(len(paper.authors) for paper in feed.papers) == names

    def test_no_results_is_empty(self, digest_data):
        feed = parse_feed((digest_data / "api" / "no-results.xml").read_bytes(), "cs.CV")

        assert feed.papers == ()
        assert feed.reading.state is FeedState.EMPTY
        assert feed.reading.date == dt.date(2026, 4, 12)

    def test_an_entry_is_dated_by_the_answer_and_not_by_its_submission(self):
        feed = parse_feed(atom(entry(), updated="2026-01-22T05:00:00Z"), "cs.CV")

        assert only(feed).announced == DAY

    def test_a_later_version_in_the_api_is_a_replacement(self):
        feed = parse_feed(atom(entry("2601.00001v1"), entry("2601.00002v3")), "cs.CV")

        types = [paper.announce_type for paper in feed.papers]
        assert types == [AnnounceType.NEW, AnnounceType.REPLACE]


class TestDates:
    def test_an_atom_time_is_read_in_eastern_time(self):
        before_midnight = parse_feed(atom(entry(), updated="2026-01-22T04:59:59Z"), "cs.CV")
        at_midnight = parse_feed(atom(entry(), updated="2026-01-22T05:00:00Z"), "cs.CV")

        assert before_midnight.reading.date == dt.date(2026, 1, 21)
        assert at_midnight.reading.date == DAY

    @pytest.mark.parametrize("offset", ["-0500", "-0400"])
    def test_the_date_of_rss_is_the_one_written_in_winter_and_summer(self, offset):
        feed = read(item(), published=f"Thu, 22 Jan 2026 00:00:00 {offset}")

        assert feed.reading.date == DAY

    @pytest.mark.parametrize(
        ("hour_in_utc", "date"), [(3, dt.date(2026, 7, 14)), (4, dt.date(2026, 7, 15))]
    )
    def test_daylight_saving_time_counts(self, hour_in_utc, date):
        moment = dt.datetime(2026, 7, 15, hour_in_utc, 30, tzinfo=dt.UTC)

        assert eastern_date(moment) == date

    @pytest.mark.parametrize("published", [None, "yesterday"])
    def test_a_feed_without_a_date_is_not_taken_for_whole(self, published):
        feed = read(item(), published=published)

        assert feed.reading.state is FeedState.CUT_OFF
        assert feed.reading.date is None
        assert "date" in feed.reading.detail
        assert [paper.announced for paper in feed.papers] == [DAY]

    def test_a_paper_without_any_date_is_named(self):
        undated = item().replace(f"<pubDate>{PUBLISHED}</pubDate>", "")

        feed = read(undated, published=None)

        assert feed.papers == ()
        assert feed.reading.unreadable[0].startswith("2601.00001: no announcement date")


class TestJudged:
    LATER = DAY + dt.timedelta(days=1)

    @pytest.mark.parametrize("items", [(), (item(),)], ids=["empty", "fresh"])
    def test_a_whole_feed_of_an_earlier_date_is_stale(self, items):
        feed = judged(read(*items), self.LATER)

        assert feed.reading.state is FeedState.STALE
        assert feed.reading.date == DAY
        assert feed.papers == read(*items).papers

    @pytest.mark.parametrize("expected", [DAY, DAY - dt.timedelta(days=1)])
    def test_a_feed_of_the_day_or_later_is_as_it_was_read(self, expected):
        assert judged(read(item()), expected) == read(item())
        assert judged(read(), expected).reading.state is FeedState.EMPTY

    def test_a_cut_feed_stays_cut_off_whatever_its_date(self):
        feed = parse_feed(rss(item(), item("2601.00002"))[:-40], "cs.CV")

        assert feed.reading.date == DAY
        assert judged(feed, self.LATER) == feed

    def test_an_unreachable_feed_stays_unreachable(self):
        unread = read()._replace(
            reading=FeedReading(category="cs.CV", state=FeedState.UNREACHABLE, date=DAY)
        )

        assert judged(unread, self.LATER) == unread


@pytest.fixture(scope="module")
def real(digest_data):
    content = (digest_data / "feeds" / "2026-01-22" / "cs.AI.xml").read_bytes()
    return content, parse_feed(content, "cs.AI")


class TestCutFeeds:
    """A cut is never announced by the sender, so nothing in a cut feed may be taken on trust."""

    # Characters of two, three and four bytes in every place: a cut may fall into one of them.
    UGLY = rss(
        item("2601.00001", "Größe <b and c> d", "Zoë Müller", "x < y &amp; z – “one” &#39; ~ 99%"),
        item("2601.00002", "中文 &amp;amp; 𝔘", "李 明", '<a href="x">𝔘</a> ]]> <!-- é --> end'),
    )

    def check_cut(self, content, whole, end):
        cut = parse_feed(content[:end], "cs.AI")

        assert cut.reading.state is FeedState.CUT_OFF
        assert cut.reading.detail
        assert cut.papers == whole.papers[: len(cut.papers)]
        assert cut.reading.items == len(cut.papers)
        # Only the announcement at which the feed breaks off is given up.
        assert len(cut.papers) >= content[:end].count(b"</item>") - 1
        started = len(re.findall(rb"<item>", content[:end]))
        assert len(cut.papers) + len(cut.reading.unreadable) == started
        assert cut.reading.date in (None, whole.reading.date)

    def test_a_feed_cut_at_any_byte_keeps_every_earlier_announcement_unaltered(self):
        whole = parse_feed(self.UGLY, "cs.AI")

        assert len(whole.papers) == 2
        for end in range(len(self.UGLY.rstrip())):
            self.check_cut(self.UGLY, whole, end)

    @given(share=st.floats(0, 1, exclude_max=True))
    @settings(max_examples=25, deadline=None)
    def test_a_real_feed_cut_at_any_byte_gives_no_altered_paper(self, real, share):
        content, whole = real
        self.check_cut(content, whole, int(share * len(content.rstrip())))

    def test_the_announcement_at_the_cut_is_named(self):
        content = rss(item("2601.00001"), item("2601.00002", abstract="Half of this is missing."))

        feed = parse_feed(content[: content.index(b"is missing")], "cs.CV")

        assert [paper.id for paper in feed.papers] == ["2601.00001"]
        (named,) = feed.reading.unreadable
        assert named.startswith("2601.00002: ")
        assert "breaks off" in named

    def test_half_a_date_is_no_date(self):
        content = rss(item())

        feed = parse_feed(content[: content.index(b"26 00:00:00")], "cs.CV")

        assert feed.reading.date is None


class TestWhatIsNoFeed:
    @given(content=st.binary(max_size=400))
    @example(b"")
    @example(b"<html><body><h1>503 Service Unavailable</h1></body></html>")
    @example(b"<!DOCTYPE html><html><head><title>Rate exceeded.</title></head><body><br></body>")
    @example(b"Rate exceeded.")
    @example(b'{"error": "not found"}')
    @example(b"\x1f\x8b\x08\x00\x00\x00\x00\x00")
    @example(b"<?xml version='1.0' encoding='\xff'?><rss/>")
    @example(b"<?xml version='1.0' encoding='utf\x00'?><rss/>")
    @settings(max_examples=150, deadline=None)
    def test_other_content_is_cut_off_and_raises_nothing(self, content):
        feed = parse_feed(content, "cs.CV")

        assert feed.papers == ()
        assert feed.reading.state is FeedState.CUT_OFF
        assert feed.reading.detail

    def test_content_is_never_taken_for_the_name_of_a_file(self, tmp_path):
        path = tmp_path / "feed.xml"
        path.write_bytes(rss(item()))

        feed = parse_feed(str(path).encode(), "cs.CV")

        assert feed.papers == ()
        assert feed.reading.detail == "the answer is not a feed"

    @given(
        position=st.integers(0),
        length=st.integers(0, 60),
        inserted=st.binary(max_size=20)
        | st.sampled_from(
            [
                b"</item>",
                b"<item>",
                b"<title/>",
                b"<![CDATA[",
                b"<!--",
                b"<!DOCTYPE a>",
                b"&#99999999999;",
                b"&#xD800;",
                b"</link>",
                b"</category>",
                b"<author><name/></author>",
                b"99999999999",
            ]
        ),
    )
    @settings(max_examples=200, deadline=None)
    def test_a_damaged_feed_raises_nothing(self, position, length, inserted):
        content = bytearray(rss(item(), item("2601.00002")))
        start = position % len(content)
        content[start : start + length] = inserted

        feed = parse_feed(bytes(content), "cs.CV")

        assert feed.reading.items == len(feed.papers)

    @pytest.mark.parametrize(
        ("part", "odd"),
        [
            ("v1</guid>", f"v{'9' * 5000}</guid>"),
            (f"<pubDate>{PUBLISHED}</pubDate>", "<pubDate>Thu, 22 Jan 99999999999 0:0</pubDate>"),
            ("<category>cs.CV</category>", "<category/>"),
            ("<dc:creator>Ada One, Bob Two</dc:creator>", "<dc:creator/>"),
            ("</dc:creator>", "</dc:creator><author><name/></author><author><name/></author>"),
            ("<arxiv:announce_type>new", "<arxiv:announce_type a='b'>new"),
            ("<link>https://arxiv.org/abs/2601.00001", "<link>http://[x"),
            ("</title>", "</title><source><title/></source>"),
        ],
    )
    def test_one_odd_announcement_costs_no_other(self, part, odd):
        assert part in item()

        feed = read(item().replace(part, odd), item("2601.00002"))

        assert feed.papers[-1].id == "2601.00002"
        assert len(feed.papers) + len(feed.reading.unreadable) == 2

    @pytest.mark.parametrize("year", ["0001-01-01T00:00:00+00:00", "99999-01-01T00:00:00Z"])
    def test_an_impossible_time_is_no_date(self, year):
        feed = parse_feed(atom(entry(), updated=year), "cs.CV")

        assert feed.reading.date is None


class TestEncodings:
    @pytest.mark.parametrize(
        "declaration",
        [
            "",
            "<?xml version='1.0'?>",
            "<?xml version='1.0' encoding='ISO-8859-1'?>",
            "<?xml version='1.0' encoding='us-ascii'?>",
            "<?xml version='1.0' encoding='utf-16'?>",
            "<?xml version='1.0' encoding='nonsense'?>",
        ],
    )
    def test_a_wrong_declaration_neither_cuts_a_feed_off_nor_spoils_names(self, declaration):
        feed = read(item(authors="Zoë Müller"), declaration=declaration)

        assert feed.reading.state is FeedState.FRESH
        assert only(feed).authors == ("Zoë Müller",)

    def test_latin_1_behind_a_declaration_of_utf_8_is_read(self):
        content = rss(item(authors="Zoë Müller")).decode().encode("latin-1")

        feed = parse_feed(content, "cs.CV")

        assert feed.reading.state is FeedState.FRESH
        assert only(feed).authors == ("Zoë Müller",)


class TestOneAnnouncement:
    def test_it_becomes_a_paper(self):
        announcement = item(
            "2601.00007", "A title", "Ada One", "Text.", ("cs.CV", "eess.IV"), "replace-cross", 3
        )

        assert only(read(announcement)) == Paper(
            id="2601.00007",
            version=3,
            title="A title",
            authors=("Ada One",),
            abstract="Text.",
            categories=("cs.CV", "eess.IV"),
            announce_type=AnnounceType.REPLACE_CROSS,
            announced=DAY,
        )

    def test_a_title_and_an_abstract_wrapped_over_lines_become_one(self):
        feed = read(item(title="  A title\n   over\tlines ", abstract="Some\n  text\n\non lines. "))

        assert only(feed).title == "A title over lines"
        assert only(feed).abstract == "Some text on lines."

    def test_tex_accents_are_decoded_in_titles_but_not_in_mathematics(self):
        feed = read(item(title=r"Moir\'e on $\'e < \alpha$ and G\"{o}del, 100% of A~B"))

        assert only(feed).title == r"Moiré on $\'e < \alpha$ and Gödel, 100% of A~B"

    def test_tex_stays_in_abstracts(self):
        abstract = r"Cram\'er-Rao, $n<k$ and 50\% of A~B, <b>R&D</b>, ``q''"

        assert only(read(item(abstract=abstract))).abstract == abstract

    def test_what_looks_like_a_tag_or_a_header_stays_in_an_abstract(self):
        abstract = "If a <b and c> d. Abstract: arXiv:2601.99999v1 Announce Type: new <script>"

        assert only(read(item(abstract=abstract))).abstract == abstract

    @pytest.mark.parametrize(
        ("written", "meant"),
        [("R&amp;D", "R&D"), ("a &lt; b", "a < b"), ("it&#39;s", "it's"), ("R&D", "R&D")],
    )
    def test_entities_that_were_escaped_twice_are_decoded(self, written, meant):
        one = only(read(item(title=written, authors=f"{written} Team", abstract=written)))

        assert (one.title, one.authors, one.abstract) == (meant, (f"{meant} Team",), meant)

    def test_its_id_is_found_in_its_link_where_it_has_no_guid(self):
        without = re.sub("<guid.*</guid>", "", item("2601.00009"))

        assert only(read(without)).id == "2601.00009"

    @pytest.mark.parametrize(
        ("part", "named"),
        [
            ("<title>A title</title>", "2601.00001: no title"),
            ("An abstract.", "2601.00001: no abstract"),
        ],
    )
    def test_what_lacks_a_title_or_an_abstract_is_named(self, part, named):
        feed = read(item().replace(part, ""), item("2601.00002"))

        assert [paper.id for paper in feed.papers] == ["2601.00002"]
        assert feed.reading.unreadable == (named,)
        assert feed.reading.state is FeedState.FRESH
        assert feed.reading.items == 1

    @pytest.mark.parametrize("description", ["<description/>", ""])
    def test_an_empty_description_is_no_abstract(self, description):
        without = re.sub("<description>.*</description>", description, item(), flags=re.DOTALL)

        assert read(without).reading.unreadable == ("2601.00001: no abstract",)

    @pytest.mark.parametrize(
        ("title", "named"), [("A title", "A title"), ("", "an entry without id")]
    )
    def test_what_lacks_an_id_is_named_by_its_title(self, title, named):
        without = re.sub("<guid.*</guid>|<link>.*</link>", "", item(title=title))

        feed = read(without)

        assert feed.papers == ()
        assert feed.reading.unreadable == (f"{named}: no arXiv identifier in its id or link",)

    def test_an_unknown_announce_type_is_named_with_the_known_ones(self):
        feed = read(item(announce_type="withdrawn"), item("2601.00002"))

        assert [paper.id for paper in feed.papers] == ["2601.00002"]
        (named,) = feed.reading.unreadable
        assert named.startswith("2601.00001: ")
        assert "withdrawn" in named
        assert "replace-cross" in named

    def test_a_feed_with_nothing_but_unreadable_announcements_is_not_empty(self):
        feed = read(item(announce_type="withdrawn"))

        assert feed.reading.state is FeedState.FRESH
        assert feed.reading.items == 0

    def test_the_announce_type_of_the_description_counts_where_there_is_no_element(self):
        without = re.sub("<arxiv:announce_type>.*</arxiv:announce_type>", "", item())

        feed = read(without.replace("Type: new", "Type: cross"))

        assert only(feed).announce_type is AnnounceType.CROSS

    def test_a_category_named_twice_counts_once(self):
        assert only(read(item(categories=("cs.CV", "cs.LG", "cs.CV")))).categories == (
            "cs.CV",
            "cs.LG",
        )


class TestMerge:
    def test_a_paper_of_two_feeds_stands_where_it_came_first_with_both_categories(self):
        vision = [paper("2601.00001", ("cs.CV",)), paper("2601.00002", ("cs.CV",))]
        learning = [paper("2601.00003", ("cs.LG",)), paper("2601.00001", ("cs.CV", "cs.LG"))]

        merged = merge([vision, learning], [AnnounceType.NEW])

        assert [p.id for p in merged.papers] == ["2601.00001", "2601.00002", "2601.00003"]
        assert merged.papers[0].categories == ("cs.CV", "cs.LG")
        assert merged.left_out == 0

    def test_the_first_feed_says_what_the_paper_is(self):
        merged = merge(
            [[paper("2601.00001", title="First")], [paper("2601.00001", title="Second")]],
            [AnnounceType.NEW],
        )

        assert [p.title for p in merged.papers] == ["First"]

    def test_what_is_left_out_is_counted_by_paper_and_not_by_feed(self):
        cross = paper("2601.00001", announce_type="cross")
        replaced = paper("2601.00002", announce_type="replace")

        merged = merge([[cross, replaced], [cross]], [AnnounceType.NEW])

        assert (merged.papers, merged.left_out) == ((), 2)

    @pytest.mark.parametrize("first", ["new", "cross"])
    def test_a_paper_that_is_new_in_one_category_is_not_left_out_by_another(self, first):
        second = "cross" if first == "new" else "new"

        merged = merge(
            [[paper("2601.00001", announce_type=kind)] for kind in (first, second)],
            [AnnounceType.NEW],
        )

        assert [p.announce_type.value for p in merged.papers] == ["new"]
        assert merged.left_out == 0

    @given(
        feeds=st.lists(
            st.lists(
                st.builds(
                    paper,
                    st.sampled_from([f"2601.0000{n}" for n in range(8)]),
                    announce_type=st.sampled_from(list(AnnounceType)),
                ),
                max_size=8,
            ),
            max_size=4,
        ),
        kept=st.sets(st.sampled_from(list(AnnounceType))),
    )
    def test_every_announced_paper_is_kept_once_or_counted_once(self, feeds, kept):
        merged = merge(feeds, kept)

        announced = {p.id for feed in feeds for p in feed}
        ids = [p.id for p in merged.papers]
        assert len(ids) == len(set(ids))
        assert len(ids) + merged.left_out == len(announced)
        assert all(p.announce_type in kept for p in merged.papers)


class TestAuthorNames:
    @pytest.mark.parametrize(
        ("line", "names"),
        [
            ("Ada One", ("Ada One",)),
            ("", ()),
            (" , ,", ()),
            ("Ada One,  , Bob  Two,", ("Ada One", "Bob Two")),
            ("The Team,  :, Ada One", ("The Team", "Ada One")),
            ("Ada One (ETH, Zurich), Bob Two (MIT)", ("Ada One", "Bob Two")),
            ("A. One (1), B. Two (2) ((1) Uni A, (2) Uni B)", ("A. One", "B. Two")),
            ("A. One (1 and 2), B. Two ((1) Uni (A), City)", ("A. One", "B. Two")),
            ("Ada One), Bob Two", ("Ada One", "Bob Two")),
            (r"Jos\'e N\'u\~nez, \'Angel {\L}o\'s", ("José Núñez", "Ángel Łoś")),
            (r"Ada One\\, Peter St\\" + '"utz', ("Ada One", "Peter Stütz")),
            ("Tommaso d'Orsi, See-Kiong Ng", ("Tommaso d'Orsi", "See-Kiong Ng")),
        ],
    )
    def test_a_line_is_split_into_names(self, line, names):
        assert author_names(line) == names

    def test_a_suffix_after_a_comma_is_not_lost(self):
        assert "".join(author_names("John Doe, Jr., Ada One")).replace(" ", "").replace(
            ",", ""
        ) == ("JohnDoeJr.AdaOne")

    @given(st.lists(st.from_regex(r"\A[A-Z][a-z]{1,8} [A-Z][a-z]{1,8}\Z"), max_size=12))
    @example(["Ada One", "Bob Two", "Ada One"] * 50)
    def test_plain_names_are_all_kept_in_their_order(self, names):
        assert author_names(", ".join(names)) == tuple(names)

    def test_authors_of_the_api_are_read_one_by_one(self):
        feed = parse_feed(atom(entry(authors=("Ada One", r"Ren\'e Two", "The Team"))), "cs.CV")

        assert only(feed).authors == ("Ada One", "René Two", "The Team")


class TestPaperId:
    @pytest.mark.parametrize(
        ("text", "identity"),
        [
            ("2601.14327", ("2601.14327", 1)),
            ("2601.14327v2", ("2601.14327", 2)),
            ("0704.0001v12", ("0704.0001", 12)),
            ("https://arxiv.org/abs/2601.14327v3", ("2601.14327", 3)),
            ("https://arxiv.org/pdf/2601.14327v3.pdf", ("2601.14327", 3)),
            ("oai:arXiv.org:2601.14327v1", ("2601.14327", 1)),
            ("https://doi.org/10.48550/arXiv.2601.14327", ("2601.14327", 1)),
            ("arXiv:2601.14327.", ("2601.14327", 1)),
            ("oai:arXiv.org:astro-ph/0601001v1", ("astro-ph/0601001", 1)),
            ("http://arxiv.org/abs/math.GT/0309136", ("math/0309136", 1)),
            ("http://arxiv.org/abs/cond-mat/0309136v4", ("cond-mat/0309136", 4)),
        ],
    )
    def test_it_is_found(self, text, identity):
        assert paper_id(text) == identity

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "no id",
            "2601.143",
            "https://arxiv.org/abs/",
            "260.14327",
            # Not somebody else's: cutting digits off would name another paper.
            "2601.143271",
            "12601.14327",
            "astro-ph/06010012",
            "٢٦٠١.١٤٣٢٧",
        ],
    )
    def test_what_is_no_id_is_not_made_into_one(self, text):
        assert paper_id(text) is None

    @given(st.from_regex(r"\A[0-9]{4}\.[0-9]{4,5}\Z"), st.integers(1, 99))
    def test_every_way_of_writing_an_id_is_the_same_id(self, number, version):
        for text in (f"{number}v{version}", f"https://arxiv.org/abs/{number}v{version}"):
            assert paper_id(text) == (number, version)

"""The reader's profile: what the default one says, and what a wrong one is told."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from arxiv_digest.models import AnnounceType, Reader
from arxiv_digest.profile import ProfileError, load_profile

DEFAULT = Path(__file__).parents[2] / "profile.yaml"
FIELD = {"name": "Agents", "description": "Agents that use tools."}


def written(**changes):
    """A small profile as YAML, with keys changed, or left out where the change is ``...``."""
    keys = {"categories": ["cs.CV"], "fields": [FIELD]} | changes
    kept = {key: value for key, value in keys.items() if value is not ...}
    return yaml.safe_dump(kept, allow_unicode=True, sort_keys=False)


def refusal(text):
    with pytest.raises(ProfileError) as caught:
        load_profile(text, "reader.yaml")
    message = str(caught.value)
    for internal in ("Traceback", 'File "', "pydantic", "arxiv_digest", "validation", "tuple"):
        assert internal not in message
    return message


class TestDefaultProfile:
    @pytest.fixture
    def profile(self):
        return load_profile(DEFAULT.read_text("utf-8"))

    def test_it_is_the_profile_of_the_digest_this_project_is_modelled_on(self, profile):
        assert profile.categories == ("cs.CV", "cs.LG", "cs.AI", "cs.RO")
        assert profile.announce_types == (AnnounceType.NEW,)
        assert profile.minimum_score == 7
        assert profile.language == "zh"
        assert profile.time_zone == "Asia/Shanghai"
        assert len(profile.low_priority) == 2

    def test_its_fields_are_those_of_that_digest(self, profile, digest_data):
        digest = (digest_data.parent / "seed-digest-2026-01-23.md").read_text("utf-8")
        headings = re.findall(r"^## (.+)$", digest, re.MULTILINE)

        names = [field.name for field in profile.fields]

        assert len(names) == 7
        assert sorted(names) == sorted(headings)

    def test_what_papers_are_compared_with_is_english(self, profile):
        for text in (*(field.description for field in profile.fields), *profile.low_priority):
            assert text.isascii()
            assert len(text.split()) > 5

    def test_folded_lines_become_one_line(self, profile):
        for text in (*(field.description for field in profile.fields), *profile.low_priority):
            assert "\n" not in text
            assert "  " not in text


class TestGoodProfiles:
    def test_only_categories_and_fields_are_needed(self):
        profile = load_profile(written())

        assert profile.language == "en"
        assert profile.time_zone == "UTC"
        assert profile.announce_types == (AnnounceType.NEW,)
        assert profile.minimum_score == 7
        assert profile.papers_per_call == 45
        assert profile.low_priority == ()

    def test_its_reader_is_what_the_digest_shows(self):
        text = written(name="v-2", language="zh", time_zone="Europe/Berlin", minimum_score=6.5)

        assert load_profile(text).reader == Reader(
            profile="v-2",
            language="zh",
            time_zone="Europe/Berlin",
            fields=("Agents",),
            minimum_score=6.5,
        )

    def test_a_profile_without_a_name_is_the_default_one(self):
        assert load_profile(written()).reader.profile == "default"
        assert load_profile(written(name="a" * 40)).name == "a" * 40

    @pytest.mark.parametrize(
        "category",
        ["cs.CV", "astro-ph", "astro-ph.GA", "hep-th", "cond-mat.mes-hall", "physics.acc-ph"],
    )
    def test_every_kind_of_category_is_accepted(self, category):
        assert load_profile(written(categories=[category])).categories == (category,)

    @pytest.mark.parametrize("score", [0, 10, 7.5])
    def test_the_ends_of_the_scale_are_thresholds(self, score):
        assert load_profile(written(minimum_score=score)).minimum_score == score

    @pytest.mark.parametrize("papers", [1, 50])
    def test_the_ends_of_the_batch_sizes_are_sizes(self, papers):
        assert load_profile(written(papers_per_call=papers)).papers_per_call == papers

    def test_nothing_is_steered_unless_the_profile_says_so(self):
        profile = load_profile(written())

        assert (profile.follow.authors, profile.follow.phrases, profile.mute) == ((), (), ())
        assert (profile.examples.more, profile.examples.less) == ((), ())
        assert profile.threshold("Agents") == profile.reasons_above == 7

    def test_the_documented_example_steers_as_it_says(self):
        page = (DEFAULT.parent / "docs/profile.md").read_text("utf-8")
        steered = page.partition("## Steer")[2].partition("```yaml\n")[2].partition("```")[0]

        profile = load_profile("categories: [cs.LG]\n" + steered)

        assert profile.threshold("Calibration") == 6
        assert profile.fields[1].at_most == 10
        assert profile.follow.authors == ("Ada Lovelace", "G. Hinton")
        assert profile.mute == ("survey", "remote sensing")
        assert profile.examples.less == ("2512.00017", "cs/0601001")

    def test_the_packaged_profiles_commented_entries_can_be_used(self):
        text = DEFAULT.read_text("utf-8")
        head, _, entries = text.partition("# follow:\n")
        uncommented = "follow:\n" + re.sub("(?m)^# ", "", entries)

        profile = load_profile(head + uncommented)

        assert (profile.follow.raise_by, profile.mute) == (2, ("survey",))
        assert profile.examples.more == ("2601.14327",)

    def test_examples_are_read_however_an_identifier_is_written(self):
        text = written() + (
            "examples:\n"
            "  more: [2601.14320, 0704.0010, 'arXiv:2601.14327v2', astro-ph/0601001]\n"
            "  less: [https://arxiv.org/abs/1412.6980]\n"
        )

        examples = load_profile(text).examples

        assert examples.more == ("2601.14320", "0704.0010", "2601.14327", "astro-ph/0601001")
        assert examples.less == ("1412.6980",)

    @given(st.integers(7, 40), st.integers(1, 12), st.integers(1, 99999))
    def test_no_identifier_that_yaml_takes_for_a_number_loses_a_digit(self, year, month, number):
        digits = 5 if year >= 15 else 4
        name = f"{year:02d}{month:02d}.{number % 10**digits:0{digits}d}"

        assert load_profile(written() + f"examples: {{more: [{name}]}}").examples.more == (name,)

    def test_the_lowest_threshold_of_a_papers_fields_counts(self):
        low, high = (FIELD | {"name": n, "minimum_score": s} for n, s in (("Low", 5), ("High", 9)))
        profile = load_profile(written(fields=[FIELD, low, high]))

        assert profile.threshold("Agents") == profile.threshold() == profile.threshold(None) == 7
        assert profile.threshold("High") == 9
        assert profile.threshold("High", "Agents") == profile.threshold("High", None, "Agents") == 7
        assert profile.threshold("High", "Low") == profile.reasons_above == 5

    def test_every_announce_type_can_be_read(self):
        types = [kind.value for kind in AnnounceType]

        assert load_profile(written(announce_types=types)).announce_types == tuple(AnnounceType)


class TestWrongProfiles:
    @pytest.mark.parametrize(
        ("changes", "key", "mend"),
        [
            ({"lanugage": "zh"}, "lanugage", "did you mean 'language'?"),
            ({"min_score": 7}, "min_score", "did you mean 'minimum_score'?"),
            ({"colour": "red"}, "colour", "the keys are name, language, time_zone"),
            ({"recipients": ["a"]}, "recipients[0]", "is no bare e-mail address"),
            (
                {"recipients": ["a@b.org", "A@b.org"]},
                "recipients",
                "stands more than once; mail everybody once",
            ),
            (
                {"fields": [FIELD | {"descripton": "x"}]},
                "fields[0].descripton",
                "mean 'description'?",
            ),
            ({"fields": [FIELD | {"weight": 2}]}, "fields[0].weight", "keys are name, description"),
            ({"categories": ...}, "categories", "is missing; add it"),
            ({"fields": ...}, "fields", "is missing; add it"),
            ({"fields": [{"name": "A"}]}, "fields[0].description", "is missing; add it"),
            ({"fields": [FIELD, {"description": "x"}]}, "fields[1].name", "is missing; add it"),
            ({"name": "My Fields"}, "name", "is 'My Fields'; write up to 40 lower-case letters"),
            ({"name": "a" * 41}, "name", "write up to 40 lower-case letters, digits and hyphens"),
            ({"name": ""}, "name", "is ''; write up to 40 lower-case letters"),
            ({"name": "a\n"}, "name", "write up to 40 lower-case letters"),
            ({"name": 7}, "name", "is 7; input should be a valid string"),
            ({"language": "fr"}, "language", "is 'fr'; input should be 'zh' or 'en'"),
            ({"language": None}, "language", "'zh' or 'en'"),
            ({"time_zone": "Mars/Olympus"}, "time_zone", "a name such as Asia/Shanghai"),
            ({"time_zone": "Asia"}, "time_zone", "a name such as Asia/Shanghai"),
            ({"time_zone": ""}, "time_zone", "a name such as Asia/Shanghai"),
            ({"time_zone": "../UTC"}, "time_zone", "a name such as Asia/Shanghai"),
            ({"time_zone": 8}, "time_zone", "is 8; input should be a valid string"),
            ({"categories": ["CS.CV"]}, "categories[0]", "write it like cs.CV or astro-ph"),
            ({"categories": ["cs.LG", "cs CV"]}, "categories[1]", "is 'cs CV', no arXiv category"),
            ({"categories": ["cs.CV/.."]}, "categories[0]", "write it like cs.CV or astro-ph"),
            ({"categories": [7]}, "categories[0]", "is 7; input should be a valid string"),
            ({"categories": "cs.CV"}, "categories", "is 'cs.CV'; write a list"),
            ({"categories": []}, "categories", "is empty; name at least one"),
            ({"categories": ["cs.CV"] * 2}, "categories", "'cs.CV' stands more than once; name"),
            ({"fields": []}, "fields", "is empty; name at least one"),
            ({"fields": None}, "fields", "is None; write a list"),
            ({"fields": FIELD}, "fields", "write a list"),
            ({"fields": ["Agents"]}, "fields[0]", "write its keys (name, description, min"),
            ({"fields": [FIELD] * 2}, "fields", "'Agents' stands more than once; give each field"),
            ({"fields": [FIELD, FIELD | {"name": " Agents "}]}, "fields", "stands more than once"),
            ({"fields": [FIELD | {"name": 7}]}, "fields[0].name", "is 7; input should be a valid"),
            ({"fields": [FIELD | {"name": True}]}, "fields[0].name", "is True; input should be a"),
            ({"fields": [FIELD | {"name": " "}]}, "fields[0].name", "is empty; write a few"),
            ({"fields": [FIELD | {"description": ""}]}, "fields[0].description", "is empty; write"),
            ({"low_priority": [""]}, "low_priority[0]", "is empty; write a few English words"),
            ({"low_priority": "medicine"}, "low_priority", "is 'medicine'; write a list"),
            ({"minimum_score": 10.5}, "minimum_score", "is 10.5; input should be less than or"),
            ({"minimum_score": -1}, "minimum_score", "is -1; input should be greater than or"),
            ({"minimum_score": "high"}, "minimum_score", "is 'high'; input should be a valid num"),
            ({"papers_per_call": 0}, "papers_per_call", "greater than or equal to 1"),
            ({"reasons_from": 11}, "reasons_from", "is 11; input should be less than or equal to"),
            ({"abstract_words": 19}, "abstract_words", "greater than or equal to 20"),
            ({"papers_per_call": 51}, "papers_per_call", "less than or equal to 50"),
            (
                {"papers_per_call": 2.5},
                "papers_per_call",
                "is 2.5; input should be a valid integer",
            ),
            ({"announce_types": []}, "announce_types", "is empty; name at least one"),
            ({"folow": {}}, "folow", "did you mean 'follow'?"),
            ({"muted": ["a"]}, "muted", "did you mean 'mute'?"),
            ({"follow": {"author": ["A B"]}}, "follow.author", "did you mean 'authors'?"),
            ({"follow": ["A B"]}, "follow", "write its keys (authors, phrases, raise_by)"),
            ({"follow": {"authors": "A B"}}, "follow.authors", "is 'A B'; write a list"),
            ({"follow": {"authors": ["…"]}}, "follow.authors[0]", "is '…'; write a name or a phr"),
            ({"follow": {"authors": ["A B", "a  b"]}}, "follow.authors", "'a b' stands more than"),
            ({"follow": {"raise_by": 11}}, "follow.raise_by", "is 11; input should be less than"),
            ({"mute": "survey"}, "mute", "is 'survey'; write a list"),
            ({"mute": [""]}, "mute[0]", "is ''; write a name or a phrase with letters"),
            ({"mute": ["world-model", "World Model"]}, "mute", "(as 'world-model'); keep one"),
            (
                {"mute": ["A-B"], "follow": {"phrases": ["a b"]}},
                "mute",
                "'A-B' is followed as well",
            ),
            ({"examples": {"mor": ["2601.1"]}}, "examples.mor", "did you mean 'more'?"),
            ({"examples": {"more": ["2601"]}}, "examples.more[0]", "is '2601', no arXiv identifie"),
            (
                {"examples": {"less": ["2613.00001"]}},
                "examples.less[0]",
                "write it like 2601.14327",
            ),
            ({"examples": {"more": [7]}}, "examples.more[0]", "is 7, no arXiv identifier; write"),
            (
                {"examples": {"more": ["2601.00001"], "less": ["2601.00001v2"]}},
                "examples.less",
                "name each paper once, under more or less",
            ),
            (
                {"examples": {"more": [f"2601.{number:05d}" for number in range(21)]}},
                "examples.more",
                "has 21 entries; keep 20 at most",
            ),
            ({"fields": [FIELD | {"at_most": -1}]}, "fields[0].at_most", "is -1; input should be"),
            (
                {"fields": [FIELD | {"minimum_score": 11}]},
                "fields[0].minimum_score",
                "is 11; input",
            ),
            ({"announce_types": ["crossed"]}, "announce_types[0]", "'new', 'cross', 'replace' or"),
        ],
    )
    def test_one_line_names_the_file_the_key_and_the_mend(self, changes, key, mend):
        (line,) = refusal(written(**changes)).splitlines()

        assert line.startswith(f"reader.yaml: {key} ")
        assert mend in line

    def test_every_problem_is_named_at_once(self):
        text = written(
            language="fr",
            time_zone="Mars/Olympus",
            categories=["CS.CV", "cs.LG"],
            announce_types=["crossed"],
            minimum_score=11,
            papers_per_call=0,
            fields=[{"name": "A"}, FIELD],
            low_priority=[3],
            lanugage="zh",
        )

        lines = refusal(text).splitlines()

        assert {line.split()[1] for line in lines} == {
            "language",
            "time_zone",
            "categories[0]",
            "announce_types[0]",
            "minimum_score",
            "papers_per_call",
            "fields[0].description",
            "low_priority[0]",
            "lanugage",
        }
        assert len(lines) == 9
        assert all(line.startswith("reader.yaml: ") for line in lines)

    @pytest.mark.parametrize(
        ("text", "key"),
        [
            (written() + "categories: [cs.LG]\n", "categories"),
            ("categories: [cs.CV]\nfields: [{name: A, name: B, description: C}]\n", "name"),
        ],
    )
    def test_a_key_that_stands_twice_is_named_with_its_line(self, text, key):
        message = refusal(text)

        assert message.startswith("reader.yaml")
        assert f"the key '{key}' stands twice; keep one" in message
        assert re.search(r"line \d+", message)

    @pytest.mark.parametrize("text", ["", "# all commented out\n", "null", "7", "- cs.CV", "words"])
    def test_a_file_without_keys_is_told_what_is_expected(self, text):
        message = refusal(text)

        assert message == "reader.yaml: expected keys such as 'categories' and 'fields' at the top"

    @pytest.mark.parametrize(
        "text",
        [
            "categories: [cs.CV",
            "categories: cs.CV: cs.LG",
            "\tcategories: [cs.CV]",
            "a: 1\n---\nb: 2\n",
            "a: *nowhere",
            "a: !!python/object/apply:os.getcwd []",
            "? [a]\n: 1\n",
            "? {a: 1}\n: 1\n",
            "a: 2026-13-45\n",
            "a: \x00",
            "a: " + "9" * 5000,
            "[" * 1000,
        ],
    )
    def test_what_is_no_yaml_is_refused_with_the_name_of_the_file(self, text):
        assert refusal(text).startswith("reader.yaml is not YAML: ")

    def test_a_key_that_is_no_text_is_refused(self):
        assert "reader.yaml: [5]" in refusal(written() + "5: 1\n")

    @given(st.text(max_size=60))
    @example("{}")
    @example("{? 2026-01-01 : 1}")
    @settings(max_examples=150, deadline=None)
    def test_no_text_raises_anything_else(self, text):
        with pytest.raises(ProfileError, match=r"\Aprofile\.yaml"):
            load_profile(text)

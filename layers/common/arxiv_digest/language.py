"""Every fixed word of a digest, in each language it can be written in.

A word that one language lacks is an error of construction, so none can be missing. Dates, numbers
and plurals follow the language's locale as the Unicode CLDR has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from babel import Locale
from babel.dates import format_date, format_skeleton, get_day_names
from babel.numbers import format_currency, format_decimal, format_percent

from arxiv_digest.firings import READY
from arxiv_digest.models import (
    Choice,
    FeedReading,
    FeedState,
    Scorer,
    ScorerKind,
    SteeringEntry,
    SteeringKind,
    Verdict,
)
from arxiv_digest.troubles import in_language

Counted = dict[str, str]
"""A word in its forms by number, under the CLDR's names of plural forms (``one``, ``other``)."""


@dataclass(frozen=True)
class Words:
    """The fixed words of one language; braces are filled in by :meth:`str.format`.

    ``locale`` is the CLDR's name of the language. A form by number (:class:`Counted`) is asked for
    with :meth:`count`.
    """

    locale: str
    html_lang: str
    title: str
    updated: str
    updated_beijing: str
    rebuilt_exactly: str
    rebuilt_approximately: str
    rebuilt_in_part: str
    read: Counted
    model: str
    local_scorer: str
    tokens: str
    tokens_unreported: str
    tokens_cached: str
    cost: str
    ledger: str
    triage: str
    triage_opened: str
    recall: str
    recall_unknown: str
    scored_locally: Counted
    by_similarity: str
    also_in: str
    steered: dict[SteeringKind, str]
    raised: str
    steering: str
    steering_kinds: dict[SteeringKind, str]
    example_trouble: str
    rank: str
    seen_before: str
    left_out: str
    other_field: str
    no_reason: str
    failed_heading: str
    not_scored_in_time: str
    triaged_heading: str
    below_heading: str
    feeds: dict[FeedState, str]
    feed_from: str
    feed_unreadable: str
    notes: str
    verdicts: dict[Verdict, str]
    nothing_recommended: str
    score: str
    more_authors: str
    abstract: str
    pdf: str
    html: str
    subject: str
    subject_none: str
    summary: str
    read_on_page: str
    why_mailed: str
    archive: str
    all_days: str
    no_days: str
    day: str
    announced: str
    recommended: str
    failed: str
    skip_to_papers: str
    contents: str
    # The mail.
    first_line: str
    first_line_none: str
    nothing_to_read: str
    papers_read: Counted
    not_scored: Counted
    papers: Counted
    read_page: str
    paper_on_page: str
    more_on_page: Counted
    more_in_archive: Counted
    more_notes: Counted
    # The page of a day.
    day_before: str
    day_after: str
    other_days: str
    exports: str
    pictures: str
    scores_pictured: str
    scores_described: str
    fields_pictured: str
    find: str
    search: str
    search_hint: str
    field: str
    every_field: str
    category: str
    every_category: str
    lowest_score: str
    sort: str
    by_rank: str
    by_score: str
    by_announcement: str
    by_title: str
    reset: str
    shown: str
    nothing_shown: str
    papers_in_order: str
    permalink: str
    copy_bibtex: str
    copied: str
    copy_by_hand: str
    all_authors: str
    close: str
    keys: str
    keys_on: str
    key_next: str
    key_previous: str
    key_search: str
    key_open: str
    key_abstract: str
    key_copy: str
    key_help: str
    key_leave: str
    # The archive.
    newest: str
    feed_days: str
    feed_papers: str
    papers_title: str
    day_title: str
    calendar: str
    earlier: str
    recommended_count: Counted
    fields_over_time: str
    bar_a_day: str
    bar_a_month: str
    field_name: str
    best: str
    cost_title: str
    month_sum: str
    search_archive: str
    search_archive_hint: str
    search_state: str
    search_unread: str
    search_more: str
    in_digest: str
    # Votes.
    votes: dict[Choice, str]
    vote_question: dict[Choice, str]
    vote_state: dict[Choice, str]
    vote_counts: str
    vote_shared: str
    vote_changed: str
    vote_refused: str
    vote_forged: str
    vote_expired: str
    vote_gone: str
    vote_unreadable: str
    vote_failed: str

    def count(self, forms: Counted, count: int) -> str:
        """The form for a number, with the number in it."""
        return forms[_locale(self.locale).plural_form(count)].format(count=self.number(count))

    def number(self, value: int) -> str:
        """A number with the separators of the language."""
        return format_decimal(value, locale=_locale(self.locale))

    def share(self, value: float) -> str:
        """A share from 0 to 1 in whole percent."""
        return format_percent(value, locale=_locale(self.locale))

    def dollars(self, value: float) -> str:
        """An amount in US dollars, to the cent, and exactly where it is less than a dollar."""
        form = "¤#,##0.00" if value >= 1 else "¤0.00##"
        return format_currency(
            value, "USD", form, locale=_locale(self.locale), currency_digits=False
        )

    def day_name(self, day: date) -> str:
        """A date with its weekday, written out."""
        return format_date(day, "full", locale=self.locale)

    def month_name(self, day: date) -> str:
        """The year and the month of a date, written out."""
        return format_skeleton("yMMMM", day, locale=self.locale)

    def weekdays(self) -> list[tuple[str, str]]:
        """The days of the week from Monday on, as short as can be and written out."""
        short = get_day_names("narrow", "stand-alone", self.locale)
        whole = get_day_names("wide", "stand-alone", self.locale)
        return [(short[day], whole[day]) for day in range(7)]


@cache
def _locale(name: str) -> Locale:
    # Parsing one takes most of a millisecond, and a mail counts thousands of times.
    return Locale.parse(name)


ZH = Words(
    locale="zh_CN",
    html_lang="zh-CN",
    title="ArXiv 每日推荐",
    updated="更新于当地时间（{zone}）：{time}",
    updated_beijing="更新于北京时间：{time}",
    rebuilt_exactly="本篇是事后补做的，依据当日保存的公告源原样重建。",
    rebuilt_approximately="本篇是事后补做的，至少有一个分类只能按投稿时间近似重建，可能与当日公告有出入，"
    "原因见说明。",
    rebuilt_in_part="本篇是事后补做的，依据如今仍能读到的内容重建，各分类的情况见说明。",
    read={"other": "已自动阅读了 {count} 篇最新的论文。"},
    model="使用模型：{model} | 消耗 Tokens：{tokens}",
    local_scorer="{name}（本地词汇相似度评分，未使用语言模型）",
    tokens="消耗 Tokens",
    tokens_unreported="{tokens}（{calls} 次调用未报告）",
    tokens_cached="{tokens}（其中缓存 {cached}）",
    cost="{line} | 费用：{cost}",
    ledger="公告日 {date}：公告 {announced} = 评分 {scored} + 分流 {triaged} + 失败 {failed}",
    triage="分流：保留排名前 {keep} 的论文评分，其余 {below} 篇中抽查 {audited} 篇。{recall}",
    triage_opened="分流已自动放开：抽查表明它漏掉过多，因此本次全部评分"
    "（排名前 {keep} 以外有 {below} 篇）。{recall}",
    recall="分流抽查估计应推荐的论文有 {estimate} 得到保留"
    "（95% 置信区间 {low}–{high}，{days} 天）。",
    recall_unknown="尚无抽查结果可估计漏掉了多少。",
    scored_locally={"other": "当日 Token 预算已用完，{count} 篇由本地词汇相似度评分，已逐篇标明。"},
    by_similarity="本地评分",
    also_in="也属于：{field}",
    steered={
        SteeringKind.FOLLOWED_AUTHOR: "关注的作者：{entry}",
        SteeringKind.FOLLOWED_PHRASE: "关注的短语：{entry}",
        SteeringKind.MUTED_PHRASE: "屏蔽的短语：{entry}",
        SteeringKind.FIELD_THRESHOLD: "「{entry}」的推荐分数为 {setting}",
        SteeringKind.FIELD_CAP: "「{entry}」每期最多推荐 {setting} 篇",
        SteeringKind.MORE_LIKE: "与你想多看的 {entry} 相似",
        SteeringKind.LESS_LIKE: "与你想少看的 {entry} 相似",
    },
    raised="评分由 {score} 提高",
    steering="按配置调整的论文数——{kinds}。",
    steering_kinds={
        SteeringKind.FOLLOWED_AUTHOR: "关注的作者：{entries}",
        SteeringKind.FOLLOWED_PHRASE: "关注的短语：{entries}",
        SteeringKind.MUTED_PHRASE: "屏蔽的短语：{entries}",
        SteeringKind.FIELD_THRESHOLD: "因领域的推荐分数而改变：{entries}",
        SteeringKind.FIELD_CAP: "超出领域上限：{entries}",
        SteeringKind.MORE_LIKE: "想多看的相似论文：{entries}",
        SteeringKind.LESS_LIKE: "想少看的相似论文：{entries}",
    },
    example_trouble="示例 {id} 不起作用：{trouble}",
    rank="第 {rank} 名",
    seen_before="另有 {count} 篇已在其他日期读过，未重复阅读。",
    left_out="另有 {count} 篇属于配置未选的公告类型（交叉列表或更新），未阅读。",
    other_field="其他",
    no_reason="（评分器没有给出可用的理由）",
    failed_heading="未能评分的论文（{count}）",
    not_scored_in_time="到截止时间仍未评分",
    triaged_heading="分流未评分的论文（{count}）",
    below_heading="已读但未推荐的论文（{count}）",
    feeds={
        FeedState.FRESH: "已读取 {items} 条公告",
        FeedState.EMPTY: "公告为空：arXiv 当日没有发布公告（周末或节假日）",
        FeedState.STALE: "公告源未更新，仍是旧的一天；之后发布的论文将进入下一次推荐",
        FeedState.CUT_OFF: "公告源不完整，只读到 {items} 条完整公告",
        FeedState.UNREACHABLE: "公告源无法读取",
        FeedState.LATE: "上次推荐之后才发布，读到 {items} 条公告，未读的论文并入本次推荐",
        FeedState.APPROXIMATE: "没有保存当日的公告源，改从 arXiv 的 export API 按投稿时间取得"
        " {items} 篇论文；该 API 不提供公告日期、交叉列表日期、暂缓公告和节假日信息，"
        "因此可能与当日公告有出入",
    },
    feed_from="{category}（{date}）：{state}",
    feed_unreadable="有一条公告无法读取",
    notes="说明",
    verdicts={
        Verdict.RECOMMENDED: "",
        Verdict.NOTHING_ANNOUNCED: "这一天 arXiv 没有发布公告（周末或节假日），没有可推荐的论文。",
        Verdict.NOTHING_NEW: "这一天的公告中没有未读的新论文。",
        Verdict.FEEDS_UNREADABLE: "这一天没有论文可读：至少一个公告源未能完整读取，详情见上。",
        Verdict.NOTHING_ABOVE_THRESHOLD: "这一天读过的论文都没有达到推荐分数 {threshold}。",
        Verdict.SCORING_FAILED: "这一天的论文都未能评分，标题与链接列在下面。",
    },
    nothing_recommended="这一天没有推荐的论文：都没有达到推荐分数，或因你的配置未推荐。",
    score="评分",
    more_authors="等 {count} 位作者",
    abstract="摘要",
    pdf="PDF",
    html="HTML",
    subject="ArXiv 每日推荐 {date}：{count} 篇 · {title}",
    subject_none="ArXiv 每日推荐 {date}：没有推荐",
    summary="阅读 {announced} 篇，推荐 {recommended} 篇。",
    read_on_page="归档位置",
    why_mailed="这封邮件由你部署的 ArXiv 每日推荐自动发送；要停止接收，请回复退订。",
    archive="ArXiv 每日推荐归档",
    all_days="所有日期",
    no_days="还没有任何一天的推荐；第一次运行之后会列在这里。",
    day="公告日",
    announced="阅读",
    recommended="推荐",
    failed="失败",
    skip_to_papers="跳到论文",
    contents="目录",
    # The mail.
    first_line="{read}，推荐 {recommended} 篇，以「{field}」最多（{most} 篇）。",
    first_line_none="{read}，没有推荐。",
    nothing_to_read="没有可读的论文。",
    papers_read={"other": "阅读 {count} 篇"},
    not_scored={"other": "其中 {count} 篇未能评分。"},
    papers={"other": "{count} 篇"},
    read_page="在网页上阅读：筛选、搜索、摘要",
    paper_on_page="网页",
    more_on_page={"other": "还有 {count} 篇，在网页上阅读"},
    more_in_archive={"other": "还有 {count} 篇，见归档（地址在文末）"},
    more_notes={"other": "还有 {count} 条说明"},
    # The page of a day.
    day_before="前一天",
    day_after="后一天",
    other_days="其他日期",
    exports="导出：",
    pictures="这一天的图示",
    scores_pictured="评分分布",
    scores_described="按评分统计的论文数：{counts}。推荐线：{threshold}。",
    fields_pictured="各领域的论文：推荐 / 已评分",
    find="查找论文",
    search="搜索",
    search_hint="标题、作者、摘要、理由",
    field="领域",
    every_field="全部领域",
    category="分类",
    every_category="全部分类",
    lowest_score="最低评分",
    sort="排序",
    by_rank="按领域",
    by_score="按评分",
    by_announcement="按公告顺序",
    by_title="按标题",
    reset="重置",
    shown="显示 {shown} / {total} 篇",
    nothing_shown="没有符合条件的论文。",
    papers_in_order="全部论文",
    permalink="{id} 的固定链接",
    copy_bibtex="复制 BibTeX",
    copied="已复制 {id} 的 BibTeX",
    copy_by_hand="浏览器不允许复制，请从这里手动复制",
    all_authors="全部作者：{names}",
    close="关闭",
    keys="键盘快捷键",
    keys_on="启用单键快捷键",
    key_next="下一篇论文",
    key_previous="上一篇论文",
    key_search="搜索",
    key_open="打开论文摘要页",
    key_abstract="展开或收起摘要",
    key_copy="复制 BibTeX",
    key_help="显示这些快捷键",
    key_leave="离开搜索框",
    # The archive.
    newest="最新一期",
    feed_days="订阅每日推荐（Atom）",
    feed_papers="订阅推荐论文（Atom）",
    papers_title="ArXiv 每日推荐：论文",
    day_title="ArXiv 每日推荐 {date}",
    calendar="日历",
    earlier="更早：{year} 年",
    recommended_count={"other": "推荐 {count} 篇"},
    fields_over_time="各领域的推荐",
    bar_a_day="{first} 至 {last}，每条代表一天",
    bar_a_month="{first} 至 {last}，每条代表一个月",
    field_name="领域",
    best="评分最高的论文",
    cost_title="费用",
    month_sum="{month}：{tokens} Tokens{cost}",
    search_archive="搜索",
    search_archive_hint="标题、第一作者、领域或 arXiv 编号",
    search_state="已搜索 {searched}/{months} 个月，找到 {found} 篇",
    search_unread="以下月份的索引无法读取：{months}",
    search_more="继续搜索",
    in_digest="在当日推荐中查看",
    # Votes.
    votes={Choice.MORE: "想多看", Choice.LESS: "想少看", Choice.NONE: "撤回"},
    vote_question={
        Choice.MORE: "想多看与这篇相似的论文吗？",
        Choice.LESS: "想少看与这篇相似的论文吗？",
    },
    vote_state={
        Choice.MORE: "已记录：想多看与这篇相似的论文。",
        Choice.LESS: "已记录：想少看与这篇相似的论文。",
        Choice.NONE: "已撤回对这篇论文的投票。",
    },
    vote_counts="从下一期推荐开始生效。",
    vote_shared="这是网页上的链接：所有读者对每篇论文共用一票。",
    vote_changed="这一页显示之后投票已有改动，请重新选择。",
    vote_refused="没有记录投票",
    vote_forged="这个链接不完整，不是这里的链接，或签名密钥已更换。请打开最近一封邮件里的链接。",
    vote_expired="这个链接已过期。请打开最近一封邮件里的链接。",
    vote_gone="这个链接所指的推荐或论文已不存在。请打开最近一封邮件里的链接。",
    vote_unreadable="无法读懂这个请求。请重新打开链接，再按一次按钮。",
    vote_failed="暂时无法记录。请稍后重新打开链接。",
)

EN = Words(
    locale="en",
    html_lang="en",
    title="ArXiv daily digest",
    updated="Updated {time} ({zone})",
    updated_beijing="Updated {time} (Beijing time)",
    rebuilt_exactly="Rebuilt after its day was over, exactly, from the feeds kept of that day.",
    rebuilt_approximately="Rebuilt after its day was over; at least one category could only be"
    " rebuilt approximately, by submission time, and may differ from what was announced. The notes"
    " say why.",
    rebuilt_in_part="Rebuilt after its day was over, from what can still be read; the notes say"
    " what became of each category.",
    read={"one": "{count} new paper was read.", "other": "{count} new papers were read."},
    model="Model: {model} | Tokens: {tokens}",
    local_scorer="{name} (lexical similarity on this stack, no language model)",
    tokens="Tokens",
    tokens_unreported="{tokens} (not reported by {calls} calls)",
    tokens_cached="{tokens} ({cached} of them cached)",
    cost="{line} | Cost: {cost}",
    ledger="Announcement of {date}: announced {announced} = scored {scored} + triaged {triaged}"
    " + failed {failed}",
    triage="Triage: the best-ranked {keep} were scored, and of the other {below} a sample of"
    " {audited}. {recall}",
    triage_opened="Triage opened by itself, since its audits say that it drops too much: everything"
    " was scored (below the best-ranked {keep}: {below}). {recall}",
    recall="By its audits triage keeps {estimate} of what would be recommended (95% interval"
    " {low}–{high}, days: {days}).",
    recall_unknown="No audit tells yet how much it keeps.",
    scored_locally={
        "one": "The day's budget of tokens was spent, so {count} paper was scored by lexical"
        " similarity; it is marked.",
        "other": "The day's budget of tokens was spent, so {count} papers were scored by lexical"
        " similarity; each is marked.",
    },
    by_similarity="by similarity",
    also_in="also in {field}",
    steered={
        SteeringKind.FOLLOWED_AUTHOR: "followed author: {entry}",
        SteeringKind.FOLLOWED_PHRASE: "followed phrase: {entry}",
        SteeringKind.MUTED_PHRASE: "muted phrase: {entry}",
        SteeringKind.FIELD_THRESHOLD: "threshold of {entry}: {setting}",
        SteeringKind.FIELD_CAP: "most that {entry} recommends: {setting}",
        SteeringKind.MORE_LIKE: "like {entry}, of which you want more",
        SteeringKind.LESS_LIKE: "like {entry}, of which you want less",
    },
    raised="raised from {score}",
    steering="Papers steered by the profile: {kinds}.",
    steering_kinds={
        SteeringKind.FOLLOWED_AUTHOR: "followed authors {entries}",
        SteeringKind.FOLLOWED_PHRASE: "followed phrases {entries}",
        SteeringKind.MUTED_PHRASE: "muted phrases {entries}",
        SteeringKind.FIELD_THRESHOLD: "changed by a field's threshold {entries}",
        SteeringKind.FIELD_CAP: "beyond a field's cap {entries}",
        SteeringKind.MORE_LIKE: "more like {entries}",
        SteeringKind.LESS_LIKE: "less like {entries}",
    },
    example_trouble="Example {id} has no effect: {trouble}",
    rank="rank {rank}",
    seen_before="Read on another day and not read again: {count}.",
    left_out="Cross-lists or replacements that the profile does not read: {count}.",
    other_field="Other",
    no_reason="(the scorer gave no reason that could be shown)",
    failed_heading="Papers that could not be scored ({count})",
    not_scored_in_time="not scored by the deadline",
    triaged_heading="Papers ranked too low to be scored ({count})",
    below_heading="Read and not recommended ({count})",
    feeds={
        FeedState.FRESH: "announcements read: {items}",
        FeedState.EMPTY: "empty: arXiv announced nothing on this day (weekend or holiday)",
        FeedState.STALE: "stale, still an earlier day's; what it announces later comes in the next"
        " digest",
        FeedState.CUT_OFF: "incomplete; whole announcements read: {items}",
        FeedState.UNREACHABLE: "could not be read",
        FeedState.LATE: "published after its day's digest; what was not read is in this one"
        " (announcements: {items})",
        FeedState.APPROXIMATE: "no feed of that day is kept; papers found by submission time in"
        " arXiv's export API: {items}. It knows no announcement dates, cross-list dates, holds or"
        " holidays, so the day's announcement may have been another",
    },
    feed_from="{category} ({date}): {state}",
    feed_unreadable="an announcement could not be read",
    notes="Notes",
    verdicts={
        Verdict.RECOMMENDED: "",
        Verdict.NOTHING_ANNOUNCED: "arXiv announced nothing on this day (weekend or holiday),"
        " so there is nothing to recommend.",
        Verdict.NOTHING_NEW: "This day's announcements hold no paper that was not read before.",
        Verdict.FEEDS_UNREADABLE: "There was nothing to read: at least one feed could not be"
        " read whole, as said above.",
        Verdict.NOTHING_ABOVE_THRESHOLD: "None of the papers read reached the score of"
        " {threshold}.",
        Verdict.SCORING_FAILED: "None of this day's papers could be scored; they are listed below"
        " with their links.",
    },
    nothing_recommended="None of the papers read is recommended: they did not reach a threshold, or"
    " the profile holds them back.",
    score="Score",
    more_authors="{count} authors in all",
    abstract="Abstract",
    pdf="PDF",
    html="HTML",
    subject="arXiv digest {date}: {count} · {title}",
    subject_none="arXiv digest {date}: nothing to recommend",
    summary="{announced} read, {recommended} recommended.",
    read_on_page="In the archive",
    why_mailed="Sent by the arXiv digest that you deployed; to stop it, reply with unsubscribe.",
    archive="Archive of the arXiv digest",
    all_days="All days",
    no_days="There is no digest yet; the first one will be listed here.",
    day="Announced on",
    announced="Read",
    recommended="Recommended",
    failed="Failed",
    skip_to_papers="Skip to the papers",
    contents="Contents",
    # The mail.
    first_line="{read}, {recommended} recommended, led by {field} ({most}).",
    first_line_none="{read}, none recommended.",
    nothing_to_read="No paper to read.",
    papers_read={"one": "{count} paper read", "other": "{count} papers read"},
    not_scored={"one": " {count} could not be scored.", "other": " {count} could not be scored."},
    papers={"one": "{count} paper", "other": "{count} papers"},
    read_page="Read on the page: filter, search, abstracts",
    paper_on_page="Page",
    more_on_page={"one": "and {count} more, on the page", "other": "and {count} more, on the page"},
    more_in_archive={
        "one": "and {count} more, in the archive (its address is at the foot)",
        "other": "and {count} more, in the archive (its address is at the foot)",
    },
    more_notes={"one": "and {count} more note", "other": "and {count} more notes"},
    # The page of a day.
    day_before="The day before",
    day_after="The day after",
    other_days="Other days",
    exports="Take it along:",
    pictures="The day in pictures",
    scores_pictured="How the scores are distributed",
    scores_described="Papers by score: {counts}. Threshold: {threshold}.",
    fields_pictured="Papers by field: recommended / scored",
    find="Find papers",
    search="Search",
    search_hint="Title, authors, abstract, reason",
    field="Field",
    every_field="Every field",
    category="Category",
    every_category="Every category",
    lowest_score="Lowest score",
    sort="Order",
    by_rank="By field",
    by_score="By score",
    by_announcement="As announced",
    by_title="By title",
    reset="Reset",
    shown="Shown: {shown} of {total}",
    nothing_shown="No paper matches.",
    papers_in_order="All papers",
    permalink="Permalink to {id}",
    copy_bibtex="Copy BibTeX",
    copied="BibTeX of {id} copied",
    copy_by_hand="The browser does not let the page copy; copy it from here",
    all_authors="All authors: {names}",
    close="Close",
    keys="Keyboard",
    keys_on="Single keys are on",
    key_next="Next paper",
    key_previous="Previous paper",
    key_search="Search",
    key_open="Open the paper's abstract page",
    key_abstract="Show or hide the abstract",
    key_copy="Copy BibTeX",
    key_help="Show these keys",
    key_leave="Leave the search",
    # The archive.
    newest="The newest digest",
    feed_days="Feed of the days (Atom)",
    feed_papers="Feed of the papers (Atom)",
    papers_title="arXiv daily digest: papers",
    day_title="arXiv digest {date}",
    calendar="Calendar",
    earlier="Earlier: {year}",
    recommended_count={
        "one": "{count} paper recommended",
        "other": "{count} papers recommended",
    },
    fields_over_time="Recommended by field",
    bar_a_day="{first} to {last}, one bar a day",
    bar_a_month="{first} to {last}, one bar a month",
    field_name="Field",
    best="Best paper",
    cost_title="Cost",
    month_sum="{month}: {tokens} tokens{cost}",
    search_archive="Search",
    search_archive_hint="title, first author, field or arXiv id",
    search_state="Months searched: {searched} of {months}. Papers found: {found}.",
    search_unread="The index of these months could not be read: {months}",
    search_more="Search on",
    in_digest="In the digest of that day",
    # Votes.
    votes={
        Choice.MORE: "More like this",
        Choice.LESS: "Less like this",
        Choice.NONE: "Take it back",
    },
    vote_question={
        Choice.MORE: "Would you like to see more papers like this one?",
        Choice.LESS: "Would you like to see fewer papers like this one?",
    },
    vote_state={
        Choice.MORE: "Noted: more papers like this one.",
        Choice.LESS: "Noted: fewer papers like this one.",
        Choice.NONE: "Your vote on this paper was taken back.",
    },
    vote_counts="It counts from the next digest on.",
    vote_shared="This is a link of the page: all of its readers share one vote on each paper.",
    vote_changed="The vote was changed after this page had been shown; choose again.",
    vote_refused="No vote was noted",
    vote_forged="This link is damaged, belongs to another digest, or was signed with a key that has"
    " been replaced. Follow one of your latest mail.",
    vote_expired="The time of this link is over. Follow one of your latest mail.",
    vote_gone="The digest or the paper of this link is not there any more. Follow one of your"
    " latest mail.",
    vote_unreadable="This request could not be read. Open the link once more and press a button.",
    vote_failed="It cannot be noted at the moment. Open the link once more later.",
)

LANGUAGES: dict[str, Words] = {"zh": ZH, "en": EN}


def words(language: str) -> Words:
    """The fixed words of a language of the profile (``zh`` or ``en``)."""
    return LANGUAGES[language]


def feed_notes(feeds: tuple[FeedReading, ...], language: str) -> list[str]:
    """One line for each feed that was not simply read, and for each announcement so lost.

    A feed that is fresh and whole needs no word.
    """
    said = words(language)
    notes: list[str] = []
    for feed in feeds:
        if feed.state != FeedState.FRESH:
            state = said.feeds[feed.state].format(items=feed.items)
            name = feed.category
            line = said.feed_from.format(category=name, date=feed.date or "—", state=state)
            detail = in_language(feed.detail, language)
            notes.append(f"{line} — {detail}" if detail else line)
        notes += [
            f"{feed.category}: {said.feed_unreadable} — {in_language(what, language)}"
            for what in feed.unreadable
        ]
    return notes


def example_notes(entries: Iterable[SteeringEntry], language: str) -> list[str]:
    """One line for each example whose text could not be had."""
    said = words(language)
    return [
        said.example_trouble.format(id=entry.entry, trouble=in_language(entry.trouble, language))
        for entry in entries
        if entry.trouble
    ]


def rebuilt(feeds: tuple[FeedReading, ...], said: Words) -> str:
    """The line that says that a digest was made after its day was over, and how exactly."""
    if any(feed.state is FeedState.APPROXIMATE for feed in feeds):
        return said.rebuilt_approximately
    # A detail says that a category was not simply read, such as on a weekend.
    kept = all(feed.state in READY and not feed.detail for feed in feeds)
    return said.rebuilt_exactly if kept else said.rebuilt_in_part


def scorer_name(scorer: Scorer, said: Words) -> str:
    """The scorer as a digest names it: a model by its name, the local one as what it is."""
    if scorer.kind is ScorerKind.LOCAL:
        return said.local_scorer.format(name=scorer.name)
    return scorer.name


def updated(made_at: datetime, time_zone: str, said: Words) -> str:
    """The line that says when a digest was made, in the reader's time zone."""
    form = said.updated_beijing if time_zone == "Asia/Shanghai" else said.updated
    return form.format(time=made_at.strftime("%Y-%m-%d %H:%M:%S"), zone=time_zone)

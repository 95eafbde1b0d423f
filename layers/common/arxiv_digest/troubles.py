"""What went wrong with a feed or a paper, in the reader's language.

The steps say it in English, for logs and for programs that read ``digest.json``; a digest in
another language says it in that one. Braces stand for what differs from case to case.
"""

from __future__ import annotations

import re
from functools import cache

CHINESE = {
    # A feed as a whole.
    "HTTP {status}": "HTTP 状态 {status}",
    "no answer within {seconds} s": "{seconds} 秒内没有应答",
    "no connection ({kind})": "无法建立连接（{kind}）",
    "a broken answer ({kind})": "应答损坏（{kind}）",
    "redirected more than {times} times": "重定向超过 {times} 次",
    "redirected to another host ({host})": "被重定向到另一台主机（{host}）",
    "the answer has more than {size} MB": "应答超过 {size} MB",
    "the answer came too slowly": "应答传输过慢",
    "the feed declares entities, which arXiv's feeds never do": (
        "公告源声明了实体，而 arXiv 的公告源从不如此"
    ),
    "the feed names no announcement date": "公告源没有公告日期",
    "the answer is not a feed": "应答不是公告源",
    "the feed's XML breaks off or is malformed ({where})": "公告源的 XML 中断或有错（{where}）",
    # The export API, and a past day without feeds.
    "arXiv's export API: {what}": "arXiv 的 export API：{what}",
    "the query was refused: {why}": "查询被拒绝：{why}",
    "only {read} of {total} papers came": "{total} 篇论文中只取得 {read} 篇",
    "the answer does not say how many papers there are": "应答没有说明论文总数",
    "arXiv announces nothing on Saturdays and Sundays": "arXiv 周六和周日不发布公告",
    "arXiv's export API does not have this paper": "arXiv 的 export API 没有这篇论文",
    "arXiv's export API did not give this paper when the day was read": (
        "读取当日公告时未能从 arXiv 的 export API 取得这篇论文"
    ),
    # One announcement of a feed.
    "{name}: the feed breaks off in or after this announcement": "{name}：公告源在此处或其后中断",
    "{name}: no arXiv identifier in its id or link": "{name}：标识与链接中没有 arXiv 编号",
    "{name}: no title": "{name}：没有标题",
    "{name}: no abstract": "{name}：没有摘要",
    "{name}: no announcement date, neither of its own nor of the feed": "{name}：没有公告日期",
    "{name}: unknown announce type {kind} (known: {known})": "{name}：未知的公告类型 {kind}",
    # A paper that was not scored.
    "the language model answered {what}": "语言模型返回 {what}",
    "the language model did not answer in time": "语言模型没有及时应答",
    "the language model could not be reached": "无法连接语言模型",
    "this address does not speak the OpenAI protocol; does the base URL end in /v1?": (
        "该地址不使用 OpenAI 协议；基础 URL 是否以 /v1 结尾？"
    ),
    "the language model's answer held no JSON": "语言模型的回答中没有 JSON",
    "the language model's answer left this paper out": "语言模型的回答漏掉了这篇论文",
    "the language model answered twice, and differently": "语言模型对这篇论文给出了两个不同的回答",
    "the language model's {key} could not be used: {why}": "语言模型给出的 {key} 无法使用：{why}",
    "the language model's reason was not in {language}": "语言模型的理由不是要求的语言",
}


def in_language(trouble: str, language: str) -> str:
    """A trouble in a language of the profile, and what it holds; the unknown stays as it is."""
    if language == "zh":
        for pattern, said in _chinese():
            found = pattern.fullmatch(trouble)
            if found:
                parts = found.groupdict().items()
                return said.format_map({name: in_language(part, language) for name, part in parts})
    return trouble


@cache
def _chinese() -> list[tuple[re.Pattern[str], str]]:
    # The most definite first: "answered twice" before "answered {what}".
    ordered = sorted(CHINESE.items(), key=lambda pair: (pair[0].count("{"), -len(pair[0])))
    return [(re.compile(_pattern(english), re.DOTALL), said) for english, said in ordered]


def _pattern(english: str) -> str:
    parts = re.split(r"\{(\w+)\}", english)
    return "".join(
        f"(?P<{part}>.+?)" if number % 2 else re.escape(part) for number, part in enumerate(parts)
    )

"""The queues: batches to be scored, and what one of many profiles has to do on a date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from arxiv_digest.batches import packed
from arxiv_digest.firings import DeadlineEvent
from arxiv_digest.models import Batch, ProfileDay

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef as Entry

MAX_ENTRIES = 10
MAX_REQUEST_BYTES = 256 * 1024
"""SQS's limits of one ``SendMessageBatch``: 10 entries, and together no more than one message."""

LONGEST_BACKOFF = 900
"""Seconds."""


class MessagesRefused(Exception):
    """Messages that SQS would not take after several tries, named by batch or profile."""

    def __init__(self, entries: Sequence[Entry], why: str) -> None:
        names = ", ".join(entry["Id"] for entry in entries)
        super().__init__(f"SQS did not take the messages of {names}: {why}")
        self.entries = entries


class Queue:
    """Sends messages to one queue, and hands back for later what could not be done now."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, messages: Iterable[Batch | ProfileDay | DeadlineEvent]) -> None:
        """Send every value as one message.

        Those of one of many profiles are a group: SQS then lets no profile's backlog hold up the
        others' messages ("fair queues"). SQS answers for each entry of a request by itself:
        refused ones are sent again, up to five times, and then raise :class:`MessagesRefused`.
        """
        entries = [_entry(message) for message in messages]
        for group in packed(entries, MAX_ENTRIES, MAX_REQUEST_BYTES, lambda e: e["MessageBody"]):
            self._send_all(group)

    def hide(self, receipt_handle: str, seconds: float) -> None:
        """Let a message come back after ``seconds``, should its function be killed.

        The queue's own visibility timeout is six times the function's timeout, as AWS advises for
        throttled functions: too long to wait for one that is certainly dead.
        """
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=int(seconds)
        )

    def back_off(self, receipt_handle: str, receives: int, asked: float = 0.0) -> int:
        """Make a failed message visible again after 15, 30, 60 … seconds, at most 15 minutes.

        ``receives`` counts deliveries so far, ``asked`` are the seconds a provider asked to wait.
        Returns the seconds. Without this, a message would stay hidden for the queue's visibility
        timeout, which is six times the function's.
        """
        seconds = int(min(LONGEST_BACKOFF, max(asked, 15 * 2 ** (receives - 1))))
        self.hide(receipt_handle, seconds)
        return seconds

    def _send_all(self, group: list[Entry]) -> None:
        waiting = group

        @retry(
            retry=retry_if_exception_type(MessagesRefused),
            stop=stop_after_attempt(5),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            reraise=True,
        )
        def send() -> None:
            nonlocal waiting
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=waiting)
            refused = {entry["Id"]: entry for entry in answer.get("Failed", ())}
            waiting = [entry for entry in waiting if entry["Id"] in refused]
            if waiting:
                first = refused[waiting[0]["Id"]]
                raise MessagesRefused(
                    waiting, f"{first['Code']} {first.get('Message', '')}".strip()
                )

        send()


def _entry(message: Batch | ProfileDay | DeadlineEvent) -> Entry:
    name = f"batch-{message.number}" if isinstance(message, Batch) else message.profile
    entry: Entry = {"Id": name or "single", "MessageBody": message.model_dump_json()}
    if message.profile:
        entry["MessageGroupId"] = message.profile
    return entry

"""The queues: batches to be scored, and what one of many profiles has to do on a date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from arxiv_digest.batches import packed
from arxiv_digest.firings import DeadlineEvent
from arxiv_digest.models import Batch, ProfileDay

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef as Entry

MAX_ENTRIES = 10
MAX_REQUEST_BYTES = 256 * 1024
"""SQS's limits of one ``SendMessageBatch``: 10 entries, and together no more than one message."""

LONGEST_BACKOFF = 900
"""Seconds."""

AFTER_DEATH = 30
"""Seconds between the end of a function's time and the next delivery of its message."""


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

    @contextmanager
    def handling(
        self, receipt_handle: str, receives: int, left: float, log: Callable[[str], None]
    ) -> Iterator[None]:
        """Handle a delivered message within the block.

        Should its function be killed, the message comes back soon after the ``left`` seconds that
        the function has; whatever the block raises has it come back after 15, 30, 60 … seconds.
        ``receives`` counts deliveries so far. The queue's own visibility timeout is six times the
        function's timeout, as AWS advises for throttled functions: too long to wait for one that is
        certainly dead.
        """
        try:
            self._hide(receipt_handle, left + AFTER_DEATH)
        except (BotoCoreError, ClientError):
            # Should this call be killed, it comes back later than it could: no reason to stop.
            log("the message could not be hidden for a shorter time")
        try:
            yield
        except Exception as problem:
            seconds = self._back_off(receipt_handle, receives, getattr(problem, "retry_after", 0.0))
            log(f"the message failed, again in {seconds} s")
            raise

    def _hide(self, receipt_handle: str, seconds: float) -> None:
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=int(seconds)
        )

    def _back_off(self, receipt_handle: str, receives: int, asked: float) -> int:
        seconds = int(min(LONGEST_BACKOFF, max(asked, 15 * 2 ** (receives - 1))))
        self._hide(receipt_handle, seconds)
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


def each_message(
    event: dict[str, Any], context: LambdaContext, handle: Callable[..., None]
) -> dict[str, Any]:
    """Have an event's messages handled one by one; the answer names those that failed.

    ``handle`` is given a message and, by the name ``lambda_context``, the context; whatever it
    raises has SQS deliver that message again (Lambda's partial batch response).
    """
    # Imported here: fetch and aggregate of a stack of one reader have no messages.
    from aws_lambda_powertools.utilities import batch

    processor = batch.BatchProcessor(batch.EventType.SQS, raise_on_entire_batch_failure=False)
    return dict(
        batch.process_partial_response(
            event=event, record_handler=handle, processor=processor, context=context
        )
    )


def _entry(message: Batch | ProfileDay | DeadlineEvent) -> Entry:
    name = f"batch-{message.number}" if isinstance(message, Batch) else message.profile
    entry: Entry = {"Id": name or "single", "MessageBody": message.model_dump_json()}
    if message.profile:
        entry["MessageGroupId"] = message.profile
    return entry

"""E-mail by SES (v2), one message to one recipient."""

from __future__ import annotations

from datetime import date
from email.message import EmailMessage
from email.utils import formataddr
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

ONE_ATTEMPT = Config(retries={"total_max_attempts": 1}, read_timeout=30)
"""SES has no idempotency token: an SDK that repeats a request whose answer was lost mails twice."""


class MailRefused(Exception):
    """A mail that SES certainly did not send, and why."""


class MailUncertain(Exception):
    """A mail of which nobody knows whether SES sent it."""


class Mailer:
    """Hands messages to SES; the client must be made with :data:`ONE_ATTEMPT`."""

    def __init__(self, client: SESV2Client, configuration_set: str) -> None:
        self._client = client
        self._configuration_set = configuration_set

    def send(self, message: EmailMessage, digest: date) -> str:
        """Send one message and return the id that SES gives it.

        ``digest`` is the digest's date; SES names it, as the tag ``digest``, where it tells of a
        bounce or a complaint.

        Raises :class:`MailRefused` for an answer that says no (throttling only after several
        tries), :class:`MailUncertain` where there was no answer or SES failed.
        """
        try:
            return self._send(message, digest)
        except ClientError as problem:
            if problem.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                error = problem.response["Error"]
                raise MailRefused(f"{error['Code']}: {error['Message']}") from problem
            raise MailUncertain(str(problem)) from problem
        except BotoCoreError as problem:
            raise MailUncertain(str(problem)) from problem

    def _send(self, message: EmailMessage, digest: date) -> str:
        sender = message["From"].addresses[0]

        @retry(
            retry=retry_if_exception(_throttled),
            stop=stop_after_attempt(6),
            wait=wait_random_exponential(multiplier=0.5, max=10),
            reraise=True,
        )
        def send() -> str:
            answer = self._client.send_email(
                # SES puts this in the place of the message's own From, name and all.
                FromEmailAddress=formataddr((sender.display_name, sender.addr_spec)),
                Destination={"ToAddresses": [message["To"].addresses[0].addr_spec]},
                Content={"Raw": {"Data": message.as_bytes()}},
                EmailTags=[{"Name": "digest", "Value": digest.isoformat()}],
                ConfigurationSetName=self._configuration_set,
            )
            return answer["MessageId"]

        return send()


def _throttled(problem: BaseException) -> bool:
    if not isinstance(problem, ClientError):
        return False
    return problem.response["ResponseMetadata"][
        "HTTPStatusCode"
    ] == HTTPStatus.TOO_MANY_REQUESTS or problem.response["Error"]["Code"] in (
        "ThrottlingException",
        "Throttling",
    )

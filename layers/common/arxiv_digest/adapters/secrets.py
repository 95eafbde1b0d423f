"""Secrets Manager: keys, which are asked for now and then and never waited for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEY_SECONDS = 300
"""For how long a key is kept before it is asked for again, so that a new one is taken up."""

SOON = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2})
"""Some ten seconds in all: by itself the SDK waits for minutes, which would cost the digest."""


class Secrets:
    """The texts of secrets, by name or ARN; ``client`` should give up :data:`SOON`."""

    def __init__(self, client: SecretsManagerClient) -> None:
        self._provider = SecretsProvider(boto3_client=client)

    def text(self, name: str) -> str:
        """The text of a secret.

        Raises Powertools' ``GetParameterError`` where it cannot be had.
        """
        return str(self._provider.get(name, max_age=KEY_SECONDS))

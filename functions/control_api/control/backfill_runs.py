"""Having what was saved be worked off: a run of the backfill workflow. Where none can be started, the next hourly
recompute starts it, so that what was saved is never refused for that.
"""

import secrets

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from personas import backfill_start
from personas.core.workspace import new_id

log = Logger(service="control")


def start(space: str) -> None:
    try:
        backfill_start.start(space, new_id("run", secrets.token_urlsafe))
    except (ClientError, BotoCoreError):
        log.exception("a change was saved and no run started; the hourly recompute starts it", space=space)

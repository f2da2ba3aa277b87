"""What golive does to a host, told to the host's own log, where the audit trail picks it up."""

from __future__ import annotations

import json
import syslog
from typing import Any

IDENT = "golive"


def tell(act: str, **what: Any) -> None:
    """Write one act as a line of JSON; a host without a log does not keep golive from acting.

    :param act: what was done, such as ``switch``
    :param what: whatever belongs to it; no secrets
    """
    syslog.openlog(IDENT, syslog.LOG_PID, syslog.LOG_USER)
    syslog.syslog(syslog.LOG_NOTICE, json.dumps({"act": act, **what}, ensure_ascii=False))
    syslog.closelog()

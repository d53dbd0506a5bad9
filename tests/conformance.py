"""Makes every request of the conformance run a request of its own.

A key that stood for another request within 24 hours is refused, and the values that are made up
repeat. So each legal key becomes a new one; those that are illegal stay as they are.
"""

import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and 1 <= len(key) <= 255 and key.isascii() and key.isprintable():
        case.headers["Idempotency-Key"] = str(uuid.uuid4())

"""Makes every request of the conformance run a request of its own.

A key that stood for another request within 24 hours is refused, and the values that are made up
repeat. So each legal key becomes a new one; those that are illegal stay as they are. And a position is
of one inbox or over all of them, by whether the request names one, which a description cannot say. Nor
can it say that a ticket which may be used again names its inbox, unless a user asks for it.
"""

import re
import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and 1 <= len(key) <= 255 and key.isascii() and key.isprintable():
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    query = case.query or {}
    before = query.get("before")
    if isinstance(before, str) and re.fullmatch("i?[0-9]{1,18}", before):
        query["before"] = ("i" if "user_id" in query else "") + before.removeprefix("i")
    wish = case.body
    if case.path == "/api/tickets" and isinstance(wish, dict) and "reuse_for" in wish and wish.get("user_id") is None:
        wish["user_id"] = "user_123"

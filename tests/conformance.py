"""Makes every request of the conformance run a request of its own.

A key that stood for another request within 24 hours is refused, and the values that are made up
repeat. So each legal key becomes a new one; those that are illegal stay as they are. And a position is
of one inbox or over all of them, by whether the request names one, which a description cannot say. Nor
can it say that a ticket which may be used again names its inbox, unless a user asks for it; or where this server
may connect, what a label or an e-mail address is, and which bytes are a point of a curve: what is legal by its
length becomes one that is. The same holds for time zones, and for what quiet hours need beside what they have; and
for what shows nothing, or controls, beyond ASCII, of which patterns say nothing because not all programs could read it.
A number beyond 64 bits, which is as good as the largest, becomes one that is refused: no client has room for it.
"""

import re
import unicodedata
import urllib.parse
import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and 1 <= len(key) <= 255 and key.isascii() and key.isprintable():
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    query = case.query or {}
    for said in (case.path_parameters, query, case.body):
        show(said)
    for name in ("since", "limit", "up_to"):
        number = query.get(name)
        if re.fullmatch("[0-9]{19,}", str(number)) and int(number) >= 2**63:
            query[name] = -1
    before = query.get("before")
    if isinstance(before, str) and re.fullmatch("i?[0-9]{1,18}", before):
        query["before"] = ("i" if "user_id" in query else "") + before.removeprefix("i")
    wish = case.body
    if case.path == "/api/tickets" and isinstance(wish, dict) and "reuse_for" in wish and wish.get("user_id") is None:
        wish["user_id"] = "user_123"
    if case.path.startswith("/api/webhooks") and isinstance(wish, dict):
        put(wish, "url", 2048, "https://localhost/hook")
    if case.path == "/api/preferences/{user_id}" and isinstance(wish, dict):
        complete(wish)
    if case.path == "/api/contacts/{user_id}" and isinstance(wish, dict):
        put(wish, "label", 64, "Phone")
        put(wish, "address", 254, "ann@example.com")
        subscription = wish.get("subscription")
        if isinstance(subscription, dict):
            put(subscription, "endpoint", 2048, "https://localhost/1")
            if isinstance(subscription.get("keys"), dict):
                put(subscription["keys"], "p256dh", None, P256DH)
                put(subscription["keys"], "auth", None, "BTBZMqHH6r4Tts7J_aSIgg")


def shows(c):
    """Whether a character is certainly visible: a letter, a number or a sign, except for fillers."""
    return unicodedata.category(c)[0] in "LNPS" and c not in "\u115f\u1160\u2800\u3164\uffa0"


def show(said):
    """Makes a text that matches its pattern also valid beyond ASCII; any other text stays as it is."""
    for name, value in list(said.items()) if isinstance(said, dict) else []:
        if isinstance(value, dict):
            show(value)
        elif isinstance(value, list) and name == "user_ids":
            said[name] = [without_controls(each) if isinstance(each, str) else each for each in value]
        elif isinstance(value, list):
            for each in value:
                show(each)
        elif isinstance(value, str) and name == "user_id":
            said[name] = without_controls(value)
        elif isinstance(value, str) and name in ("content", "title", "q"):
            if re.fullmatch(r"[^\x00]*[^\x00-\x20\x7f][^\x00]*", value) and not any(map(shows, value)):
                said[name] = "." + value[1:]


def without_controls(user_id):
    """A user id without those beyond ASCII, where it has no others. In a path it is percent-encoded."""
    if re.search("[\x00-\x1f\x7f]", urllib.parse.unquote(user_id)):
        return user_id
    return re.sub("[\x80-\x9f]|%C2%[89][0-9A-F]", "-", user_id)


P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"


def complete(wish):
    """New quiet hours need all of their parts, in an existing zone; and a category is a word."""
    hours = wish.get("quiet_hours")
    if isinstance(hours, dict):
        for name, value in {"zone": "Europe/Berlin", "from": "22:00", "to": "07:00"}.items():
            if hours.get(name) is None or (name == "zone" and isinstance(hours[name], str)):
                hours[name] = value
    categories = wish.get("categories")
    # By RFC 7396, an empty object changes nothing where there is one already. No description can say where that is.
    for choices in [wish.get("channels"), *(categories.values() if isinstance(categories, dict) else [])]:
        if isinstance(choices, dict):
            choices.update({way: "neither" for way, choice in choices.items() if choice == {}})
    if isinstance(categories, dict):
        wish["categories"] = {f"category-{place}": choices for place, choices in enumerate(categories.values())}


def put(into, name, most, value):
    """Replaces a text of valid length by a valid value."""
    text = into.get(name)
    if isinstance(text, str) and (most is None or len(text) <= most) and (text or name != "label"):
        into[name] = value

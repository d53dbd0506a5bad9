"""A mail relay that a test controls.

    python3 relay.py [--port PORT] [--auth USER:PASSWORD] [--ascii]

It says each thing as one line of JSON: where it is ready, every connection, every command, and every message with its
envelope, the bytes as they came (base64), the headers, and the parts of its text. It ends when its input ends.

What it does at a step (`greeting`, `ehlo`, `auth`, `mail`, `rcpt`, `data` for the command, `message` for what is after the
final dot) is the text of an answer, such as `451 4.7.1 later`; or `silent` for no answer ever; or `close` for the end of
the connection in place of one. For `message` it may be `late` too: it is accepted after three seconds. It is told so

  * by the address of whom a message is for: `rcpt-550-5.1.1@example.com`, `message-silent@example.com`;
  * by a line of its input: `{"mail": "550 5.7.1 no", "rcpt": "silent"}`. It holds for all until the next line. With
    `idle` all that are connected at this moment are told that, or are told nothing, and their connections end.
"""

import argparse
import asyncio
import base64
import email
import email.policy
import json
import logging
import os
import re
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

# Hides warnings about passwords without encryption, which the tests use.
warnings.simplefilter("ignore")
logging.disable()

script = {}
messages = 0
connected = set()


def say(what, **fields):
    print(json.dumps({"is": what, **fields}), flush=True)


def told_by(address, step):
    """The behaviour that an address sets for a step."""
    found = re.match(rf"{step}-(silent|close|late|[0-9]{{3}})(?:-([0-9.]+))?@", address)
    if found and found[1].isdigit():
        return " ".join(filter(None, [found[1], found[2], "because of your address"]))
    return found and found[1]


class Taker:
    """Receives the bytes of a message."""

    async def handle_DATA(self, server, session, envelope):
        global messages
        messages += 1
        number = messages
        tell(number, envelope)
        if await server.does("message"):
            return None
        say("accepted", number=number)
        return f"250 2.0.0 queued as {number}"


class Relay(SMTP):
    def __init__(self, options):
        login = options.auth and tuple(part.encode() for part in options.auth.split(":", 1))

        def authenticate(server, session, envelope, mechanism, data):
            return AuthResult(success=(data.login, data.password) == login, handled=False)

        super().__init__(
            Taker(),
            hostname="relay.test",
            enable_SMTPUTF8=not options.ascii,
            auth_required=bool(options.auth),
            auth_require_tls=False,
            authenticator=authenticate if options.auth else None,
        )

    async def does(self, step, address=None):
        """Follows the script for a step; returns whether there was one."""
        for_whom = [address] if address else self.envelope.rcpt_tos if self.envelope else []
        told = script.get(step) or next(filter(None, (told_by(to, step) for to in for_whom)), None)
        if told == "late":
            await asyncio.sleep(3)
            return False
        if told == "silent":
            await asyncio.Event().wait()
        if told == "close":
            self.transport.close()
        elif told:
            await self.push(told)
            if told.startswith("421"):
                self.transport.close()
        return bool(told)

    async def _handle_client(self):
        say("connection")
        connected.add(self.transport)
        if told := script.get("greeting"):
            if told == "silent":
                await asyncio.Event().wait()
            if told != "close":
                self._writer.write(f"{told}\r\n".encode())
                await self._writer.drain()
            self.transport.close()
            return
        await super()._handle_client()

    async def smtp_EHLO(self, hostname):
        if not await self.does("ehlo"):
            await super().smtp_EHLO(hostname)

    async def smtp_AUTH(self, arg):
        say("auth")
        if not await self.does("auth"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg):
        say("mail", arg=arg)
        if not await self.does("mail"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg):
        say("rcpt", arg=arg)
        if not await self.does("rcpt", arg[arg.find("<") + 1 : arg.rfind(">")]):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg):
        if not await self.does("data"):
            await super().smtp_DATA(arg)

    async def push(self, status):
        # No answer, if there was one already.
        if status is not None:
            await super().push(status)


def tell(number, envelope):
    parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
    parts = [
        {"type": part.get_content_type(), "text": part.get_content()}
        for part in parsed.walk()
        if part.get_content_maintype() == "text"
    ]
    say(
        "message",
        number=number,
        sender=envelope.mail_from,
        recipients=envelope.rcpt_tos,
        type=parsed.get_content_type(),
        headers=[[name, str(value)] for name, value in parsed.items()],
        parts=parts,
        defects=[repr(defect) for part in parsed.walk() for defect in part.defects],
        bytes=base64.b64encode(envelope.content).decode(),
    )


async def main():
    global script
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--auth")
    arguments.add_argument("--ascii", action="store_true")
    options = arguments.parse_args()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Relay(options), "127.0.0.1", options.port)
    say("ready", port=server.sockets[0].getsockname()[1])
    lines = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        script = json.loads(line)
        if idle := script.get("idle"):
            for transport in connected:
                if not transport.is_closing():
                    transport.write(f"{idle}\r\n".encode() if idle[0].isdigit() else b"")
                    transport.close()
            connected.clear()
        say("told")
    # Connections are not waited for.
    os._exit(0)


asyncio.run(main())

"""Runs docs/clients.md as its reader does, from top to bottom in one directory.

A fenced block that says `file=NAME` is written there, and one that says `bash` is run; the text block behind it is what
it prints, where `…` stands for anything. What one block exports, those after it have, and what it starts in the
background goes on until the end. A block that says `once` installs something, and is run when it is new; one that says
`needs=PROGRAM` is left out where there is none.

    clients.py install DIRECTORY    runs what is to be run once, and nothing else
    clients.py run DIRECTORY        runs the rest, then looks at the page of the shop with a browser
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 600


def blocks():
    """Each block of the document: its language, what it says of itself, its text, and its line."""
    document = (ROOT / "docs/clients.md").read_text()
    for found in BLOCK.finditer(document):
        language, said, text = found.groups()
        said = dict(word.partition("=")[::2] for word in said.split())
        yield language, said, text, document.count("\n", 0, found.start()) + 1


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Session:
    """What is left of one block for the next: the environment, and what runs in the background."""

    def __init__(self, directory):
        self.directory = directory
        self.environment = directory / ".environment"
        self.environment.write_text("")
        self.groups = []

    def run(self, text, line):
        """Runs a block, and returns what it printed."""
        kept = self.environment
        script = f"set -euo pipefail\n. {kept}\n{text}\nexport -p >{kept}\n"
        printed = self.directory / ".printed"
        with printed.open("w") as out:
            command = ["bash", "-c", script]
            running = subprocess.Popen(
                command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
            self.groups.append(running.pid)
            code = running.wait(timeout=SECONDS)
        said = printed.read_text()
        if code != 0:
            raise SystemExit(f"docs/clients.md:{line}: this block ended with {code}:\n{text}\n{said}")
        return said

    def end(self):
        for group in self.groups:
            try:
                os.killpg(group, signal.SIGTERM)
            except ProcessLookupError:
                pass


def is_possible(said, line):
    program = said.get("needs")
    if program is None or shutil.which(program):
        return True
    print(f"clients: no {program} here: left out docs/clients.md:{line}", file=sys.stderr)
    return False


def install(directory):
    """Runs the blocks that install, unless they were run here as they are now."""
    wanted = [block for block in blocks() if "once" in block[1] and is_possible(block[1], block[3])]
    stamp = directory / ".installed"
    as_now = "".join(text for _, _, text, _ in wanted)
    if stamp.exists() and stamp.read_text() == as_now:
        return
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    session = Session(directory)
    for _, _, text, line in wanted:
        session.run(f"( {text} )", line)
    stamp.write_text(as_now)


def matches(printed, expected):
    pattern = ".*?".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL)


def run(directory):
    ports = {"8000": str(free_port()), "3000": str(free_port())}

    def here(text):
        return re.sub(r"\b(8000|3000)\b", lambda port: ports[port[0]], text)

    for left in directory.glob("campanile*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    session = Session(directory)
    # The lines that install are for those who have nothing yet.
    session.environment.write_text("export GOPROXY=off GOFLAGS=-mod=mod npm_config_offline=true PIP_NO_INDEX=1\n")
    ran, printed, above = 0, None, None
    try:
        for language, said, text, line in blocks():
            if "once" in said or not is_possible(said, line):
                printed = None
            elif "file" in said:
                (directory / said["file"]).parent.mkdir(parents=True, exist_ok=True)
                (directory / said["file"]).write_text(here(text))
            elif language == "bash":
                printed, above = session.run(f"cd {directory}\n{here(text)}", line), line
                ran += 1
            elif language == "text" and printed is not None and not matches(printed, text):
                raise SystemExit(f"docs/clients.md:{above}: this block printed something else:\n{printed}")
        session.run(f"node {ROOT}/tests/clients/browser.mjs http://127.0.0.1:{ports['3000']}/", 0)
    finally:
        session.end()
    print(f"clients: {ran} blocks of docs/clients.md, and the page in a browser", file=sys.stderr)


if __name__ == "__main__":
    {"install": install, "run": run}[sys.argv[1]](pathlib.Path(sys.argv[2]).absolute())

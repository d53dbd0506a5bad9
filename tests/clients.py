"""Runs docs/clients.md as its reader does, from top to bottom in one directory.

A fenced block that says `file=NAME` is written there, and one that says `bash` is run; the text block behind it is what
it prints, where `…` stands for anything. What one block exports, those after it have, and what it starts in the
background goes on until the end. A block that says `once` installs something, and is run when it is new; one that says
`needs=PROGRAM` is left out where there is none.

    clients.py install DIRECTORY    runs what is to be run once, and nothing else
    clients.py run DIRECTORY        runs the rest, then restarts the server under the clients that follow: the two of
                                    twenty lines, the page of the shop, and the WebSocket of docs/streams.md, in a browser
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 600


def blocks():
    """Each block of the document: its language, its options, its text, and its line."""
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
    """The state that one block leaves for the next: the environment, and its background processes."""

    def __init__(self, directory):
        self.directory = directory
        self.environment = directory / ".environment"
        self.environment.write_text("")
        self.groups = []

    def run(self, text, line):
        """Runs a block, and returns its output."""
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

    def stop(self, program):
        """Ends the background process with this name, and waits for its end."""
        for group in map(str, self.groups):
            subprocess.run(["pkill", "-TERM", "-g", group, "-x", program], check=False)
            while subprocess.run(["pgrep", "-g", group, "-x", program], stdout=subprocess.DEVNULL, check=False).returncode == 0:
                time.sleep(0.05)

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
    """Runs the blocks that install, unless the same blocks were already run here."""
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


def refuses_a_taken_port(directory, text, port, line):
    """If another Campanile has the port, the reader is told so, and nothing is sent to it."""
    elsewhere = directory / "other"
    elsewhere.mkdir(exist_ok=True)
    command = ["campanile", "serve", "--store", "memory:", "--listen", f"127.0.0.1:{port}"]
    other = subprocess.Popen(command, cwd=elsewhere, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while subprocess.run(["curl", "-s", f"http://127.0.0.1:{port}/readyz"], capture_output=True, check=False).returncode:
            time.sleep(0.05)
        session = Session(elsewhere)
        try:
            session.run(text, line)
        except SystemExit as refused:
            if "It did not start" in str(refused):
                return
            raise
        finally:
            session.end()
        raise SystemExit(f"docs/clients.md:{line}: this block did not see that another server has its port")
    finally:
        other.terminate()
        other.wait()


def through_a_cut(session, ports):
    """All clients follow, then the server restarts, and then they still follow: each change arrives once."""
    directory = session.directory
    websocket = re.search(r"^let modseq.*?^}$", (ROOT / "docs/streams.md").read_text(), re.MULTILINE | re.DOTALL)[0]
    websocket = websocket.replace("wss://notify.example", f"ws://127.0.0.1:{ports['8010']}").replace("user_123", "eve")
    (directory / "websocket.js").write_text(websocket)
    python = "import follow\nfor event in follow.events('cut', 0): print(event['type'], flush=True)"
    javascript = """const { events } = await import("./follow.mjs");
        for await (const { type } of events("cut", 0)) console.log(type);"""
    followers = [["py/bin/python", "-c", python], ["node", "--input-type=module", "-e", javascript]]
    browser = ["node", f"{ROOT}/tests/clients/browser.mjs", f"http://127.0.0.1:{ports['3000']}/", "websocket.js"]
    (directory / "follow.sh").write_text('. "$1"\nshift\nexec "$@"\n')
    running = [
        subprocess.Popen(
            ["bash", "follow.sh", session.environment, *command], cwd=directory, stdout=subprocess.PIPE, text=True
        )
        for command in [*followers, browser]
    ]

    def until(last):
        said = [[] for _ in running]
        for each, lines in zip(running, said):
            while last not in lines[-1:]:
                line = each.stdout.readline()
                if not line:
                    raise SystemExit(f"{each.args} ended before {last}: {lines}")
                lines.append(line.strip())
        return said

    def send(user, content):
        body = f'{{"user_id": "{user}", "content": "{content}"}}'
        session.run(
            f"""curl --fail --silent "$NOTIFY_URL/api/notifications/create" -H "Authorization: Bearer $NOTIFY_KEY" \\
                -H 'Content-Type: application/json' -d '{body}'""",
            0,
        )

    try:
        until("hello")
        session.stop("campanile")
        session.run("campanile serve &", 0)
        session.run("curl --silent --retry 20 --retry-delay 1 --retry-connrefused $NOTIFY_URL/readyz", 0)
        for user in ["cut", "eve"]:
            send(user, "Seen after a restart")
        after = until("created")
        for lines in after[:2]:
            if lines.count("created") != 1:
                raise SystemExit(f"after a cut: {lines}")
        if running[2].wait(timeout=60) != 0:
            raise SystemExit("the browser failed")
    finally:
        for each in running:
            each.kill()
            each.wait()


def run(directory):
    ports = {"8010": str(free_port()), "3000": str(free_port())}

    def here(text):
        return re.sub(r"\b(8010|3000)\b", lambda port: ports[port[0]], text)

    for left in directory.glob("campanile*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    session = Session(directory)
    # The lines that install are for readers who have nothing yet.
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
                if "campanile serve " in text:
                    refuses_a_taken_port(directory, here(text), ports["8010"], line)
                printed, above = session.run(f"cd {directory}\n{here(text)}", line), line
                ran += 1
            elif language == "text" and printed is not None and not matches(printed, text):
                raise SystemExit(f"docs/clients.md:{above}: this block printed something else:\n{printed}")
        through_a_cut(session, ports)
    finally:
        session.end()
    print(f"clients: {ran} blocks of docs/clients.md, and what follows through a restart", file=sys.stderr)


if __name__ == "__main__":
    {"install": install, "run": run}[sys.argv[1]](pathlib.Path(sys.argv[2]).absolute())

"""Runs what docs/ tells an operator to do, as far as it goes without a machine of its own.

    documents.py DIRECTORY

Who gets in, with TLS; the log that fail2ban reads; that a shell takes URLs whole, and the certificates to try TLS with; the
units of systemd, where `systemd-analyze` is; a backup, and what a restore means for a client that follows.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.request

from clients import ROOT, Session, free_port

AUTH = (ROOT / "docs/auth.md").read_text()
BACKUP = (ROOT / "docs/backup.md").read_text()
RUNNING = (ROOT / "docs/running.md").read_text()
PROXIES = (ROOT / "docs/proxies.md").read_text()


def section(document, title):
    return re.search(rf"^#+ {title}\n(.*?)(?=^##|\Z)", document, re.MULTILINE | re.DOTALL)[1]


def fenced(text, info):
    return re.findall(rf"^```{info}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def check(holds, what):
    if not holds:
        raise SystemExit(f"documents: {what}")


def begin(directory, environment=""):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    session = Session(directory)
    session.environment.write_text(environment)
    return session


def in_background(text):
    """Starts each server in the background, and waits until it is ready."""
    text = re.sub(r"^(campanile serve .*)$", r"\1 >server.txt 2>server.log &", text, flags=re.MULTILINE)
    return f"{text}\nuntil grep -qs ready server.txt; do kill -0 $!; sleep 0.1; done" if "server.txt" in text else text


def who_gets_in(directory):
    """The created key is accepted in the requests of the document, and a wrong one is in the log for fail2ban."""
    port = str(free_port())
    session = begin(directory, "export CAMPANILE_LOG_ADDRESSES=true CAMPANILE_TRUSTED_PROXIES=127.0.0.1\n")
    try:
        for text in fenced(AUTH, "bash"):
            text = re.sub(r"curl ", "curl --silent --show-error --fail ", in_background(text.replace("8000", port)))
            printed = session.run(text, 0)
        check('"ticket"' in printed and '"expires_at"' in printed, f"no ticket: {printed}")
        login = f"curl --silent --cacert cert.pem https://localhost:{port}/login -d secret=wrong -H 'X-Forwarded-For: 203.0.113.9'"
        session.run(login, 0)
        session.stop("campanile")
    finally:
        session.end()
    [pattern] = re.findall(r"^failregex = (.*)$", PROXIES, re.MULTILINE)
    # fail2ban's values for these placeholders, as far as they matter here.
    pattern = pattern.replace("%(__prefix_line)s", r"\S+ campanile\[\d+\]: ").replace("<ADDR>", r"(?P<address>[\da-f.:]+)")
    log = (directory / "server.log").read_text()
    found = [re.search(pattern, f"host campanile[7]: {line}") for line in log.splitlines()]
    check([each["address"] for each in found if each] == ["203.0.113.9"], f"fail2ban finds nothing in {log}")


def settings_have_effect(directory, lines):
    """`campanile check` accepts these variables without a warning."""
    variables = dict(word.split("=", 1) for line in lines for word in line.split())
    check(len(variables) >= 3, variables)
    variables["CAMPANILE_STORE"] = re.sub("/(var/lib/campanile|data)/", f"{directory}/", variables["CAMPANILE_STORE"])
    environment = {"PATH": os.environ["PATH"]} | {name: text.replace("%d", str(directory)) for name, text in variables.items()}
    for command in ["migrate", "check"]:
        said = subprocess.run(["campanile", command], cwd=directory, env=environment, capture_output=True, text=True, check=False)
        check(said.returncode == 0 and "no effect" not in said.stdout + said.stderr, said.stdout + said.stderr)
        check("WARN" not in said.stderr and "warning" not in said.stderr, said.stderr)


def units(directory):
    """systemd accepts the units unchanged."""
    begin(directory)
    program = shutil.which("campanile")
    names = []
    for name, text in re.findall(r"^```ini file=(\S+)\n(.*?)^```$", RUNNING + BACKUP, re.MULTILINE | re.DOTALL):
        (directory / name).write_text(text.replace("/usr/local/bin/campanile", program))
        names.append(name)
    check(len(names) == 3, f"units: {names}")
    (directory / "jwt-secret").write_text("0123456789abcdef" * 4)
    settings_have_effect(directory, re.findall(r"^Environment=(.*)$", (directory / "campanile.service").read_text(), re.MULTILINE))
    settings_have_effect(directory, re.findall(r"^ENV (.*)$", fenced(RUNNING, "dockerfile file=Dockerfile")[0], re.MULTILINE))
    if shutil.which("systemd-analyze") is None:
        return print("documents: no systemd-analyze here: left out the units", file=sys.stderr)
    said = subprocess.run(["systemd-analyze", "verify", *(f"./{name}" for name in names)], cwd=directory, capture_output=True, text=True, check=False)
    check(said.returncode == 0 and not said.stderr.strip(), said.stderr)


def urls_and_certificates(directory):
    """No URL is cut by the shell, and the certificates to try TLS with are for the host that they name."""
    session = begin(directory)
    made = 0
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        text = document.read_text()
        for block in fenced(text, "(?:bash|sh)[^\n]*"):
            bare = re.sub(r"""'[^']*'|"[^"]*\"""", "", block)
            check(not re.search(r"://\S*&", bare), f"{document.name}: the shell ends this at its &: {block}")
        for command in re.findall(r"^openssl req (?:.*\\\n)*.*-out .*$", text, re.MULTILINE):
            [host] = re.findall(r"subjectAltName=DNS:(\S+)", command)
            [certificate] = re.findall(r"-out (\S+)", command)
            session.run(f"{command}\nopenssl verify -CAfile {certificate} -verify_hostname {host} {certificate}", 0)
            made += 1
    check(made == 3, f"{made} certificates")


def backup_and_restore(directory):
    """The command of the timer backs up a running server, and the restored one has the data of that time."""
    port = str(free_port())
    url = f"http://127.0.0.1:{port}"
    environment = f"export CAMPANILE_STORE=sqlite:{directory}/campanile.db CAMPANILE_LISTEN=127.0.0.1:{port}\n"
    session = begin(directory, environment)
    (directory / "backups").mkdir()
    start = in_background("campanile serve --auth off")

    def send():
        body = json.dumps({"user_id": "ann", "content": "x"}).encode()
        request = urllib.request.Request(f"{url}/api/notifications/create", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request).close()

    def listed():
        with urllib.request.urlopen(f"{url}/api/notifications/list?user_id=ann") as answer:
            return len(json.load(answer)), int(answer.headers["Campanile-Modseq"])

    def is_reset(since):
        with urllib.request.urlopen(f"{url}/api/notifications/changes/ann?since={since}") as answer:
            return json.load(answer)["reset"]

    try:
        session.run(start, 0)
        send()
        then = listed()
        [line] = re.findall(r"^ExecStart=/bin/sh -ec '(.*)'$", BACKUP, re.MULTILINE)
        session.run(f"cd backups; sh -ec '{line.replace('%%', '%').replace('$$', '$')}'", 0)
        for _ in range(3):
            send()
        _, beyond = listed()
        [made] = (directory / "backups").glob("*.db")
        [restore] = fenced(section(BACKUP, "Restore"), "bash")
        here = [("/var/lib/campanile", str(directory)), ("-o campanile -g campanile ", ""), ("2026-11-27T030000.db", made.name)]
        for there, put in here:
            check(there in restore, f"{there} is not in the restore")
            restore = restore.replace(there, put)
        before, after = restore.split("systemctl start campanile")
        session.stop("campanile")
        (directory / "server.txt").unlink()
        session.run(f"{before.replace('systemctl stop campanile', '')}\n{start}\n{after}", 0)
        check(listed()[0] == then[0] == 1, f"restored: {listed()}")
        check(is_reset(beyond), "a client beyond the backup is not told to list again")
    finally:
        session.end()


if __name__ == "__main__":
    place = pathlib.Path(sys.argv[1]).absolute()
    for part in (who_gets_in, urls_and_certificates, units, backup_and_restore):
        part(place / part.__name__)
    print("documents: what docs/ tells an operator", file=sys.stderr)

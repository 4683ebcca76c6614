"""A mail server of the tests' own: keeps what it is given, and refuses, drops or waits on demand."""

import socketserver
import ssl
import threading
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any


class MailServer:
    """`answers`: by word of the conversation, what to say instead of yes: a line, or DROP, or seconds to wait."""

    DROP = "drop"

    def __init__(self, certificate: Path | None = None) -> None:
        self.answers: dict[str, Any] = {}
        self.taken: list[tuple[str, EmailMessage]] = []
        self.said: list[str] = []
        self.certificate = certificate
        self._server = _Server(("127.0.0.1", 0), _Conversation)
        self._server.mail = self
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> "MailServer":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def to(self) -> list[str]:
        return [to for to, _ in self.taken]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads, allow_reuse_address = True, True
    mail: MailServer


class _Conversation(socketserver.StreamRequestHandler):
    timeout = 20

    def handle(self) -> None:
        self.mail: MailServer = self.server.mail  # type: ignore[attr-defined]
        self.to = ""
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            self.mail.said.append(line)
            word = line.split(maxsplit=1)[0].upper()
            asked = self.mail.answers.get(word)
            if asked == MailServer.DROP:
                return
            if isinstance(asked, float):
                time.sleep(asked)
            elif asked:
                self.say(asked)
                continue
            if not self.go_on(word, line):
                return

    def finish(self) -> None:
        super().finish()
        self.request.close()  # the server closes only the socket that it knows, which is not the encrypted one

    def go_on(self, word: str, line: str) -> bool:
        if word == "EHLO":
            offered = ["250-here", "250-STARTTLS"] if self.mail.certificate else ["250-here"]
            self.say("\r\n".join([*offered, "250 AUTH PLAIN"]))
        elif word == "STARTTLS":
            self.say("220 go on")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(str(self.mail.certificate))
            try:
                self.request = context.wrap_socket(self.request, server_side=True)
            except OSError:  # whoever asked does not know the certificate
                return False
            self.setup()
        elif word == "AUTH":
            self.say("235 welcome")
        elif word == "DATA":
            return self.take()
        elif word == "QUIT":
            self.say("221 bye")
            return False
        else:
            self.to = line.partition("<")[2].partition(">")[0] if word == "RCPT" else self.to
            self.say("250 yes")
        return True

    def take(self) -> bool:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        after = self.mail.answers.get("END")
        if after is None or after == MailServer.DROP:
            message = message_from_bytes(b"".join(lines), policy=policy.default)
            self.mail.taken.append((self.to, message))  # type: ignore[arg-type]
        if after == MailServer.DROP:
            return False
        self.say(after or "250 taken")
        return True

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())

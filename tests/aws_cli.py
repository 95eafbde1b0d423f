"""The AWS CLI, loaded once and forked for each command: to start it anew takes a second.

Without arguments, and run by the Python that has the CLI, it serves at the socket that ``AWS_CLI``
names; with arguments it is the command.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any


def serve(listener: socket.socket) -> None:
    """Run each command that is asked for, on the emulator that the environment names."""
    from awscli.clidriver import create_clidriver

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    create_clidriver()
    listener.bind(os.environ["AWS_CLI"])
    listener.listen()
    while True:
        client, _ = listener.accept()
        if not os.fork():
            answer(client, create_clidriver)
        client.close()


def answer(client: socket.socket, create_driver: Any) -> None:
    """Run one command in its own environment, folder and files, and tell its status."""
    told, files, _, _ = socket.recv_fds(client, 1 << 20, 3)
    environment, folder, arguments = json.loads(told)
    os.environ.update(environment)
    os.chdir(folder)
    for own, file in enumerate(files):
        os.dup2(file, own)
    # Version 1 of the CLI asks SQS at AWS's own address, unless told so here.
    status = create_driver().main(["--endpoint-url", os.environ["AWS_ENDPOINT_URL"], *arguments])
    sys.stdout.flush()
    client.send(bytes([status]))
    os._exit(0)


def ask(server: socket.socket, arguments: list[str]) -> int:
    """Have a command run; returns its status."""
    server.connect(os.environ["AWS_CLI"])
    told = json.dumps([dict(os.environ), str(Path.cwd()), arguments]).encode()
    socket.send_fds(server, [told], [0, 1, 2])
    return (server.recv(1) or b"\xff")[0]


if __name__ == "__main__":
    with socket.socket(socket.AF_UNIX) as own:
        if sys.argv[1:]:
            sys.exit(ask(own, sys.argv[1:]))
        serve(own)

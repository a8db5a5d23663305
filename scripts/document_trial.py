"""A directory, a broker and a port for scripts that try the programs and commands of a document."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Nothing else of the caller's environment, such as its settings, reaches the trial.
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


class Failure(Exception):
    """What the trial has found wrong."""


def arguments(usage, document):
    """(path of the supervisor, text of the document) of the command line. `document` is its path in the repository."""
    if len(sys.argv) not in (2, 3):
        sys.exit(usage)
    text = pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else ROOT / document).read_text()
    return pathlib.Path(sys.argv[1]).resolve(), text


@contextlib.contextmanager
def scratch_directory(purpose):
    # check-leftovers looks for this prefix.
    path = pathlib.Path(tempfile.mkdtemp(prefix=f"media-processor-broker-{purpose}-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def private_broker(supervisor, directory):
    """The URL of a broker that lives as long as the block."""
    broker = subprocess.Popen(
        [supervisor, "private-broker", "--directory", directory],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )
    try:
        url = broker.stdout.readline().strip()
        if not url:
            raise Failure("the broker did not start")
        yield url
    finally:
        # The guard ends its node with its standard input.
        broker.stdin.close()
        broker.wait(timeout=60)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_pattern(parameters, *output, cwd):
    """Makes a file of the test pattern `testsrc2` of ffmpeg with these parameters, such as `size=640x480`."""
    quiet = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-f", "lavfi"]
    subprocess.run([*quiet, "-i", f"testsrc2={parameters}", *output], check=True, cwd=cwd)

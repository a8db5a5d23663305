"""The measurements of scripts/bench-transfer: our way of moving files beside that of other clients.

Each round runs every client once, in turn and with another one first. A rate is the bytes, or the objects, through the
time of the whole process, its start included. Processor time is that of the client, and of the server meanwhile.
"""

import hashlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

mebibytes, objects, rounds = map(int, sys.argv[1:4])
root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ours = f"{root}/.build-release/release/transfers"
tools = f"{root}/.build-tools/python/bin"
aws = f"{root}/.build-bench/transfer/bin/aws"
scratch = tempfile.mkdtemp(prefix="media-processor-bench-transfer-")
patience = 300  # seconds, only against hanging
object_bytes = 20_000
tick = os.sysconf("SC_CLK_TCK")


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Server:
    """A server of one process, which is killed in the end."""

    running = []

    def __init__(self, name, arguments):
        self.log = open(f"{scratch}/{name}.log", "w")
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=dict(os.environ, HOME=scratch))
        Server.running.append(self)

    def wait_until(self, is_ready):
        end = time.monotonic() + 60
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                sys.exit(f"{self.process.args[0]} does not start; see {self.log.name}")
            time.sleep(0.2)

    def seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / tick

    def stop(self):
        self.process.kill()
        self.process.wait()


def start_nginx():
    port = free_ports(1)[0]
    with open(f"{scratch}/nginx.conf", "w") as file:
        file.write(f"""
            daemon off; master_process off; pid {scratch}/nginx.pid; error_log {scratch}/nginx.errors;
            events {{ worker_connections 64; }}
            http {{
                access_log off; sendfile on; client_body_temp_path {scratch}/body; proxy_temp_path {scratch}/proxy;
                fastcgi_temp_path {scratch}/fastcgi; uwsgi_temp_path {scratch}/uwsgi; scgi_temp_path {scratch}/scgi;
                server {{ listen 127.0.0.1:{port}; root {scratch}/files; }}
            }}""")
    server = Server("nginx", ["nginx", "-c", f"{scratch}/nginx.conf", "-p", scratch, "-e", f"{scratch}/nginx.errors"])

    def is_ready():
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", port)) == 0

    server.wait_until(is_ready)
    return server, f"http://127.0.0.1:{port}"


def start_store():
    ports = free_ports(8)
    names = ["s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
             "filer.port", "filer.port.grpc"]
    identity = {"name": "bench", "actions": ["Admin"], "credentials": [{
        "accessKey": environment["AWS_ACCESS_KEY_ID"], "secretKey": environment["AWS_SECRET_ACCESS_KEY"]}]}
    with open(f"{scratch}/s3.json", "w") as file:
        json.dump({"identities": [identity]}, file)
    os.mkdir(f"{scratch}/store")
    # What is deleted is not swept up meanwhile.
    server = Server("weed", [
        f"{tools}/weed", "server", f"-dir={scratch}/store", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
        f"-s3.config={scratch}/s3.json", "-volume.max=100", "-master.volumeSizeLimitMB=4096",
        "-master.garbageThreshold=0.99", "-master.volumePreallocate=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
        *(f"-{name}={port}" for name, port in zip(names, ports))])
    endpoint = f"http://127.0.0.1:{ports[0]}"

    def is_ready():
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", ports[0])) != 0:
                return False
        return s5cmd(endpoint, "mb", "s3://bench") is not None

    server.wait_until(is_ready)
    return server, endpoint


# Nothing of the caller's settings.
environment = {
    "PATH": os.environ["PATH"], "HOME": scratch, "AWS_ACCESS_KEY_ID": "bench-key",
    "AWS_SECRET_ACCESS_KEY": "bench-secret", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
    "ALLOW_HTTP": "1", "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8",
}


def s5cmd(endpoint, *arguments):
    """What s5cmd prints; nil when it fails."""
    done = subprocess.run(
        [f"{tools}/s5cmd", "--retry-count", "0", "--endpoint-url", endpoint, *arguments], env=environment,
        capture_output=True, timeout=patience)
    return done.stdout if done.returncode == 0 else None


class Measure:
    def __init__(self, wall, client, server, memory):
        self.wall, self.client, self.server, self.memory = wall, client, server, memory


def measure(command, server, more=None):
    os.sync()
    before, start = server.seconds(), time.perf_counter()
    process = subprocess.Popen(
        command, env=dict(environment, **(more or {})), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status != 0:
        sys.exit(f"{command} ended with {status}")
    lines = output.split()
    grown = int(lines[-1]) if command[0] == ours else None
    return Measure(wall, usage.ru_utime + usage.ru_stime, server.seconds() - before, grown)


def compare(title, unit, amount, clients, aim):
    """Runs all clients in turn. The first one is ours; `aim` is the part of the fastest other one's rate."""
    names = list(clients)
    measures = {name: [] for name in names}
    for number in range(rounds):
        for name in names[number % len(names):] + names[:number % len(names)]:
            measures[name].append(clients[name]())
    print(f"\n{title}")
    print(f"  {'':24} {unit:>12} {'seconds':>9} {'client CPU s':>13} {'server CPU s':>13}")
    for name in names:
        each = measures[name]
        middle = {key: statistics.median(getattr(one, key) for one in each) for key in ["wall", "client", "server"]}
        print(f"  {name:24} {amount / middle['wall']:12.1f} {middle['wall']:9.2f} {middle['client']:13.2f} "
              f"{middle['server']:13.2f}")
    for name in names[1:]:
        walls = [theirs.wall / own.wall for own, theirs in zip(measures[names[0]], measures[name])]
        ratio = statistics.median(walls)
        total = statistics.median(
            (own.client + own.server) / (theirs.client + theirs.server)
            for own, theirs in zip(measures[names[0]], measures[name]))
        print(f"  rate, of that of {name}: {ratio:.2f} ({min(walls):.2f} to {max(walls):.2f}), aim {aim}; "
              f"processor time of both sides {total:.2f}", flush=True)
    grown = max(one.memory for one in measures[names[0]])
    print(f"  peak of our memory beyond that at the start: {grown / 1e6:.1f} MB, aim below 40 MB", flush=True)


def bench_downloads():
    server, origin = start_nginx()
    target = f"{scratch}/curl.out"

    def own(*digest):
        directory = tempfile.mkdtemp(dir=scratch)
        found = measure([ours, "download", f"{origin}/large", directory, *digest], server)
        shutil.rmtree(directory)
        return found

    # With the same promise: the bytes are on the device.
    def curl(more=""):
        found = measure(
            ["sh", "-c", f'curl --silent --show-error --output "$1" "$2" {more} && sync "$1"', "sh", target,
             f"{origin}/large"], server)
        os.unlink(target)
        return found

    compare(f"{mebibytes} MiB from nginx, to the device", "MiB/s", mebibytes,
            {"ours": own, "curl and fsync": curl}, 0.9)
    compare("the same, compared with a SHA-256", "MiB/s", mebibytes,
            {"ours": lambda: own(digest), "curl, sha256sum, fsync": lambda: curl('&& sha256sum "$1"')}, 0.9)


def bench_uploads():
    server, endpoint = start_store()
    store = {"STORAGE_URL": f"s3://bench?endpoint={endpoint}&region=us-east-1"}

    def discard(key):
        if s5cmd(endpoint, "rm", f"s3://bench/{key}") is None:
            sys.exit(f"{key} is not in the store")

    def own():
        found = measure([ours, "upload", f"{scratch}/files/large", "ours"], server, store)
        kept = s5cmd(endpoint, "cat", "s3://bench/ours")
        if kept is None or hashlib.sha256(kept).hexdigest() != digest:
            sys.exit("the store has other bytes than the file")
        discard("ours")
        return found

    def other(name, command):
        found = measure([*command, f"{scratch}/files/large", f"s3://bench/{name}"], server)
        discard(name)
        return found

    compare(f"{mebibytes} MiB to SeaweedFS", "MiB/s", mebibytes, {
        "ours": own,
        "s5cmd cp": lambda: other("s5cmd", [f"{tools}/s5cmd", "--endpoint-url", endpoint, "cp"]),
        "aws s3 cp": lambda: other("aws", [aws, "--endpoint-url", endpoint, "s3", "cp", "--only-show-errors"]),
    }, 0.9)

    def check(prefix):
        listed = s5cmd(endpoint, "ls", f"s3://bench/{prefix}/*")
        if listed is None or len(listed.splitlines()) != objects:
            sys.exit(f"not all objects are under {prefix}")
        discard(f"{prefix}/*")

    def own_many():
        found = measure([ours, "upload-all", f"{scratch}/small", "many-ours"], server, store)
        check("many-ours")
        return found

    def s5cmd_many():
        found = measure(
            [f"{tools}/s5cmd", "--endpoint-url", endpoint, "cp", f"{scratch}/small/", "s3://bench/many-s5cmd/"], server)
        check("many-s5cmd")
        return found

    compare(f"{objects} objects of {object_bytes} bytes to SeaweedFS", "objects/s", objects,
            {"ours": own_many, "s5cmd cp": s5cmd_many}, 0.7)


try:
    os.makedirs(f"{scratch}/files")
    os.makedirs(f"{scratch}/small")
    sha256 = hashlib.sha256()
    with open(f"{scratch}/files/large", "wb") as file:
        for _ in range(mebibytes):
            piece = os.urandom(1 << 20)
            sha256.update(piece)
            file.write(piece)
    digest = sha256.hexdigest()
    for number in range(objects):
        with open(f"{scratch}/small/{number:06}", "wb") as file:
            file.write(os.urandom(object_bytes))
    bench_downloads()
    bench_uploads()
finally:
    for server in Server.running:
        server.stop()
    shutil.rmtree(scratch)

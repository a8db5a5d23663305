"""The measurements of scripts/bench-supervision."""

import collections
import datetime
import http.client
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

binaries = os.path.abspath(sys.argv[1])
worker_kills, supervisor_kills, cycles = map(int, sys.argv[2:5])
scratch = tempfile.mkdtemp(prefix="media-processor-bench-supervision-")
patience = 300  # seconds, only against hanging


def processes():
    """The parent and the start time of every process."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        # A zombie is gone; whoever adopted it has not looked yet.
        if fields[0] not in "ZX":
            found[int(name)] = (int(fields[1]), int(fields[19]))
    return found


def descendants(root):
    """Process ids with start times, since ids come again."""
    table = processes()
    children = collections.defaultdict(list)
    for process, (parent, start) in table.items():
        children[parent].append((process, start))
    found, waiting = set(), [root]
    while waiting:
        for child in children[waiting.pop()]:
            found.add(child)
            waiting.append(child[0])
    return found


def left(of):
    table = processes()
    return {(process, start) for process, start in of if table.get(process, (0, 0))[1] == start}


class Tree:
    """A running supervisor, heard through its notification socket."""

    def __init__(self, broker, **settings):
        self.directory = tempfile.mkdtemp(dir=scratch)
        self.name = f"@media-processor-bench-{os.path.basename(self.directory)}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.name[1:])
        self.socket.settimeout(patience)
        self.environment = {
            "PATH": os.environ["PATH"], "RABBITMQ_URL": broker, "QUEUE_PREFIX": os.path.basename(self.directory) + ".",
            "PORT": "0", "LOG_MAX_BYTES": "0", "FILE_SOURCE_ROOTS": scratch, "NOTIFY_SOCKET": self.name,
            **{f"{key}_DIR": f"{self.directory}/{key.lower()}" for key in ["TEMP", "STATE", "LOG"]},
            "STORAGE_URL": f"file://{self.directory}/store", **settings,
        }
        if not broker:
            del self.environment["RABBITMQ_URL"]

    def start(self):
        """Returns when all workers are ready, with the seconds that it took."""
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [f"{binaries}/supervisor", "run"], env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        while "READY=1" not in self.message():
            pass
        took = time.monotonic() - begin
        with open(f"{self.directory}/state/supervisor.json") as file:
            run = json.load(file)
        self.port, self.token = run["port"], run["token"]
        return took

    def message(self):
        return self.socket.recv(4096).decode().split("\n")

    def wait_for_status(self, text):
        while not any(line.startswith("STATUS=" + text) for line in self.message()):
            pass

    def hear_all(self):
        """Forgets the messages that are there."""
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.recv(4096)
        except BlockingIOError:
            pass
        self.socket.settimeout(patience)

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", "Connection": "close"}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text)

    def submit(self, job):
        source = f"file://{scratch}/photo.jpg"
        self.call("POST", "/jobs", {"id": job, "mediaId": job, "userId": "b", "mediaType": "IMAGE", "source": source})

    def pool(self, name):
        return next(pool for pool in self.call("GET", "/info")["stages"] if pool["name"] == name)

    def outcome(self, job):
        try:
            return self.call("GET", f"/jobs/image/{job}").get("outcome")
        except RuntimeError:
            return None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.socket.close()


def eventually(what, condition, pause=0.01):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"after {patience} s still not: {what}")
        time.sleep(pause)


def milliseconds(seconds):
    return f"{seconds * 1000:.0f} ms"


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def start_times(broker):
    times = []
    for _ in range(10):
        tree = Tree(broker)
        times.append(tree.start())
        tree.stop()
    return times


def idle_memory(broker):
    tree = Tree(broker)
    tree.start()
    time.sleep(5)
    info = tree.call("GET", "/info")
    workers = [process["proportionalBytes"] for pool in info["stages"] for process in pool["processes"]]
    tree.stop()
    return info["proportionalBytes"], workers


def worker_deaths(broker):
    """From SIGKILL of a worker that has done a job to its successor's readiness."""
    tree = Tree(broker)
    tree.start()
    times = []
    for number in range(worker_kills):
        job = f"job-{number}"
        tree.submit(job)
        eventually(f"{job} is done", lambda: tree.outcome(job) == "completed")
        stage = ["download", "process", "upload", "cleanup"][number % 4]
        victim = tree.pool(f"{stage}.image")["processes"][0]["pid"]
        tree.hear_all()
        begin = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        tree.wait_for_status("7 of 8 workers ready")
        tree.wait_for_status("8 of 8 workers ready")
        times.append(time.monotonic() - begin)
    restarts = sum(pool["restarts"] for pool in tree.call("GET", "/health")["pools"].values())
    if restarts != worker_kills:
        raise RuntimeError(f"{worker_kills} workers were killed, and {restarts} were started again")
    tree.stop()
    return times


def supervisor_deaths(broker, count):
    """The number of processes left 10 s after the supervisor was killed with a job under way, and the times until the
    last one was gone."""
    tree = Tree(broker)
    remaining, times = 0, []
    for number in range(count):
        tree.start()
        tree.submit(f"job-{number}")
        family = descendants(tree.process.pid)
        if len(family) < 8:
            raise RuntimeError(f"there are only {len(family)} processes")
        begin = time.monotonic()
        tree.process.kill()
        tree.process.wait()
        rest = family
        while rest and time.monotonic() - begin < 10:
            rest = left(rest)
            time.sleep(0.005)
        times.append(time.monotonic() - begin)
        remaining += len(rest)
        tree.hear_all()
    # The next supervisor takes over: not one job was lost.
    tree.start()
    done = lambda: all(tree.outcome(f"job-{number}") == "completed" for number in range(count))
    eventually("all jobs of the killed trees are done", done, pause=0.5)
    tree.stop()
    return remaining, times


def cycling(broker):
    """Scales one pool up and down and restarts it, while jobs come."""
    tree = Tree(broker, DRAIN_SECONDS="0")
    tree.start()
    submitted, stop = [], threading.Event()

    def feed():
        while not stop.is_set():
            waiting = sum(not job["over"] for job in recent())
            if waiting < 12:
                job = f"job-{len(submitted)}"
                tree.submit(job)
                submitted.append(job)
            else:
                time.sleep(0.02)

    def recent():
        jobs = tree.call("GET", "/jobs?limit=40")["jobs"]
        return [{"over": job["state"] == "finished"} for job in jobs]

    feeder = threading.Thread(target=feed)
    feeder.start()
    name = "process.image"

    def members():
        pool = tree.pool(name)
        return {process["pid"] for process in pool["processes"] if process["state"] == "ready"}, len(pool["processes"])

    def settled(count, without=frozenset()):
        ready, present = members()
        return len(ready) == count == present and not ready & without

    try:
        for _ in range(cycles):
            tree.call("POST", f"/pools/{name}/scale", {"workers": 4})
            eventually("four workers are ready", lambda: settled(4))
            before, _ = members()
            tree.call("POST", f"/pools/{name}/restart", {"rolling": True})
            eventually("all four are new", lambda: settled(4, before))
            tree.call("POST", f"/pools/{name}/scale", {"workers": 1})
            eventually("one worker is left", lambda: settled(1))
    finally:
        stop.set()
        feeder.join()
    outcomes = {}

    def all_done():
        for job in submitted:
            if outcomes.get(job) is None:
                outcomes[job] = tree.outcome(job)
        return None not in outcomes.values()

    eventually("all jobs have ended", all_done, pause=0.5)
    restarts = sum(pool["restarts"] for pool in tree.call("GET", "/health")["pools"].values())
    tree.stop()
    with open(f"{tree.directory}/log/media-processor.log") as file:
        starts = re.findall(r" job\.starts=(\d+)", file.read())
        file.seek(0)
        attempts = re.findall(r" job\.attempt=(\d+)", file.read())
    spent = sum(int(attempt) > 1 for attempt in attempts) + sum(int(start) > 1 for start in starts)
    lost = sum(outcome != "completed" for outcome in outcomes.values())
    return len(submitted), lost, spent, len(starts), restarts


def main():
    broker = subprocess.Popen(
        [f"{binaries}/supervisor", "private-broker", "--directory", f"{scratch}/broker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    try:
        url = broker.stdout.readline().strip()
        if not url:
            raise RuntimeError("the private broker did not start; it says why above")
        subprocess.run(
            ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=1600x1200",
             "-frames:v", "1", "-q:v", "3", f"{scratch}/photo.jpg"], check=True,
        )
        models = (line.partition(": ")[2].strip() for line in open("/proc/cpuinfo") if "model name" in line)
        processor = next(models, "")
        print(f"{datetime.date.today()}, {os.cpu_count()} processors ({processor}), Linux {platform.release()}\n")
        print("| measured | result | aim |\n|---|---|---|", flush=True)

        def row(what, result, aim):
            print(f"| {what} | {result} | {aim} |", flush=True)

        times = start_times(url)
        row("start to ready, broker running, median of 10 (slowest)",
            f"{milliseconds(statistics.median(times))} ({milliseconds(max(times))})", "< 1 s")
        own, workers = idle_memory(url)
        row("idle memory, proportional (supervisor + 8 workers)",
            f"{(own + sum(workers)) / 1e6:.0f} MB ({own / 1e6:.0f} + {sum(workers) / 1e6:.0f})", "< 120 MB")
        failed = False
        if worker_kills:
            times = worker_deaths(url)
            row(f"worker SIGKILL to replacement ready, {len(times)} times, p50 / p99",
                f"{milliseconds(percentile(times, 0.5))} / {milliseconds(percentile(times, 0.99))}", "")
        if supervisor_kills:
            private = max(1, supervisor_kills // 10)
            for kind, address, count in [("shared", url, supervisor_kills), ("private", "", private)]:
                remaining, times = supervisor_deaths(address, count)
                failed |= remaining > 0
                row(f"supervisor SIGKILL × {count}, {kind} broker: "
                    "processes left after 10 s (last one gone after, p50 / max)",
                    f"{remaining} ({milliseconds(percentile(times, 0.5))} / {milliseconds(max(times))})", "0")
        if cycles:
            jobs, lost, spent, starts, restarts = cycling(url)
            failed |= lost > 0 or spent > 0 or restarts > 0
            row(f"{cycles} cycles of 1 → 4 → rolling restart → 1 under load: jobs lost of {jobs}", lost, "0")
            row(f"attempts spent, of {starts} starts of a stage", spent, "0")
            row("workers that died meanwhile", restarts, "0")
        return 1 if failed else 0
    finally:
        broker.stdin.close()
        broker.wait()
        shutil.rmtree(scratch, ignore_errors=True)


sys.exit(main())

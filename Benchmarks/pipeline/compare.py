"""Image jobs end to end: the media processor's tree and four Celery tasks in turn, on one broker. Prints ratios.

A job counts when its terminal update is read. Processor time is that of the whole tree (supervisor and workers; for
Celery the parents and their pools), from the first message to the last update, without the broker and this program.
"""
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import pika

ROOT = pathlib.Path(__file__).resolve().parents[2]
STAGES = ["download", "process", "upload", "cleanup"]
VARIANTS = ["180p", "360p", "720p", "1080p"]
PATIENCE_SECONDS = 600
TICKS = os.sysconf("SC_CLK_TCK")


def processes():
    """Parent and processor seconds of every process, by its number."""
    table = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # After the name: state, parent, …; 11 and 12 are user and system time.
        table[int(path.parent.name)] = (int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS)
    return table


def tree_seconds(roots):
    table = processes()
    family = set(roots)
    while True:
        more = {pid for pid, (parent, _) in table.items() if parent in family} - family
        if not more:
            return sum(table[pid][1] for pid in family if pid in table)
        family |= more


class Run:
    """One system that is up, with its update queue."""

    def __init__(self, url, queue):
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.queue_declare(queue, durable=True)
        self.queue = queue

    def measure(self, roots, ids, publish):
        """Jobs per second and processor seconds per job."""
        before = tree_seconds(roots)
        began = time.monotonic()
        publish(ids)
        waiting = set(ids)
        for method, _, body in self.channel.consume(self.queue, auto_ack=True, inactivity_timeout=PATIENCE_SECONDS):
            if method is None or time.monotonic() - began > PATIENCE_SECONDS:
                raise SystemExit(f"bench-pipeline: {len(waiting)} of {len(ids)} jobs did not end")
            message = json.loads(body)
            if message["status"] == "processing":
                continue
            if message["status"] != "completed":
                raise SystemExit(f"bench-pipeline: a job failed: {message}")
            waiting.discard(message["job_id"])
            if not waiting:
                break
        seconds = time.monotonic() - began
        used = tree_seconds(roots) - before
        self.channel.cancel()
        return len(ids) / seconds, used / len(ids)

    def close(self):
        self.connection.close()


class Bench:
    def __init__(self, scratch, jobs):
        self.scratch, self.jobs = scratch, jobs
        self.number = 0
        self.sources = scratch / "sources"
        (self.sources / "uploads").mkdir(parents=True)
        self.source = self.sources / "uploads" / "tiny.jpg"
        import pyvips

        noise = pyvips.Image.gaussnoise(160, 120, mean=128, sigma=40)
        noise.bandjoin([noise, noise]).cast("uchar").copy(interpretation="srgb").jpegsave(str(self.source), Q=85)

    def supervisor(self, name, environment):
        """Starts a tree; its process and its run file."""
        home = self.scratch / name
        for part in ["temp", "state", "logs"]:
            (home / part).mkdir(parents=True, exist_ok=True)
        settings = {key: value for key, value in os.environ.items() if key not in ("RABBITMQ_URL", "QUEUE_PREFIX")}
        settings |= {
            "TEMP_DIR": str(home / "temp"), "STATE_DIR": str(home / "state"), "LOG_DIR": str(home / "logs"),
            "PORT": "0", "STORAGE_URL": f"file://{home}/store", "LOG_LEVEL": "warning",
        } | environment
        process = subprocess.Popen(
            [ROOT / "bin" / "supervisor", "run"], env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            for _ in range(600):
                if process.poll() is not None:
                    raise SystemExit(f"bench-pipeline: the supervisor ended; see {home}/logs")
                status = subprocess.run(
                    [ROOT / "bin" / "supervisor", "status", "--json"], env=settings, capture_output=True, text=True
                )
                if '"healthy"' in status.stdout:
                    return process, json.loads((home / "state" / "supervisor.json").read_text())
                time.sleep(0.1)
            raise SystemExit("bench-pipeline: the tree did not become ready")
        except BaseException:
            stop(process)
            raise

    def ids(self, name):
        self.number += 1
        return [f"{name}-{self.number}-{index}" for index in range(self.jobs)]

    def expect_outputs(self, store, ids):
        for media in ids:
            for variant in VARIANTS:
                if (store / "images" / f"{media}_{variant}.jpg").stat().st_size == 0:
                    raise SystemExit(f"bench-pipeline: an output of {media} is empty")

    def ours(self, url, workers):
        store = self.scratch / "ours" / "store"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(self.sources, store)
        process, _ = self.supervisor("ours", {
            "RABBITMQ_URL": url, "QUEUE_PREFIX": "bench.",
            "WORKERS": ",".join(f"{stage}.image={workers}" for stage in STAGES),
        })
        try:
            run = Run(url, "bench.image.processing.updates")

            def publish(ids):
                for job in ids:
                    body = json.dumps({"id": job, "mediaId": job, "mediaType": "IMAGE", "s3Key": "uploads/tiny.jpg"})
                    run.channel.basic_publish(
                        "", "bench.image.processing.download", body,
                        pika.BasicProperties(delivery_mode=2, content_type="application/json", message_id=job),
                    )

            run.measure([process.pid], self.ids("warm")[: 20], publish)
            ids = self.ids("ours")
            result = run.measure([process.pid], ids, publish)
            run.close()
            self.expect_outputs(store, ids)
            found = (self.scratch / "ours" / "temp").rglob("*")
            left = [path for path in found if path.is_file() and "jobs" in path.parts]
            if left:
                raise SystemExit(f"bench-pipeline: {len(left)} temp files are left")
            return result
        finally:
            stop(process)

    def celery(self, url, workers):
        home = self.scratch / "celery"
        store = home / "store"
        shutil.rmtree(home, ignore_errors=True)
        (store / "images").mkdir(parents=True)
        (home / "temp").mkdir()
        os.environ |= {
            "BENCH_BROKER": url, "BENCH_SOURCES": str(self.sources), "BENCH_TEMP": str(home / "temp"),
            "BENCH_STORE": str(store),
        }
        command = [
            sys.executable, "-m", "celery", "--app", "celery_stages", "worker", "--pool", "prefork",
            "--loglevel", "WARNING",
            "--without-gossip", "--without-mingle", "--without-heartbeat", "--concurrency", str(workers),
        ]
        # One worker for each stage, as a stage is one pool of processes on our side.
        workers_up = [
            subprocess.Popen(
                command + ["--queues", f"bench.celery.{stage}", "--hostname", f"{stage}@bench"],
                cwd=ROOT / "Benchmarks" / "pipeline", stdout=subprocess.DEVNULL,
                stderr=(home / f"{stage}.log").open("w"),
            )
            for stage in STAGES
        ]
        try:
            sys.path.insert(0, str(ROOT / "Benchmarks" / "pipeline"))
            import celery_stages
            from celery import chain

            run = Run(url, celery_stages.UPDATES)

            def publish(ids):
                for job in ids:
                    chain(
                        celery_stages.download.s({"id": job, "mediaId": job, "s3Key": "uploads/tiny.jpg"}),
                        celery_stages.process.s(), celery_stages.upload.s(), celery_stages.cleanup.s(),
                    ).apply_async()

            roots = [worker.pid for worker in workers_up]
            run.measure(roots, self.ids("warm")[: 20], publish)
            ids = self.ids("celery")
            result = run.measure(roots, ids, publish)
            run.close()
            self.expect_outputs(store, ids)
            return result
        finally:
            for worker in workers_up:
                stop(worker)

    def engine_seconds(self):
        """Processor time of the media work alone, for each image."""
        times = 500
        directory = self.scratch / "engine"
        directory.mkdir(exist_ok=True)

        def used(count):
            process = subprocess.Popen(
                [ROOT / ".build-release" / "release" / "image-variants", self.source, directory, str(count)],
                stdout=subprocess.DEVNULL,
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                raise SystemExit("bench-pipeline: image-variants failed")
            return usage.ru_utime + usage.ru_stime

        # Without the time that the libraries take to start.
        return (used(times + 1) - used(1)) / times


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main():
    jobs, rounds = int(sys.argv[1]), int(sys.argv[2])
    if not (ROOT / "bin" / "supervisor").exists():
        raise SystemExit("bench-pipeline: bin/supervisor is missing; run make build first")
    with tempfile.TemporaryDirectory(prefix="bench-pipeline.") as name:
        bench = Bench(pathlib.Path(name), jobs)
        # A tree without workers lends both sides its broker.
        idle = ",".join(f"{stage}.{kind}=0" for stage in STAGES for kind in ("image", "video"))
        keeper, run_file = bench.supervisor("broker", {"WORKERS": idle})
        try:
            url = run_file["brokerURL"]
            engine = bench.engine_seconds()
            pairs = [(bench.ours(url, 1), bench.celery(url, 1)) for _ in range(rounds)]
            scaled = {workers: (bench.ours(url, workers), bench.celery(url, workers)) for workers in (2, 4)}
        finally:
            stop(keeper)
    print(f"{jobs} image jobs of 160x120, four variants each; "
          f"median of {rounds} runs in turn, {os.cpu_count()} processors")
    for index, (word, unit, scale) in enumerate([("throughput", "jobs/s", 1), ("CPU", "ms/job", 1000)]):
        ours, theirs = (statistics.median(pair[side][index] for pair in pairs) * scale for side in (0, 1))
        ratios = sorted(pair[0][index] / pair[1][index] for pair in pairs)
        print(f"{word:10} {unit:7} ours {ours:8.2f}   Celery {theirs:8.2f}   "
              f"ours/Celery {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    total = statistics.median(pair[0][1] for pair in pairs)
    print(f"own CPU    ms/job  {(total - engine) * 1000:.2f} "
          f"(all {total * 1000:.2f}, of it the image engine {engine * 1000:.2f})")
    base = statistics.median(pair[0][0] for pair in pairs)
    for workers, (ours, theirs) in scaled.items():
        print(f"{workers} workers for each stage: ours {ours[0]:.1f} jobs/s ({ours[0] / base:.2f} of one worker's), "
              f"{ours[1] * 1000:.2f} ms/job; Celery {theirs[0]:.1f} jobs/s, {theirs[1] * 1000:.2f} ms/job")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Reads the `updates` queues as a client does, and checks what they promise.

    updates_reader.py URL DIRECTORY QUEUE...

It is written with pika, so that no code of the product reads for it. It goes on over deaths of the broker.
DIRECTORY/ends gets a line "JOB<tab>STATUS" for each terminal update that is news; DIRECTORY/updates.jsonl gets all
updates. At SIGTERM, or the end of its parent, it reads the rest, writes DIRECTORY/summary.json, and exits, with 1 if a
promise was broken:

- progress never goes backwards,
- nothing comes after the terminal update,
- there is one terminal update for each job.

An update with `refused` is about a message that was not taken, not about a job's progress or end; it is listed apart.

A broker that dies may deliver an acknowledged message again, and so may the product with a terminal update whose commit
went unanswered. Such a repeat is byte for byte the same. Repeats break no promise here; those of terminal updates are
listed, with whether both came over one connection, because then no death of the broker lies between the two deliveries.
"""

import json
import os
import signal
import sys
import time

import pika
from pika.exceptions import AMQPError

FAILURES = (AMQPError, OSError)


class Job:
    def __init__(self):
        self.bodies = {}
        self.progress = -1
        self.end = None


class Reader:
    def __init__(self, directory):
        self.jobs = {}
        self.violations = []
        self.refusals = []
        self.repeats = []
        self.repeated_progress = 0
        self.messages = 0
        self.connection_number = 0
        self.ends = open(os.path.join(directory, "ends"), "a", buffering=1)
        self.log = open(os.path.join(directory, "updates.jsonl"), "a", buffering=1)

    def note(self, body, redelivered):
        self.messages += 1
        number = self.connection_number
        try:
            update = json.loads(body)
            name, status = update["job_id"], update["status"]
            progress = int(update["progress"])
        except (ValueError, KeyError, TypeError) as error:
            self.violations.append(f"no update: {error}: {body[:200]!r}")
            return
        self.log.write(json.dumps([number, redelivered, update]) + "\n")
        if update.get("refused") is True:
            self.refusals.append(name)
            return
        job = self.jobs.setdefault(name, Job())
        is_end = status != "processing"
        if body in job.bodies:
            if is_end:
                same = job.bodies[body] == number
                self.repeats.append({"job": name, "same_connection": same, "redelivered": redelivered})
            else:
                self.repeated_progress += 1
            return
        job.bodies[body] = number
        if job.end is not None:
            what = "a second, different end" if is_end else "an update after the end"
            self.violations.append(f"{name}: {what}: {status} {update.get('current_step')} after {job.end}")
        if progress < job.progress:
            self.violations.append(f"{name}: progress went from {job.progress} back to {progress}")
        job.progress = max(job.progress, progress)
        if is_end and job.end is None:
            job.end = status
            self.ends.write(f"{name}\t{status}\n")

    def summary(self):
        return {
            "messages": self.messages,
            "connections": self.connection_number,
            "jobs": len(self.jobs),
            "ends": {name: job.end for name, job in self.jobs.items() if job.end is not None},
            "refusals": self.refusals,
            "repeats": self.repeats,
            "repeated_progress": self.repeated_progress,
            "violations": self.violations,
        }


class Stop:
    def __init__(self):
        self.parent = os.getppid()
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.ask)

    def ask(self, *_):
        self.asked = True

    @property
    def is_wanted(self):
        return self.asked or os.getppid() != self.parent


def read(url, queues, reader, stop):
    """One connection. Returns when all is read and the end is wanted."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = 10
    parameters.blocked_connection_timeout = None
    connection = pika.BlockingConnection(parameters)
    reader.connection_number += 1
    channel = connection.channel()
    channel.basic_qos(prefetch_count=100)
    last = time.monotonic()

    def take(_, deliver, __, body):
        nonlocal last
        last = time.monotonic()
        reader.note(body, deliver.redelivered)
        channel.basic_ack(deliver.delivery_tag)

    for queue in queues:
        channel.queue_declare(queue, durable=True)
        channel.basic_consume(queue, take)
    while True:
        connection.process_data_events(time_limit=0.1)
        if stop.is_wanted and time.monotonic() - last > 1:
            if all(channel.queue_declare(queue, passive=True).method.message_count == 0 for queue in queues):
                connection.close()
                return


def main():
    url, directory, *queues = sys.argv[1:]
    stop, reader = Stop(), Reader(directory)
    while True:
        try:
            read(url, queues, reader, stop)
            break
        except FAILURES as error:
            print(f"connection {reader.connection_number} ended: {error!r}", file=sys.stderr, flush=True)
            if os.getppid() != stop.parent:
                break
            time.sleep(0.2)
    summary = reader.summary()
    with open(os.path.join(directory, "summary.json"), "w") as file:
        json.dump(summary, file, indent=1)
    return 1 if reader.violations else 0


if __name__ == "__main__":
    sys.exit(main())

"""The four stages of an image job as Celery tasks, with pyvips for the pictures: the work of an afternoon.

They are as safe as Celery makes them without more code: late acknowledgement, one message at a time, persistent
messages, confirmed publishing. Nothing is written through to the disk (no fsync), no file is tracked, and a task that
runs twice does everything again; the media processor does these too in the same time.
"""
import os
import shutil

import pyvips
from celery import Celery

SIDES = {"180p": 180, "360p": 360, "720p": 720, "1080p": 1080}
SOURCES, TEMP, STORE = (os.environ[f"BENCH_{name}"] for name in ("SOURCES", "TEMP", "STORE"))
UPDATES = "bench.celery.updates"

app = Celery("stages", broker=os.environ["BENCH_BROKER"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
    task_routes={name: {"queue": f"bench.celery.{name}"} for name in ("download", "process", "upload", "cleanup")},
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
)


def update(job, status, step):
    with app.producer_or_acquire(None) as producer:
        producer.publish(
            {"job_id": job["id"], "media_id": job["mediaId"], "status": status, "current_step": step},
            exchange="", routing_key=UPDATES, delivery_mode=2,
        )


@app.task(name="download")
def download(job):
    update(job, "processing", "downloading_image")
    directory = os.path.join(TEMP, job["id"])
    os.makedirs(directory, exist_ok=True)
    job["path"] = os.path.join(directory, "source")
    shutil.copyfile(os.path.join(SOURCES, job["s3Key"]), job["path"])
    update(job, "processing", "download_complete_image")
    return job


@app.task(name="process")
def process(job):
    update(job, "processing", "processing_image")
    job["outputs"] = []
    for quality, side in SIDES.items():
        picture = pyvips.Image.thumbnail(job["path"], side, height=side, size="down", export_profile="srgb")
        path = os.path.join(os.path.dirname(job["path"]), f"{quality}.jpg")
        picture.jpegsave(path, Q=82, strip=True)
        job["outputs"].append({"quality": quality, "path": path, "width": picture.width, "height": picture.height})
    update(job, "processing", "processing_complete_image")
    return job


@app.task(name="upload")
def upload(job):
    update(job, "processing", "uploading_results_image")
    for output in job["outputs"]:
        key = f"images/{job['mediaId']}_{output['quality']}.jpg"
        target = os.path.join(STORE, key)
        shutil.copyfile(output["path"], target + ".part")
        os.rename(target + ".part", target)
        output["s3Key"] = key
    update(job, "processing", "upload_complete_image")
    return job


@app.task(name="cleanup")
def cleanup(job):
    shutil.rmtree(os.path.dirname(job["path"]))
    update(job, "completed", "cleanup_complete_image")

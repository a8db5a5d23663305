"""The measurements of scripts/bench-media: our engines beside ffmpeg and pyvips.

Each round runs every command once, in turn and with another one first. Processor time is that of the whole process, its
start included, unless a line says otherwise. Ratios are medians of those of the rounds, with the smallest and largest.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

rounds = int(sys.argv[1])
root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
release = f"{root}/.build-release/release"
scratch = tempfile.mkdtemp(prefix="media-processor-bench-media-")
patience = 600  # seconds, only against hanging

# As the profile of the engine says. Each rendition is scaled from the next larger one, as ours are: that is the
# cheapest way for ffmpeg as well.
ladder = [("720p", 1280, 720, 2500), ("540p", 960, 540, 1500), ("360p", 640, 360, 800)]
variants = [1080, 720, 360, 180]
image_times = 10


class Measure:
    def __init__(self, wall, cpu, peak, words):
        self.wall, self.cpu, self.peak, self.words = wall, cpu, peak, words


def measure(*commands):
    """Runs commands one after the other; their time together, and the largest peak of memory."""
    wall = cpu = peak = 0
    words = b""
    for command in commands:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        words = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"{command} ended with {status}")
        wall += time.perf_counter() - start
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss * 1024)
    return Measure(wall, cpu, peak, words)


def in_turn(sides):
    """The measures of each side, by its name."""
    names = list(sides)
    measures = {name: [] for name in names}
    for number in range(rounds):
        for name in names[number % len(names):] + names[:number % len(names)]:
            measures[name].append(sides[name]())
    return measures


def ratio(own, other, key):
    each = [getattr(a, key) / getattr(b, key) for a, b in zip(own, other)]
    return f"{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})"


def middle(measures, key):
    return statistics.median(getattr(one, key) for one in measures)


def tell(measures, key, unit, scale=1):
    return ", ".join(f"{name} {middle(each, key) / scale:.2f} {unit}" for name, each in measures.items())


def x264(kbits):
    return ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-maxrate", f"{kbits}k", "-bufsize",
            f"{2 * kbits}k", "-sc_threshold", "0", "-flags", "+cgop", "-force_key_frames", "expr:gte(t,n_forced*2)"]


ffmpeg = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y"]


def output(name, kbits):
    return [*x264(kbits), "-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart", f"{scratch}/{name}.mp4"]


def one_pass(source):
    graph = (
        "[0:v]scale=1280:720:flags=bicubic,format=yuv420p,split=2[v0][c0];"
        "[c0]scale=960:540:flags=bicubic,split=2[v1][c1];[c1]scale=640:360:flags=bicubic[v2]"
    )
    command = [*ffmpeg, "-i", source, "-filter_complex", graph]
    for index, (name, _, _, kbits) in enumerate(ladder):
        command += ["-map", f"[v{index}]", "-map", "0:a", *output(name, kbits)]
    return command


def one_for_each(source):
    return [[*ffmpeg, "-i", source, "-vf", f"scale={width}:{height}:flags=bicubic,format=yuv420p",
             *output(name, kbits)] for name, width, height, kbits in ladder]


def ours(source, *what):
    directory = tempfile.mkdtemp(dir=scratch)
    try:
        return measure([f"{release}/video-ladder", source, directory, *what])
    finally:
        shutil.rmtree(directory)


def bench_video(source):
    sides = {
        "ours": lambda: ours(source, "all"),
        "ffmpeg, one pass": lambda: measure(one_pass(source)),
        "one ffmpeg for each": lambda: measure(*one_for_each(source)),
    }
    measures = in_turn(sides)
    own = measures["ours"]
    print("\n20 s of 1080p30 to three renditions; ours also makes the original and thumbnails")
    for key, word in [("cpu", "CPU"), ("wall", "wall")]:
        print(f"  {word}: {tell(measures, key, 's')}")
        for name in list(sides)[1:]:
            print(f"    ours of that of {name}: {ratio(own, measures[name], key)}", flush=True)


def bench_bound(source):
    """What nobody can do without: the source is decoded once, and x264 makes each rendition of ready pictures."""
    raw = {}
    for name, width, height, _ in ladder:
        raw[name] = f"{scratch}/{name}.y4m"
        measure([*ffmpeg, "-i", source, "-an", "-vf", f"scale={width}:{height}:flags=bicubic,format=yuv420p",
                 "-f", "yuv4mpegpipe", raw[name]])
    bound = [[*ffmpeg, "-i", source, "-an", "-f", "null", "-"]]
    bound += [[*ffmpeg, "-i", raw[name], *x264(kbits), "-f", "null", "-"] for name, _, _, kbits in ladder]
    sides = {"ours": lambda: ours(source), "decoding and x264 alone": lambda: measure(*bound)}
    measures = in_turn(sides)
    print("\nthe renditions alone, and the bound: decoding once, and x264 from files of raw pictures")
    print(f"  CPU: {tell(measures, 'cpu', 's')}")
    print(f"    ours of the bound: {ratio(measures['ours'], measures['decoding and x264 alone'], 'cpu')}", flush=True)
    for path in raw.values():
        os.unlink(path)


def bench_memory():
    source = f"{scratch}/4k.mp4"
    measure([*ffmpeg, "-f", "lavfi", "-i", "testsrc2=s=3840x2160:r=30:d=3", "-f", "lavfi", "-i", "sine=d=3", "-c:v",
             "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", source])
    sides = {"ours": lambda: ours(source), "ffmpeg, one pass": lambda: measure(one_pass(source))}
    measures = in_turn(sides)
    print("\npeak memory, 3 s of 2160p30 to three renditions")
    print(f"  {tell(measures, 'peak', 'MB', 1e6)}")
    print(f"    ours of that of ffmpeg: {ratio(measures['ours'], measures['ffmpeg, one pass'], 'peak')}", flush=True)


pyvips_cascade = """
import resource, sys, pyvips
def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
def run():
    first, *rest = [int(side) for side in sys.argv[2].split(",")]
    picture = pyvips.Image.thumbnail(sys.argv[1], first, height=first, size="down", export_profile="srgb")
    picture = picture.copy_memory()
    picture.jpegsave_buffer(Q=82, strip=True)
    for side in rest:
        picture = picture.thumbnail_image(side, height=side, size="down").copy_memory()
        picture.jpegsave_buffer(Q=82, strip=True)
run()
before = cpu()
for _ in range(int(sys.argv[3])):
    run()
print(cpu() - before)
"""


def bench_image(source):
    """The calls alone: without the start of a process, and without the first call."""
    def own():
        directory = tempfile.mkdtemp(dir=scratch)
        try:
            return calls(measure([f"{release}/image-variants", source, directory, str(image_times)]))
        finally:
            shutil.rmtree(directory)

    def calls(found):
        found.cpu = float(found.words.split()[-1]) / image_times
        return found

    arguments = [sys.executable, "-c", pyvips_cascade, source, ",".join(map(str, variants)), str(image_times)]
    measures = in_turn({"ours": own, "pyvips": lambda: calls(measure(arguments))})
    print("\na JPEG of 12 megapixels to four variants, the calls alone")
    print(f"  CPU: {tell(measures, 'cpu', 's')}")
    print(f"    ours of that of pyvips: {ratio(measures['ours'], measures['pyvips'], 'cpu')}", flush=True)


try:
    subprocess.run([f"{root}/scripts/make-samples", scratch], check=True, stdout=subprocess.DEVNULL, timeout=patience)
    print(f"{rounds} rounds, {os.cpu_count()} processors")
    bench_video(f"{scratch}/sample-video.mp4")
    bench_bound(f"{scratch}/sample-video.mp4")
    bench_memory()
    bench_image(f"{scratch}/sample-photo.jpg")
finally:
    shutil.rmtree(scratch)

/// Arguments of `ffmpeg` for sources.

func pattern(_ size: String, seconds: Double, rate: String = "30") -> [String] {
    ["-f", "lavfi", "-i", "testsrc2=s=\(size):r=\(rate):d=\(seconds)"]
}

func tone(seconds: Double, rate: Int = 48_000) -> [String] {
    ["-f", "lavfi", "-i", "sine=440:d=\(seconds):r=\(rate)"]
}

let h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]

/// Four coloured quarters: red, green, blue, white.
func quarters(_ size: String) -> [String] {
    let boxes = [("lime", "iw/2", "0"), ("blue", "0", "ih/2"), ("white", "iw/2", "ih/2")]
        .map { "drawbox=c=\($0.0):x=\($0.1):y=\($0.2):w=iw/2:h=ih/2:t=fill" }
    let filter = "color=red:s=\(size):r=25:d=1,format=rgb24," + boxes.joined(separator: ",")
    return ["-f", "lavfi", "-i", filter]
}

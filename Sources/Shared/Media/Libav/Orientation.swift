import CFFmpeg

/// The steps that turn a stored picture upright: first it is transposed or not, then mirrored along either axis. All
/// eight symmetries of a rectangle can be written like this.
struct Orientation: Hashable, Sendable {
    var isTransposed = false
    /// Left and right change places.
    var mirrorsX = false
    /// Top and bottom change places.
    var mirrorsY = false

    static let upright = Orientation()

    /// From a display matrix (libavutil/display.h): x' = a·x + c·y, y' = b·x + d·y. Other angles than quarter turns are
    /// taken to the nearest one.
    init(matrix: UnsafePointer<Int32>) {
        let (a, b, c, d) = (Int64(matrix[0]), Int64(matrix[1]), Int64(matrix[3]), Int64(matrix[4]))
        if abs(a) + abs(d) >= abs(b) + abs(c) {
            self.init(mirrorsX: a < 0, mirrorsY: d < 0)
        } else {
            self.init(isTransposed: true, mirrorsX: c < 0, mirrorsY: b < 0)
        }
    }

    init(isTransposed: Bool = false, mirrorsX: Bool = false, mirrorsY: Bool = false) {
        self.isTransposed = isTransposed
        self.mirrorsX = mirrorsX
        self.mirrorsY = mirrorsY
    }

    /// The orientation of a stream, from its side data.
    init(stream: UnsafePointer<AVStream>) {
        var size = 0
        guard let data = shim_stream_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size), size >= 9 * 4 else {
            self.init()
            return
        }
        self = data.withMemoryRebound(to: Int32.self, capacity: 9) { Orientation(matrix: $0) }
    }

    /// Clockwise turn, after the mirroring that `isMirrored` tells of.
    var rotationDegrees: Int {
        switch (isTransposed, mirrorsX, mirrorsY) {
        case (false, _, _): mirrorsY ? 180 : 0
        case (true, true, _): 90
        case (true, false, _): 270
        }
    }

    /// True when no turn alone makes the picture upright.
    var isMirrored: Bool {
        isTransposed ? mirrorsX == mirrorsY : mirrorsX != mirrorsY
    }

    func applied(to size: PictureSize) -> PictureSize {
        isTransposed ? size.transposed : size
    }
}

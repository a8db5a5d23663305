/// Whether and when temp files of waiting jobs are moved to an object store.
package struct SpillSettings: SettingsGroup {
    package static let section = "Files"

    /// nil: nothing is spilled.
    package let spillURL: String?
    /// 0: not by age.
    package let spillAfterMinutes: Double
    /// 0: not for want of room.
    package let spillAbovePercent: Double
    package let spillMinimumBytes: Int64
    package let spillParallel: Int
    /// 0: folders of other hosts are left alone.
    package let spillForeignHours: Double

    private static let name = "SPILL_URL"

    package init(_ read: SettingsReader) {
        spillURL = read(
            SettingKey(
                Self.name,
                .optional(.url),
                default: nil,
                documented: "none",
                "Where temp files of waiting jobs are moved to: a directory (`file:///mnt/spill`), or a bucket with a "
                    + "prefix (`s3://bucket/spill?endpoint=…&region=…`), with the credentials of STORAGE_URL. Several "
                    + "hosts may have the same. None: no file is moved."
            )
        )
        spillAfterMinutes = read(
            SettingKey(
                "SPILL_AFTER_MINUTES",
                .number(0...525_600, zero: "not by age"),
                unit: "minutes",
                default: 0,
                "With SPILL_URL: temp files of a job that waits longer than this for its next stage are moved there "
                    + "until it begins."
            )
        )
        spillAbovePercent = read(
            SettingKey(
                "SPILL_ABOVE_PERCENT",
                .number(0...100, zero: "never"),
                unit: "per cent",
                default: 90,
                "With SPILL_URL: while jobs wait for room, or more than this share of TEMP_MAX_BYTES is promised, temp "
                    + "files of jobs that have waited for 10 s are moved there."
            )
        )
        spillMinimumBytes = read(
            SettingKey(
                "SPILL_MIN_BYTES",
                .integer(1...(1 << 42)),
                unit: "bytes",
                default: 16_777_216,
                "A smaller temp file stays where it is."
            )
        )
        spillParallel = read(
            SettingKey(
                "SPILL_PARALLEL",
                .integer(1...16),
                default: 2,
                "Jobs whose temp files are moved at a time."
            )
        )
        spillForeignHours = read(
            SettingKey(
                "SPILL_FOREIGN_HOURS",
                .number(0...87_600, zero: "never"),
                unit: "hours",
                default: 720,
                "A spilled object of another host, which nobody may know any more, is an orphan once it is older than "
                    + "this. Must be longer than a job may wait on any host that has the same SPILL_URL."
            )
        )
    }

    /// Looks where the spilled files would lie beside all else.
    ///
    /// - Parameter workspace: absolute path of the temp files.
    func check(_ read: SettingsReader, storageURL: String, workspace: String) {
        guard let spillURL else { return }
        let (spill, storage) = (Self.place(spillURL), Self.place(storageURL))
        if spill.elementsEqual(storage) {
            read.refuse(Self.name, "it is STORAGE_URL; spilled files need a prefix, or a directory, of their own")
        } else if Self.isBeneath(storage, spill) {
            read.refuse(
                Self.name,
                "STORAGE_URL lies beneath it, so outputs would lie among spilled files; take another prefix or "
                    + "directory, such as one beside it"
            )
        }
        let local = Array("file://\(workspace)".utf8)
        if spill.elementsEqual(local) || Self.isBeneath(spill, local) {
            read.refuse(Self.name, "it lies in the workspace of temp files, \(workspace), where nothing else may be")
        }
        if spillURL.utf8.contains(UInt8(ascii: "#")) { read.refuse(Self.name, "it has a `#`") }
    }

    /// Without the parameters and slashes at its end.
    private static func place(_ url: String) -> [UInt8] {
        var bytes = Array(url.utf8.prefix { $0 != UInt8(ascii: "?") })
        while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        return bytes
    }

    private static func isBeneath(_ place: [UInt8], _ other: [UInt8]) -> Bool {
        place.starts(with: other + [UInt8(ascii: "/")])
    }
}

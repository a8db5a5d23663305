internal import CLinux
internal import Glibc

/// The features of this kernel, each tried out.
struct KernelFeatures: Sendable, Equatable {
    /// Such as `6.1.0-32-amd64`.
    var release: String
    var hasOpenat2: Bool
    var hasProcessDescriptors: Bool
    var hasFileDescriptionLocks: Bool
    var hasParentDeathSignal: Bool
    /// nil where there is no Landlock.
    var landlockVersion: Int?

    static func present() -> KernelFeatures {
        var system = utsname()
        uname(&system)
        let release = withUnsafeBytes(of: &system.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let landlock = clinux_landlock_abi()
        return KernelFeatures(
            release: release,
            hasOpenat2: opens { clinux_openat2(AT_FDCWD, ".", directoryFlags, 0, clinux_resolve_beneath) },
            hasProcessDescriptors: opens { clinux_pidfd_open(getpid()) },
            hasFileDescriptionLocks: locks(),
            hasParentDeathSignal: clinux_parent_death_signal() >= 0,
            landlockVersion: landlock > 0 ? Int(landlock) : nil
        )
    }

    private static let directoryFlags = UInt64(O_RDONLY | O_DIRECTORY | O_CLOEXEC)

    private static func opens(_ body: () -> CInt) -> Bool {
        let descriptor = body()
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }

    private static func locks() -> Bool {
        let file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return clinux_is_locked_elsewhere(file) >= 0
    }
}

/// Verdicts on the kernel. Pure.
enum KernelChecks {
    static func findings(_ kernel: KernelFeatures) -> [Finding] {
        func needed(_ check: String, _ isThere: Bool, _ purpose: String, since version: String) -> Finding {
            isThere
                ? .ok(check, "there")
                : .failure(
                    check,
                    "missing in kernel \(kernel.release); \(purpose)",
                    "use Linux \(version) or later, and a seccomp profile of the container that allows it"
                )
        }
        return [
            needed("kernel.openat2", kernel.hasOpenat2, "temp files are only reached through it", since: "5.6"),
            needed("kernel.pidfd", kernel.hasProcessDescriptors, "processes are watched through it", since: "5.3"),
            needed(
                "kernel.ofd-locks",
                kernel.hasFileDescriptionLocks,
                "the leases of jobs are such locks",
                since: "3.15"
            ),
            needed(
                "kernel.parent-death-signal",
                kernel.hasParentDeathSignal,
                "without it children could outlive the tree",
                since: "2.6"
            ),
            landlock(kernel.landlockVersion),
        ]
    }

    private static func landlock(_ version: Int?) -> Finding {
        guard let version else {
            return .warning(
                "kernel.landlock",
                "missing, so media code cannot be confined to its files",
                "use Linux 5.13 or later, with `landlock` in /sys/kernel/security/lsm"
            )
        }
        return .ok("kernel.landlock", "interface version \(version)")
    }
}

internal import CLinux
internal import Glibc
internal import JobModel
internal import Settings

/// Verdicts on this machine and the limits that it sets this user.
enum HostChecks {
    static func findings(workers: WorkerCounts) -> [Finding] {
        var limit = rlimit()
        let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        let count = PoolName.all.reduce(0) { $0 + workers[$1] }
        return [
            openFiles(limit: isKnown ? UInt64(limit.rlim_cur) : nil, workers: count),
            clock(isSynchronized: clinux_clock_is_synchronized() != 0, secondsSince1970: Int64(time(nil))),
        ]
    }

    /// - Parameter runAs: of the settings; as root the doctor has become that user already.
    static func user(_ userID: uid_t, runAs: RunAs?) -> Finding {
        let check = "user"
        guard userID != 0 else {
            return .warning(
                check,
                "root, so a flaw in a media library would be one with all rights",
                "set RUN_AS to a user of its own, or User= in the unit"
            )
        }
        return .ok(check, "\(userID)" + (runAs.map { " (RUN_AS=\($0))" } ?? ""))
    }

    /// The supervisor holds some descriptors for each worker, and the status server one for each request.
    static func openFiles(limit: UInt64?, workers: Int) -> Finding {
        let check = "limits.open-files"
        guard let limit else { return .warning(check, "the system does not tell the limit", "see `ulimit -n`") }
        let needed = UInt64(512 + 8 * workers)
        guard limit < needed else { return .ok(check, "\(limit)") }
        return .warning(
            check,
            "\(limit), and \(workers) workers may need \(needed)",
            "raise it: `ulimit -n 4096`, or LimitNOFILE=4096 in the unit"
        )
    }

    /// 2025-01-01: a machine whose clock is before that has none.
    private static let earliestSeconds: Int64 = 1_735_689_600

    static func clock(isSynchronized: Bool, secondsSince1970: Int64) -> Finding {
        if secondsSince1970 < earliestSeconds {
            return .failure(
                "clock",
                "it is set to a time in the past",
                "set it; TLS certificates and message times depend on it"
            )
        }
        guard isSynchronized else {
            return .warning(
                "clock",
                "nothing keeps it right",
                "run a time service such as systemd-timesyncd or chrony, on the host if this is a container"
            )
        }
        return .ok("clock", "synchronised")
    }

    /// - Parameter stranger: the user of a tree that may run, when its run file is not for this user.
    static func port(
        _ port: Int,
        address: String = "127.0.0.1",
        running: RunFile?,
        stranger: uid_t? = nil
    ) -> Finding {
        let check = "port"
        if let running {
            let place = ListenFailure.place(running.address ?? address, running.port)
            return .ok(check, "\(place) is the running supervisor's")
        }
        if port == 0 { return .ok(check, "any free one will be taken") }
        guard let failure = ListenFailure.trying(address, port) else {
            return .ok(check, "\(ListenFailure.place(address, port)) is free")
        }
        if let stranger, PortOwner.find(port)?.userID == stranger {
            return .warning(
                check,
                "\(failure.place): \(failure.cause), most likely the supervisor of that user",
                "if it is another's, \(failure.remedy)"
            )
        }
        return .failure(check, "\(failure.place): \(failure.cause)", failure.remedy)
    }
}

import Testing

@testable import Settings

@Suite("Words that are nearly ours")
struct SpellingTests {
    @Test(
        "are a slip away, counted in letters that are wrong, missing, too many or in each other's place",
        arguments: [("", "", 0), ("a", "", 1), ("status", "stauts", 1), ("kitten", "sitting", 3), ("port", "sort", 1)]
    )
    func slips(_ left: String, _ right: String, _ count: Int) {
        #expect(Spelling.slips(Array(left.utf8), Array(right.utf8)) == count)
        #expect(Spelling.slips(Array(right.utf8), Array(left.utf8)) == count)
    }

    @Test("are found, and others are not")
    func nearest() {
        let known = ["run", "status", "submit", "scale"]
        #expect(Spelling.nearest("statsu", among: known) == "status")
        #expect(Spelling.nearest("rnu", among: known) == "run")
        for other in ["", "x", "stop", "restart", String(repeating: "s", count: 10_000)] {
            #expect(Spelling.nearest(other, among: known) == nil)
        }
    }

    @Test("among the variables are told, and what machines set for others is not")
    func variables() {
        let slips = Settings.misspellings(in: [
            "RABBITMQ_URI": "x", "TEMPDIR": "x", "STORAGE_URI": "x", "LOGDIR": "x", "temp_dir": "x", "WORKER": "1",
            "AMQP_URL": "x",
        ])
        #expect(
            slips.map(\.meant) == [
                "RABBITMQ_URL", "LOG_DIR", "RABBITMQ_URL", "STORAGE_URL", "TEMP_DIR", "WORKERS", "TEMP_DIR",
            ]
        )
        let foreign = [
            "PATH", "HOME", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "PWD", "SHELL", "TERM", "USER", "LOGNAME",
            "HOSTNAME",
            "SHLVL", "OLDPWD", "DISPLAY", "EDITOR", "MAIL", "NOTIFY_SOCKET", "JOURNAL_STREAM", "INVOCATION_ID",
            "LISTEN_FDS",
            "LISTEN_PID", "WATCHDOG_USEC", "MEMORY_PRESSURE_WATCH", "STATE_DIRECTORY", "LOGS_DIRECTORY",
            "RUNTIME_DIRECTORY",
            "CACHE_DIRECTORY", "CREDENTIALS_DIRECTORY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "NO_COLOR", "CI",
            "KUBERNETES_PORT", "KUBERNETES_SERVICE_PORT", "KUBERNETES_SERVICE_HOST", "SSH_AUTH_SOCK", "SSL_CERT_DIR",
            "RABBITMQ_NODENAME", "RABBITMQ_NODE_PORT", "RABBITMQ_BASE", "RABBITMQ_LOGS", "RABBITMQ_LOG_BASE",
            "RABBITMQ_CONFIG_FILE", "RABBITMQ_HOME", "RABBITMQ_MNESIA_DIR", "RABBITMQ_SERVER_ERL_ARGS",
            "RABBITMQ_USE_LONGNAME",
            "RABBITMQ_CTL_ERL_ARGS", "RABBITMQ_PID_FILE", "RABBITMQ_ENABLED_PLUGINS_FILE", "VIPS_CONCURRENCY",
            "MALLOC_ARENA_MAX",
        ]
        #expect(Settings.misspellings(in: Dictionary(uniqueKeysWithValues: foreign.map { ($0, "x") })).isEmpty)
        // A broker's other name beside ours is somebody else's.
        #expect(Settings.misspellings(in: ["AMQP_URL": "x", "RABBITMQ_URL": "y"]).isEmpty)
    }
}

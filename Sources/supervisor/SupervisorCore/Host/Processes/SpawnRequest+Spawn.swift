internal import CLinux
internal import Glibc

extension SpawnRequest {
    /// Starts the program in a process group of its own, with no signal blocked or ignored.
    ///
    /// The parent-death signal of a child follows the thread that spawned it: call this on a thread that lives as long
    /// as the child may.
    func spawn() throws(SpawnError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Our descriptors first move out of the way of the child's numbers, or one `dup2` could close the source of the
        // next.
        var moved: [CInt] = []
        defer { for descriptor in moved { close(descriptor) } }
        func arrange(_ descriptor: CInt, as number: CInt) throws(SpawnError) {
            let source = fcntl(descriptor, F_DUPFD_CLOEXEC, 64)
            guard source >= 0 else { throw SpawnError(executable: executable, errno: errno) }
            moved.append(source)
            posix_spawn_file_actions_adddup2(&actions, source, number)
        }
        if let standardInput {
            try arrange(standardInput, as: STDIN_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        }
        if let standardOutput { try arrange(standardOutput, as: STDOUT_FILENO) }
        if let standardError { try arrange(standardError, as: STDERR_FILENO) }
        for (number, descriptor) in descriptors { try arrange(descriptor, as: number) }
        // The child gets the descriptors of the request and no others. Ours are close-on-exec from the start; those of
        // libraries are not all (the HTTP server's listening socket would stay in every worker and keep the port taken
        // after this process), nor are those that our own parent left open.
        let last = max(descriptors.keys.max() ?? STDERR_FILENO, STDERR_FILENO)
        for number in stride(from: STDERR_FILENO + 1, through: last, by: 1) where descriptors[number] == nil {
            posix_spawn_file_actions_addclose(&actions, number)
        }
        clinux_close_in_child(&actions, last + 1)
        if let workingDirectory { clinux_change_directory_in_child(&actions, workingDirectory) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var everySignal = sigset_t()
        var noSignal = sigset_t()
        sigfillset(&everySignal)
        sigemptyset(&noSignal)
        posix_spawnattr_setsigdefault(&attributes, &everySignal)
        posix_spawnattr_setsigmask(&attributes, &noSignal)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP)
        )

        var arguments = ([executable] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in arguments + variables { free(pointer) } }
        var processID: pid_t = 0
        let failure = posix_spawn(&processID, executable, &actions, &attributes, &arguments, &variables)
        guard failure == 0 else { throw SpawnError(executable: executable, errno: failure) }
        return processID
    }
}

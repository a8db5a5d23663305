internal import Glibc

/// The directory that the actions have names of.
enum HostilePlace {
    /// Puts back what an action may have changed.
    static func prepare() {
        for name in ["moved", "new"] {
            unlink(name)
            rmdir(name)
        }
        let victim = open("victim", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        if victim >= 0 {
            _ = write(victim, "precious", 8)
            fchmod(victim, 0o600)
            close(victim)
        }
        mkdir("directory", 0o700)
    }
}

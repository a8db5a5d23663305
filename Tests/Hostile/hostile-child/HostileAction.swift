internal import CHostile
internal import Glibc

/// One thing to try.
struct HostileAction {
    let name: String
    let worksOutside: Bool
    private let action: hostile_action

    static var all: [HostileAction] {
        var found: [HostileAction] = []
        var topic: CInt = 0
        while var next = hostile_actions(topic) {
            while let name = next.pointee.name {
                found.append(
                    HostileAction(
                        name: String(cString: name),
                        worksOutside: next.pointee.works_outside != 0,
                        action: next.pointee
                    )
                )
                next = next.advanced(by: 1)
            }
            topic += 1
        }
        return found
    }

    /// - Returns: the errno of what was refused, or 0.
    func attempt() -> Int32 {
        errno = 0
        var action = action
        let result = hostile_attempt(&action)
        return result == -1 ? max(errno, 1) : 0
    }
}

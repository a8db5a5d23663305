import Foundation
import Glibc
import Sandbox
import TestSupport
import Testing

/// A child in the sandbox tries to get out, by the same fork and the same sandbox as the media engine's.
struct HostileChildTests {
    /// The errors by which layers refuse. Others would mean that the kernel took the call and found its arguments
    /// wrong.
    private static let refusals: Set<Int32> = [EPERM, EACCES, ENOSYS, EBADF, ENOMEM, EFBIG, EMFILE]

    @Test func nothingOfWhatItTriesSucceeds() async throws {
        let place = try HostileRun()
        let outcomes = try await place.run(["all"])
        #expect(outcomes.count >= 200)
        for (name, outcome) in outcomes {
            switch outcome {
            case .refused(let number): #expect(Self.refusals.contains(number), "\(name): \(outcome)")
            case .killed(let signal): #expect([SIGSYS, SIGXCPU, SIGKILL].contains(signal), "\(name): \(outcome)")
            case .other: Issue.record("\(name): \(outcome)")
            }
        }
        // By name, so that a change of the list cannot make the test say less.
        #expect(outcomes["a call of i386"] == .killed(SIGSYS))
        #expect(outcomes["an open of x32"] == .killed(SIGSYS))
        #expect(outcomes["clone3"] == .refused(ENOSYS))
        #expect(outcomes["memory beyond the limit"] == .refused(ENOMEM))
        #expect(outcomes["memory that becomes writable later"] == .refused(ENOMEM))
        #expect(outcomes["a disk that fills up"] == .refused(EFBIG))
        #expect(outcomes["descriptors beyond the limit"] == .refused(EMFILE))
        #expect(outcomes["processor time beyond the limit"] == .killed(SIGXCPU))
        #expect(outcomes["the same, and no signal"] == .killed(SIGKILL))
        #expect(outcomes["write to a descriptor that it has not"] == .refused(EBADF))
        #expect(try place.contents() == ["directory": nil, "given": nil, "secret": "", "victim": "precious"])
    }

    /// The actions are real: without a sandbox those that harm nobody do what they say.
    @Test func outsideTheSandboxTheySucceed() async throws {
        let outcomes = try await HostileRun().run(["outside"])
        let succeeded = outcomes.filter { $0.value == .other("succeeded") }.keys
        // A container refuses some, and so does a kernel without a feature.
        #expect(succeeded.count >= (geteuid() == 0 ? 90 : 60), "\(outcomes.filter { !succeeded.contains($0.key) })")
        #expect(succeeded.contains("openat"))
        #expect(succeeded.contains("a TCP socket"))
        #expect(succeeded.contains("clone of a process"))
    }

    /// Each layer holds without the list of system calls, which would hide that another one is missing.
    @Test(arguments: [
        ("file_system", "openat", EACCES), ("file_system", "mkdirat", EACCES), ("file_system", "truncate", EACCES),
        ("limits", "memory beyond the limit", ENOMEM), ("limits", "a disk that fills up", EFBIG),
        ("limits", "a core file", EPERM), ("descriptors", "write to a descriptor that it has not", EBADF),
        ("privileges", "chroot", EPERM), ("privileges", "mount", EPERM),
    ])
    func eachLayerHoldsAlone(layer: String, action: String, refusal: Int32) async throws {
        let state = try #require(Sandbox.stateHere())
        try #require(state.holds(SandboxLayer(rawValue: layer) ?? .limits), "\(state.missing)")
        let outcomes = try await HostileRun().run(["\(layer),descriptors", action])
        #expect(outcomes[action] == .refused(refusal))
    }

    @Test func theSandboxTellsWhichLayersHold() throws {
        let state = try #require(Sandbox.stateHere())
        for layer in SandboxLayer.allCases where layer != .network && layer != .fileSystem {
            #expect(state.holds(layer), "\(state.missing)")
        }
        #expect(state.held.count + state.missing.count == SandboxLayer.allCases.count)
    }
}

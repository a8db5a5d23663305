// A release build makes this module without the tests, and has no Testing then.
#if canImport(Testing)
    package import Testing

    /// Gives a suite a node of its own, which ``TestNode/current`` is in its tests.
    package struct OwnNode: SuiteTrait, TestScoping {
        let options: TestNode.Options

        package func provideScope(
            for test: Test,
            testCase: Test.Case?,
            performing body: @Sendable () async throws -> Void
        ) async throws {
            try await TestNode.with(options) { node in
                try await TestNode.$suiteNode.withValue(node) { try await body() }
            }
        }
    }

    extension Trait where Self == OwnNode {
        package static func ownNode(_ options: TestNode.Options = .init()) -> OwnNode { OwnNode(options: options) }
    }
#endif

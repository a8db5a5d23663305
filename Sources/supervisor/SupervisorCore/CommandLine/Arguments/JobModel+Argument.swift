internal import ArgumentParser
package import JobModel

extension MediaKind: ExpressibleByArgument {}
extension Stage: ExpressibleByArgument {}
extension JobOutcome: ExpressibleByArgument {}

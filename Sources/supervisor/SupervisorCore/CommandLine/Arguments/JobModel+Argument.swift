public import ArgumentParser
public import JobModel

extension MediaKind: ExpressibleByArgument {}
extension Stage: ExpressibleByArgument {}
extension JobOutcome: ExpressibleByArgument {}

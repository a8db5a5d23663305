public import ArgumentParser
public import JobModel

extension MediaKind: ExpressibleByArgument {}

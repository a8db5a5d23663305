/// A command line that cannot be carried out, with the reason.
struct UsageProblem: Error, Equatable, CustomStringConvertible {
    var message: String
    var description: String { message }
}

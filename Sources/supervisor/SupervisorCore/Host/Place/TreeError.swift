/// A reason why the tree cannot start or do something, with advice.
struct TreeError: Error, Equatable, CustomStringConvertible {
    var message: String
    var description: String { message }
}

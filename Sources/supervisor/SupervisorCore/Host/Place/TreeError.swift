/// What keeps the tree from starting, with what to do.
struct TreeError: Error, Equatable, CustomStringConvertible {
    var message: String
    var description: String { message }
}

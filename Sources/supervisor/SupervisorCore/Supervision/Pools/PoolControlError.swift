/// A wish for a pool that cannot be had, in a sentence.
struct PoolControlError: Error, Equatable, CustomStringConvertible {
    var message: String
    var description: String { message }
}

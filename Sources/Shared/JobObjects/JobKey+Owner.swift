internal import Digests
package import JobModel

extension JobKey {
    /// The name by which a store keeps whose an object is (`NewObject.owner`): 64 digits. Those who may read the object
    /// do not learn the id from it, which a producer may have made of anything.
    package var objectOwner: String {
        Hexadecimal.text(SHA256.digest(of: Array("\(kind.rawValue)/".utf8) + Array(id.utf8)))
    }
}

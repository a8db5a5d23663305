internal import Digests
package import JobModel

extension JobKey {
    /// The name by which a store keeps whose an object is (`NewObject.owner`): 64 digits. It does not tell the id, which
    /// a producer may have made of anything, to those who may read the object.
    package var objectOwner: String {
        Hexadecimal.text(SHA256.digest(of: Array("\(kind.rawValue)/".utf8) + Array(id.utf8)))
    }
}

/// The product's version, as `/info` and `--version` show it.
package enum Version {
    package static let text = "0.1.0"
}

/// The product's version, as `/info` and `--version` show it.
public enum Version {
    public static let text = "0.1.0"
}

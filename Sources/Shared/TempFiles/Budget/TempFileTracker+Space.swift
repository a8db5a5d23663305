package import Files
package import JobModel
internal import Ledger

extension TempFileTracker {
    /// Bytes that can still be written to the workspace's file system.
    func availableBytes() throws(TempFileError) -> Int64 {
        try onFileSystem { () throws(FileSystemError) in try workspace.root.availableBytes() }
    }

    /// How full the workspace's file system is.
    package func space() throws(TempFileError) -> FileSystemSpace {
        try onFileSystem { () throws(FileSystemError) in try workspace.root.space() }
    }
}

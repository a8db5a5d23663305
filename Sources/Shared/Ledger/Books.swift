internal import GRDB

/// The ledger, as one transaction has it open. Each operation is a few statements; which of them belong together is
/// for the caller of ``Ledger/write(outliving:for:_:)`` to say.
package struct Books {
    let db: Database
}

extension Database {
    /// As `execute`, with a statement that is compiled once for the connection: compiling costs more than most of them
    /// do.
    func run(sql: String, arguments: StatementArguments = StatementArguments()) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }
}

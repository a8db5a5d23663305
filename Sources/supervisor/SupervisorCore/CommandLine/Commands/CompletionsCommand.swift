internal import ArgumentParser
internal import Glibc

struct CompletionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "Print a completion script for a shell.",
        discussion: """
            Examples:
              source <(supervisor completions bash)
              supervisor completions zsh > "${fpath[1]}/_supervisor"
              supervisor completions fish > ~/.config/fish/completions/supervisor.fish

            \(CommandExit.text([.ok: "printed"]))
            """
    )

    enum Shell: String, CaseIterable, ExpressibleByArgument {
        case bash
        case zsh
        case fish

        var parserShell: CompletionShell {
            switch self {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        }
    }

    @Argument(help: "The shell.")
    var shell: Shell

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        CommandOutput.write(SupervisorCommand.completionScript(for: shell.parserShell) + "\n")
        if shell == .bash { CommandOutput.write(Self.bashWithoutSpace) }
    }

    /// `scale process.video=` goes on with a number, and bash would put a space there.
    private static let bashWithoutSpace = """

        _supervisor_unspaced() {
            _supervisor "$@"
            if [[ "${#COMPREPLY[@]}" -eq 1 && "${COMPREPLY[0]}" == *= ]]; then
                compopt +o filenames -o nospace
            fi
        }

        complete -o filenames -F _supervisor_unspaced supervisor

        """
}

"""The command line: one module a command, each with run(arguments) -> exit code; their flags are in commands.py."""

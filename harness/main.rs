//! The program: the sandbox's helper when it is started as one, else the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    if turncoat::sandbox::is_helper() {
        turncoat::sandbox::child_main();
    }
    turncoat::cli::main(std::env::args_os())
}

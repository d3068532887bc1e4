fn main() {
    if turncoat::sandbox::is_helper() {
        turncoat::sandbox::child_main();
    }
}

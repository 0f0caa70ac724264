//! loop: a program that never ends and never waits. WasmTimeout stops it, and the client gets status 504.
//!
//! It must not call the host: a guest that computes without a single call has to be stopped all the same.

fn main() {
    loop {
        std::hint::spin_loop();
    }
}

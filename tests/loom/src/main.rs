//! Tries every interleaving of listeners and publishers of the hub's log.
//!
//! The log is the server's own file, over loom's lock. This is a program and not a test, because that file contains
//! tests, which run without loom.

mod hub;

fn main() {
    hub::try_all();
}

//! Tries every order in which listeners and publishers of the hub's log can meet.
//!
//! The log is the server's own file, over loom's lock. It is a program and not a test, because the
//! file brings tests of its own, which run without loom.

mod hub;

fn main() {
    hub::try_all();
}

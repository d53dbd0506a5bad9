//! The lock that the log is built on. The tests in `tests/loom/` put loom's in its place.

pub(super) use std::sync::Mutex;

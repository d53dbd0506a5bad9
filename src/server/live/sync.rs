//! The lock of the log. The tests in `tests/loom/` replace it by loom's.

pub(super) use std::sync::Mutex;

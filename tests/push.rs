//! Pushes to browsers and devices, to push services of the tests, which answer as each test has it.

mod apns;
mod fcm;
mod webpush;

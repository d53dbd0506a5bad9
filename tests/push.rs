//! Push to browsers and devices, through push services of the tests, which answer as each test defines.

mod apns;
mod fcm;
mod webpush;

//! `/api/notifications`: one file for each route.

mod bad_input;
mod batch;
mod changes;
mod create;
mod data;
mod list;
mod mark_all_read;
mod mark_read;
mod one;
mod shortcut;
mod unread_count;
mod wire;

//! The parts that only the server has: the service, its stores, HTTP, and settings.
//!
//! Another Rust program embeds Campanile by starting a [`run::Campanile`], calling its service and mounting its router;
//! see `examples/embed.rs`.

mod address;
pub mod assets;
pub mod auth;
pub mod budget;
mod causes;
pub mod channels;
pub mod clock;
pub mod commands;
pub mod config;
pub mod delivery;
mod hex;
pub mod http;
pub mod identity;
mod lease;
pub mod limiter;
pub mod listener;
mod live;
pub mod log;
pub mod maintenance;
mod public_url;
pub mod run;
pub mod secret;
mod secret_file;
pub mod service;
pub mod store;
pub mod stores;
pub mod tasks;
mod trust;
mod workshop;

//! The tests that use Campanile from outside: one binary, with one file for each area.

#![expect(clippy::unwrap_used, reason = "a test fails by it; clippy.toml excuses only what is marked #[test]")]

mod architecture;
mod auth;
mod base_path;
mod blackbox;
mod bus;
mod client;
mod command;
mod contacts;
mod crash;
mod dashboard;
mod delivery;
mod documents;
mod edge;
mod embed;
mod fuzz;
mod harness;
mod health;
mod listener;
mod live;
mod mail;
mod model;
mod nats;
mod nodes;
mod notifications;
mod openapi;
mod openssl;
mod postgres;
mod proxies;
mod push;
mod sentences;
mod service;
mod static_files;
mod store;
mod tls;
mod upgrade;

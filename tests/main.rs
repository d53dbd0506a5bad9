//! The tests that see Campanile from outside: one binary, one file an area.

mod command;
mod dashboard;
mod edge;
mod embed;
mod harness;
mod health;
mod listener;
mod model;
mod notifications;
mod openapi;
mod service;
mod static_files;
mod store;

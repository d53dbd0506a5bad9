//! Reaching a user, or an application, that is not looking: what leaves the server.
//!
//! - [`outcome`]: how an attempt ended, in the words of every channel.
//! - [`backoff`]: when it is made again.
//! - [`reach`]: where this server may connect when others say where.
//! - [`webhook`]: the first channel.
//!
//! So far this is what decides, all of it without a clock, a network or a store of its own. What stores deliveries and
//! works them off comes to it.
#![expect(dead_code, reason = "the worker that will call it is not there yet")]

mod backoff;
mod outcome;
mod reach;
mod webhook;

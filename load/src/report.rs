//! The report.

use std::{collections::HashMap, time::Duration};

use crate::{listener::Heard, publisher::Sent};

pub(crate) struct Report {
    connected: Duration,
    failed: usize,
    sent: u64,
    refused: u64,
    took: Duration,
    delivered: u64,
    missing: u64,
    repeated: u64,
    latencies: Vec<u32>,
    /// For each notification, the time at which the last listener received it.
    last: HashMap<(usize, u32), u32>,
}

impl Report {
    pub(crate) fn new(connected: Duration, failed: usize, sent: &Sent) -> Self {
        Self {
            connected,
            failed,
            sent: sent.count,
            refused: sent.refused,
            took: sent.took,
            delivered: 0,
            missing: 0,
            repeated: 0,
            latencies: Vec::new(),
            last: HashMap::new(),
        }
    }

    /// Adds the results of one listener.
    pub(crate) fn add(&mut self, heard: Heard, sent: &Sent) {
        if heard.is_asleep {
            return;
        }
        let due = sent.to.get(heard.inbox).copied().unwrap_or(0);
        self.delivered += heard.latencies.len() as u64;
        self.missing += heard.missing + u64::from(due.saturating_sub(heard.last));
        self.repeated += heard.repeated;
        for (number, latency) in heard.latencies {
            self.latencies.push(latency);
            let last = self.last.entry((heard.inbox, number)).or_default();
            *last = latency.max(*last);
        }
    }

    /// The latency in milliseconds that is not exceeded by this share of all.
    fn quantile(sorted: &[u32], part: f64) -> f64 {
        let at = ((sorted.len() as f64 * part).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
        f64::from(sorted.get(at).copied().unwrap_or(0)) / 1000.0
    }

    fn numbers(mut self) -> Vec<(&'static str, f64)> {
        self.latencies.sort_unstable();
        let mut last: Vec<u32> = self.last.into_values().collect();
        last.sort_unstable();
        let seconds = self.took.as_secs_f64().max(0.001);
        vec![
            ("connected_ms", self.connected.as_secs_f64() * 1000.0),
            ("failed", self.failed as f64),
            ("sent", self.sent as f64),
            ("sent_per_s", self.sent as f64 / seconds),
            ("refused", self.refused as f64),
            ("delivered", self.delivered as f64),
            ("delivered_per_s", self.delivered as f64 / seconds),
            ("missing", self.missing as f64),
            ("repeated", self.repeated as f64),
            ("p50_ms", Self::quantile(&self.latencies, 0.5)),
            ("p99_ms", Self::quantile(&self.latencies, 0.99)),
            ("max_ms", Self::quantile(&self.latencies, 1.0)),
            ("last_p50_ms", Self::quantile(&last, 0.5)),
            ("last_max_ms", Self::quantile(&last, 1.0)),
        ]
    }

    /// Prints the report for a person.
    pub(crate) fn print(self) {
        for (name, value) in self.numbers() {
            println!("{name:>16}  {value:.3}");
        }
    }

    /// Prints the report for a program.
    pub(crate) fn print_json(self) {
        let pairs: Vec<_> = self.numbers().into_iter().map(|(name, value)| format!("\"{name}\": {value:.3}")).collect();
        println!("{{{}}}", pairs.join(", "));
    }
}

//! The limit of the bytes of bodies and answers that the process holds at once.
//!
//! Each connection and each request has limits of its own; this is the one over all of them, so that memory is bounded
//! however many clients send half a body or do not read their answer.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

/// The limit, and the bytes that are held.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    held: AtomicUsize,
}

/// There is no room for these bytes now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

/// Bytes that are counted while this exists.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Shared>,
    bytes: usize,
}

impl Budget {
    /// A budget of this many bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Shared { most, held: AtomicUsize::new(0) }))
    }

    /// A share of 0 bytes.
    #[must_use]
    pub fn share(&self) -> Share {
        Share { budget: Arc::clone(&self.0), bytes: 0 }
    }

    /// How many bytes are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }
}

impl Share {
    /// Counts further bytes.
    ///
    /// # Errors
    /// When there is no room for them; then nothing is counted.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let Shared { most, held } = &*self.budget;
        let grown = |held: usize| held.checked_add(bytes).filter(|grown| grown <= most);
        held.try_update(Ordering::Relaxed, Ordering::Relaxed, grown).map_err(|_| Exhausted)?;
        self.bytes += bytes;
        Ok(())
    }

    /// The same bytes, which are counted until their last clone is dropped.
    #[must_use]
    pub fn hold(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Held { bytes, _share: self })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

struct Held {
    bytes: Bytes,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_until_their_last_holder_is_dropped() {
        let budget = Budget::new(10);
        let mut one = budget.share();
        assert_eq!((one.grow(6), one.grow(4), one.grow(1)), (Ok(()), Ok(()), Err(Exhausted)));
        assert_eq!(budget.held(), 10);
        assert_eq!(budget.share().grow(1), Err(Exhausted));
        let bytes = one.hold(Bytes::from_static(b"0123456789"));
        let part = bytes.slice(3..5);
        drop(bytes);
        assert_eq!((budget.held(), &*part), (10, &b"34"[..]));
        drop(part);
        assert_eq!(budget.held(), 0);
        assert_eq!(budget.share().grow(usize::MAX), Err(Exhausted));
    }
}

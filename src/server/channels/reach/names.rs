//! Resolves host names.
//!
//! Each lookup takes a thread until a name server answers, and callers and users choose the names. So the number of
//! lookups at once is limited, each name is looked up once at a time, and registering names gets fewer of them than
//! sending, which it cannot delay.

use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::spawn_blocking,
};

/// How many names are looked up at once for sending. The runtime has 512 threads for blocking work.
const TO_SEND: usize = 64;
/// How many names are looked up at once because they are being registered.
const TO_REGISTER: usize = 8;

/// The result of a lookup, shared by all callers that wait for it.
type LookupResult = Result<Arc<[SocketAddr]>, Arc<io::Error>>;

/// The purpose of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A message is being sent there.
    Send,
    /// A caller registers it. Where too many do, it is not looked up.
    Register,
}

/// The lookups of this process.
struct Names {
    to_send: Semaphore,
    to_register: Semaphore,
    /// Lookups in progress, by their names.
    under_way: Mutex<HashMap<String, Shared<BoxFuture<'static, LookupResult>>>>,
}

/// The place of a lookup among those in progress. Dropping it makes room.
struct Place {
    names: &'static Names,
    name: String,
    _permit: SemaphorePermit<'static>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.names.under_way().remove(&self.name);
    }
}

static NAMES: LazyLock<Names> = LazyLock::new(|| Names {
    to_send: Semaphore::new(TO_SEND),
    to_register: Semaphore::new(TO_REGISTER),
    under_way: Mutex::default(),
});

/// The addresses of a name, each with port 0.
///
/// # Errors
/// When it has none, when no name server answers, and when too many names are being looked up to register them.
pub(super) async fn addresses_of(name: &str, purpose: Purpose) -> io::Result<Arc<[SocketAddr]>> {
    NAMES.addresses_of(name, purpose, look_up).await
}

fn look_up(name: &str) -> io::Result<Arc<[SocketAddr]>> {
    Ok((name, 0).to_socket_addrs()?.collect())
}

impl Names {
    async fn addresses_of(
        &'static self,
        name: &str,
        purpose: Purpose,
        look_up: impl FnOnce(&str) -> io::Result<Arc<[SocketAddr]>> + Send + 'static,
    ) -> io::Result<Arc<[SocketAddr]>> {
        let known = self.under_way().get(name).cloned();
        let found = match known {
            Some(under_way) => under_way.await,
            None => {
                let permit = self.permit(purpose).await?;
                // Another caller may have begun it meanwhile; then this permit is returned at once.
                let under_way = self.begun(name, permit, look_up);
                under_way.await
            }
        };
        found.map_err(|error| io::Error::new(error.kind(), error.to_string()))
    }

    async fn permit(&self, purpose: Purpose) -> io::Result<SemaphorePermit<'_>> {
        match purpose {
            Purpose::Send => self.to_send.acquire().await.map_err(io::Error::other),
            Purpose::Register => self.to_register.try_acquire().map_err(|_| io::ErrorKind::WouldBlock.into()),
        }
    }

    /// The lookup of a name in progress, begun if there is none.
    fn begun(
        &'static self,
        name: &str,
        permit: SemaphorePermit<'static>,
        look_up: impl FnOnce(&str) -> io::Result<Arc<[SocketAddr]>> + Send + 'static,
    ) -> Shared<BoxFuture<'static, LookupResult>> {
        let begin = || {
            // The thread continues after every caller has left, and keeps both of these until it ends.
            let place = Place { names: self, name: name.to_owned(), _permit: permit };
            let thread = spawn_blocking(move || look_up(&place.name).map_err(Arc::new));
            thread.map(|ended| ended.unwrap_or_else(|error| Err(Arc::new(io::Error::other(error))))).boxed().shared()
        };
        self.under_way().entry(name.to_owned()).or_insert_with(begin).clone()
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<String, Shared<BoxFuture<'static, LookupResult>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        time::Duration,
    };

    use futures_util::future::join_all;
    use tokio::time::timeout;

    use super::*;

    fn names(to_send: usize, to_register: usize) -> &'static Names {
        Box::leak(Box::new(Names {
            to_send: Semaphore::new(to_send),
            to_register: Semaphore::new(to_register),
            under_way: Mutex::default(),
        }))
    }

    fn nowhere(_: &str) -> io::Result<Arc<[SocketAddr]>> {
        Ok(Arc::new([]))
    }

    #[tokio::test]
    async fn one_name_is_looked_up_once_for_all_who_wait() {
        let names = names(1, 1);
        let (answers, waits) = mpsc::channel::<()>();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let first = names.addresses_of("a.example", Purpose::Send, move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            waits.recv().map_err(io::Error::other)?;
            Ok(Arc::new([SocketAddr::from(([1, 1, 1, 1], 0))]))
        });
        let first = tokio::spawn(first);
        while count.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        let others = [Purpose::Send, Purpose::Register].map(|purpose| {
            let counted = Arc::clone(&count);
            tokio::spawn(names.addresses_of("a.example", purpose, move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                nowhere("")
            }))
        });
        tokio::task::yield_now().await;
        answers.send(()).unwrap();
        for found in join_all([first].into_iter().chain(others)).await {
            assert_eq!(found.unwrap().unwrap()[..], [SocketAddr::from(([1, 1, 1, 1], 0))]);
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(names.under_way().is_empty());
    }

    #[tokio::test]
    async fn registering_names_that_have_no_answer_holds_up_nothing_that_is_sent() {
        let names = names(1, 2);
        let (answers, waits) = mpsc::channel::<()>();
        let waits = Arc::new(Mutex::new(waits));
        for n in 0..2 {
            let waits = Arc::clone(&waits);
            let hang = move |_: &str| {
                let _ = waits.lock().unwrap().recv();
                nowhere("")
            };
            let name = format!("{n}.example");
            let asked = names.addresses_of(&name, Purpose::Register, hang);
            assert!(timeout(Duration::from_millis(20), asked).await.is_err(), "it was not begun");
        }
        // They continue, although the callers have left, and no more are begun.
        let third = names.addresses_of("third.example", Purpose::Register, nowhere).await;
        assert_eq!(third.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        names.addresses_of("sent.example", Purpose::Send, nowhere).await.unwrap();
        drop(answers);
    }
}

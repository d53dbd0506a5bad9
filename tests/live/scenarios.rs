//! One table of scenarios, over WebSocket, server-sent events and polling.

use campanile::{
    model::{Marking, NewNotification, NotificationDraft, UserId},
    server::identity::Principal,
};

use super::{
    Server,
    checker::Inbox,
    transport::{Heard, Stream, Transport},
};

/// Runs each scenario over each transport.
macro_rules! scenarios {
    ($($scenario:ident)*) => {
        mod websocket {
            $(#[tokio::test] async fn $scenario() { super::$scenario(super::Transport::WebSocket).await })*
        }
        mod sse {
            $(#[tokio::test] async fn $scenario() { super::$scenario(super::Transport::Sse).await })*
        }
        mod polling {
            $(#[tokio::test] async fn $scenario() { super::$scenario(super::Transport::Polling).await })*
        }
    };
}

scenarios! {
    a_client_that_connects_is_greeted
    every_change_arrives_once_and_in_order
    expiry_is_a_change
    a_short_absence_is_made_up_for
    a_longer_absence_is_made_up_for
    an_absence_beyond_the_remembered_changes_is_a_reset
    everything_can_be_asked_for
    a_position_from_elsewhere_is_a_reset
    changes_of_another_inbox_do_not_arrive
    a_server_that_stops_says_so
}

const ANN: &str = "ann";

fn ann() -> UserId {
    UserId::parse(ANN).unwrap()
}

/// Polling merges changes between two requests.
fn may_skip(transport: Transport) -> bool {
    transport == Transport::Polling
}

/// Follows until the client's copy equals the server's inbox.
async fn catch_up(stream: &mut Stream, inbox: &mut Inbox, server: &Server, may_skip: bool) {
    let want = Inbox::list(server.address, ANN).await;
    while inbox.modseq < want.modseq {
        let event = stream.event().await;
        inbox.take(&event, may_skip);
    }
    assert_eq!(*inbox, want);
}

async fn a_client_that_connects_is_greeted(transport: Transport) {
    let server = Server::start(100).await;
    server.notify(ANN, "a").await;
    let mut stream = transport.open(server.address, ANN, None).await;
    let hello = stream.expect("hello").await;
    assert_eq!(hello["unread_count"], 1);
    stream.expect_nothing().await;
}

async fn every_change_arrives_once_and_in_order(transport: Transport) {
    let server = Server::start(5).await;
    let mut stream = transport.open(server.address, ANN, Some(0)).await;
    let mut inbox = Inbox { modseq: stream.expect("hello").await["modseq"].as_u64().unwrap(), ..Inbox::default() };
    let (service, operator) = (&server.service, Principal::operator());
    let first = server.notify(ANN, "a").await;
    let second = server.notify(ANN, "b").await;
    service.set_read(&operator, first.id, true).await.unwrap();
    service.set_read(&operator, first.id, true).await.unwrap();
    service.mark_read_at(&operator, &ann(), 0).await.unwrap();
    service.set_read(&operator, second.id, false).await.unwrap();
    catch_up(&mut stream, &mut inbox, &server, may_skip(transport)).await;
    service.mark_all_read(&operator, &ann(), &Marking::default()).await.unwrap();
    service.mark_all_read(&operator, &ann(), &Marking::default()).await.unwrap();
    service.set_read(&operator, first.id, false).await.unwrap();
    service.delete(&operator, second.id).await.unwrap();
    // More than fit into the window.
    for number in 0..7 {
        server.notify(ANN, &number.to_string()).await;
    }
    catch_up(&mut stream, &mut inbox, &server, may_skip(transport)).await;
    let seen = Marking { up_to: Some(inbox.modseq), ..Marking::default() };
    server.notify(ANN, "unseen").await;
    assert_eq!(service.mark_all_read(&operator, &ann(), &seen).await.unwrap().count, 4);
    catch_up(&mut stream, &mut inbox, &server, may_skip(transport)).await;
    assert_eq!(inbox.unread_count, 1);
    stream.expect_nothing().await;
}

async fn expiry_is_a_change(transport: Transport) {
    let server = Server::start(5).await;
    let mut stream = transport.open(server.address, ANN, Some(0)).await;
    let mut inbox = Inbox { modseq: stream.expect("hello").await["modseq"].as_u64().unwrap(), ..Inbox::default() };
    let soon = campanile::model::Timestamp::new(server.service.now().to_utc() + chrono::TimeDelta::milliseconds(50));
    let draft = NotificationDraft {
        user_id: Some(ANN.to_owned()),
        content: Some("x".to_owned()),
        expires_at: Some(soon.to_string()),
        ..NotificationDraft::default()
    };
    let new = NewNotification::parse(draft).unwrap();
    server.service.create(&Principal::operator(), new).await.unwrap();
    inbox.take(&stream.expect("created").await, false);
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    assert_eq!(server.service.delete_due().await.unwrap(), 1);
    inbox.take(&stream.expect("deleted").await, false);
    assert_eq!(inbox.unread_count, 0);
}

/// Disconnects, and reconnects after this many creations and half as many marks.
async fn absent(transport: Transport, creations: usize) {
    let server = Server::start(1000).await;
    let mut stream = transport.open(server.address, ANN, Some(0)).await;
    let mut inbox = Inbox { modseq: stream.expect("hello").await["modseq"].as_u64().unwrap(), ..Inbox::default() };
    let before = server.notify(ANN, "before").await;
    catch_up(&mut stream, &mut inbox, &server, may_skip(transport)).await;
    drop(stream);
    for number in 0..creations {
        let made = server.notify(ANN, "meanwhile").await;
        if number % 2 == 0 {
            server.service.set_read(&Principal::operator(), made.id, true).await.unwrap();
        }
    }
    server.service.set_read(&Principal::operator(), before.id, true).await.unwrap();
    let mut stream = transport.open(server.address, ANN, Some(inbox.modseq)).await;
    catch_up(&mut stream, &mut inbox, &server, true).await;
    inbox.take(&stream.expect("hello").await, true);
    // The stream continues.
    server.notify(ANN, "after").await;
    inbox.take(&stream.expect("created").await, false);
}

async fn a_short_absence_is_made_up_for(transport: Transport) {
    absent(transport, 1).await;
}

async fn a_longer_absence_is_made_up_for(transport: Transport) {
    absent(transport, 100).await;
}

async fn an_absence_beyond_the_remembered_changes_is_a_reset(transport: Transport) {
    let server = Server::start(10).await;
    let position = {
        server.notify(ANN, "a").await;
        Inbox::list(server.address, ANN).await.modseq
    };
    for _ in 0..40 {
        server.notify(ANN, "b").await;
    }
    let mut stream = transport.open(server.address, ANN, Some(position)).await;
    let reset = stream.expect("reset").await;
    let mut inbox = Inbox::list(server.address, ANN).await;
    assert_eq!((reset["modseq"].as_u64(), reset["unread_count"].as_u64()), (Some(inbox.modseq), Some(10)));
    // A client that then lists can continue.
    server.notify(ANN, "c").await;
    catch_up(&mut stream, &mut inbox, &server, may_skip(transport)).await;
}

async fn everything_can_be_asked_for(transport: Transport) {
    let server = Server::start(300).await;
    for _ in 0..250 {
        server.notify(ANN, "a").await;
    }
    let mut stream = transport.open(server.address, ANN, Some(0)).await;
    let mut inbox = Inbox::default();
    catch_up(&mut stream, &mut inbox, &server, true).await;
    inbox.take(&stream.expect("hello").await, true);
}

async fn a_position_from_elsewhere_is_a_reset(transport: Transport) {
    let server = Server::start(300).await;
    server.notify(ANN, "a").await;
    for position in [1, u64::from(u32::MAX) << 20] {
        transport.open(server.address, ANN, Some(position)).await.expect("reset").await;
    }
}

async fn changes_of_another_inbox_do_not_arrive(transport: Transport) {
    let server = Server::start(300).await;
    let mut stream = transport.open(server.address, ANN, None).await;
    stream.expect("hello").await;
    server.notify("bob", "b").await;
    server.notify(ANN, "a").await;
    assert_eq!(stream.expect("created").await["notification"]["content"], "a");
}

async fn a_server_that_stops_says_so(transport: Transport) {
    let mut server = Server::start(300).await;
    let mut stream = transport.open(server.address, ANN, None).await;
    stream.expect("hello").await;
    let began = std::time::Instant::now();
    let (ended, heard) = tokio::join!(server.stop(), stream.next());
    assert!(ended && began.elapsed().as_secs() < 2);
    match (transport, stream) {
        (Transport::WebSocket, _) => assert_eq!(heard, Heard::Closed(Some(1001))),
        (Transport::Sse, Stream::Sse(sse)) => {
            assert_eq!(heard, Heard::Closed(None));
            assert!((1_000..=5_000).contains(&sse.retry.unwrap()), "{:?}", sse.retry);
        }
        _ => assert_eq!(heard, Heard::Closed(None)),
    }
}

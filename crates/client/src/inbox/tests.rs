use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;

fn inbox(messages: usize, bytes: usize) -> Inbox {
    Inbox::new(InboxLimits { messages, bytes })
}

fn message(payload: &'static str) -> Message {
    Message::new("a", payload)
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn next(inbox: &Inbox) -> Option<Option<Received>> {
    match inbox.poll_next(&Context::from_waker(Waker::noop())) {
        Poll::Ready(received) => Some(received),
        Poll::Pending => None,
    }
}

/// Everything held, as text.
fn all(inbox: &Inbox) -> Vec<String> {
    std::iter::from_fn(|| next(inbox).flatten())
        .map(|received| match received {
            Received::Message(message) => String::from_utf8(message.payload.to_vec()).unwrap(),
            Received::Gap(gap) => format!("{}:{:?}", gap.reason, gap.lost),
        })
        .collect()
}

#[test]
fn what_does_not_fit_becomes_one_gap_where_it_happened() {
    let inbox = inbox(2, usize::MAX);
    inbox.deliver(["a", "b", "c", "d"].map(message).into_iter());
    assert_eq!(inbox.pending().0, 2);
    assert!(matches!(next(&inbox), Some(Some(Received::Message(_)))));
    inbox.deliver(["e", "f"].map(message).into_iter());
    assert_eq!(all(&inbox), ["b", "client_slow:Some(2)", "e", "client_slow:Some(1)"]);
    assert_eq!(inbox.pending(), (0, 0));
}

#[test]
fn bytes_are_bounded_but_one_message_is_always_taken() {
    let inbox = inbox(usize::MAX, 1);
    inbox.deliver(["large", "b"].map(message).into_iter());
    assert_eq!(all(&inbox), ["large", "client_slow:Some(1)"]);
    inbox.deliver(["c"].map(message).into_iter());
    assert_eq!(all(&inbox), ["c"]);
}

#[test]
fn gaps_in_a_row_take_a_bounded_place_and_lose_no_count() {
    let inbox = inbox(2, usize::MAX);
    let gap = |lost, reason| Gap { lost, reason };
    inbox.gap(gap(Some(1), GapReason::Backplane));
    inbox.gap(gap(Some(2), GapReason::Policy));
    inbox.gap(gap(Some(3), GapReason::Backplane));
    assert_eq!(all(&inbox), ["backplane:Some(4)", "policy:Some(2)"]);
    inbox.gap(gap(Some(1), GapReason::Backplane));
    inbox.gap(gap(None, GapReason::Backplane));
    inbox.gap(gap(Some(1), GapReason::Backplane));
    assert_eq!(all(&inbox), ["backplane:None"]);
    for at in 0..100 {
        inbox.gap(gap(Some(1), GapReason::Other(at.to_string())));
    }
    let told: Vec<_> = std::iter::from_fn(|| next(&inbox).flatten()).collect();
    assert_eq!(told.len(), GAPS_IN_A_ROW_MAX);
    let lost = told.iter().map(|received| match received {
        Received::Gap(gap) => gap.lost.unwrap(),
        Received::Message(_) => 0,
    });
    assert_eq!(lost.sum::<u64>(), 100);
}

#[test]
fn the_end_comes_after_what_is_held() {
    let inbox = inbox(10, usize::MAX);
    inbox.deliver(["a"].map(message).into_iter());
    inbox.end(SubscriptionEnd::MaxReached);
    inbox.end(SubscriptionEnd::Unsubscribed);
    inbox.deliver(["b"].map(message).into_iter());
    inbox.gap(Gap { lost: None, reason: GapReason::Policy });
    assert_eq!(all(&inbox), ["a"]);
    assert_eq!(next(&inbox), Some(None));
    assert!(matches!(inbox.ended(), Some(SubscriptionEnd::MaxReached)));
}

#[test]
fn a_reader_is_woken_once_for_many_messages_and_for_the_end() {
    let inbox = inbox(10, usize::MAX);
    let count = Arc::new(Count::default());
    let waker = Arc::clone(&count).into();
    let cx = Context::from_waker(&waker);
    assert!(inbox.poll_next(&cx).is_pending());
    inbox.deliver(["a", "b"].map(message).into_iter());
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert_eq!(all(&inbox), ["a", "b"]);
    assert!(inbox.poll_next(&cx).is_pending());
    inbox.end(SubscriptionEnd::MaxReached);
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
    assert!(inbox.poll_ended(&cx).is_ready());
}

#[test]
fn an_end_is_asked_for_once() {
    let inbox = inbox(10, usize::MAX);
    assert!(inbox.begin_end());
    assert!(!inbox.begin_end());
    let inbox = self::inbox(10, usize::MAX);
    inbox.end(SubscriptionEnd::MaxReached);
    assert!(!inbox.begin_end());
}

//! A batch from a session.

use super::{
    Answer, BatchView, Delivery, DeliveryView, Destination, Duration, ErrorCode, Instant, MemberEntry, Outcome,
    PAUSE_MAX, PublicationView, REPLY_ROOT, RUN_BYTES_MAX, Refusal, ReplySubject, Requests, Router, RouterWorker,
    SessionKey, Submitted, Tick, Verdict, Worker, plans, subject,
};
use std::ops::Range;
use std::sync::Arc;

/// A batch being worked off.
struct Submission<'r, 'b> {
    router: &'r Router,
    from: &'r Arc<MemberEntry>,
    batch: BatchView<'b>,
    now: Instant,
    pause: Option<Duration>,
    /// What the policies say about the subject asked last.
    plan: Option<(&'b str, plans::PublishPlan)>,
    /// Whether no rule holds for the publication checked last, nor for others on its subject.
    free: bool,
}

/// Consecutive publications with one destination.
struct Pending {
    run: Range<usize>,
    bytes: usize,
    destination: Destination,
}

impl Router {
    pub(super) fn submit_batch(&self, session: SessionKey, batch: BatchView<'_>, worker: &mut Worker) -> Submitted {
        worker.outcomes.clear();
        let Some(from) = self.members.get(session) else { return Submitted::default() };
        let mut state = self.worker(worker);
        let now = Instant::now();
        let mut submission = Submission { router: self, from: &from, batch, now, pause: None, plan: None, free: false };
        submission.run(&mut state, worker);
        self.stats.add(&std::mem::take(&mut state.counts));
        let ended = std::mem::take(&mut state.ended);
        for subscription in &ended {
            self.end_subscription(subscription);
        }
        let pause = submission.pause.map(|pause| pause.min(PAUSE_MAX));
        worker.router = Some(state);
        Submitted { pause }
    }
}

impl<'b> Submission<'_, 'b> {
    fn run(&mut self, state: &mut RouterWorker, worker: &mut Worker) {
        let mut pending: Option<Pending> = None;
        let mut last_subject: &str = "";
        for (at, publication) in self.batch.iter().enumerate() {
            state.counts.received_messages += 1;
            state.counts.received_bytes += publication.payload.len() as u64;
            // The same subject as before, with nothing special about it, goes on in the same run.
            if publication.subject == last_subject
                && matches!(publication.answer, Answer::Silent)
                && publication.reply.is_none()
                && self.free
                && publication.payload.len() <= self.router.config.payload_bytes_max as usize
                && let Some(open) = pending.as_mut()
                && open.run.end == at
                && open.bytes < RUN_BYTES_MAX
            {
                open.run.end += 1;
                open.bytes += publication.payload.len();
                continue;
            }
            if let Err(outcome) = self.check(&publication, state) {
                if matches!(outcome, Outcome::Refused(_)) {
                    state.counts.refused_messages += 1;
                }
                worker.outcomes.push((index(at), outcome));
                continue;
            }
            if publication.subject.starts_with(REPLY_ROOT) {
                self.flush(&mut pending, state, worker);
                self.reply(at, &publication, state, worker);
                continue;
            }
            let destination = match &pending {
                Some(open) if publication.subject == last_subject => open.destination.clone(),
                _ => self.router.destination(publication.subject, state),
            };
            last_subject = publication.subject;
            if let Answer::Reply { id, timeout_ms } = publication.answer {
                self.flush(&mut pending, state, worker);
                last_subject = "";
                self.request(at, &publication, (id, timeout_ms), &destination, state, worker);
                continue;
            }
            let single = publication.reply.is_some() && wants_to_know(publication.answer);
            let goes_on = !single
                && pending.as_ref().is_some_and(|open| {
                    open.run.end == at && open.bytes < RUN_BYTES_MAX && open.destination.is_same(&destination)
                });
            if goes_on {
                if let Some(open) = pending.as_mut() {
                    open.run.end += 1;
                    open.bytes += publication.payload.len();
                }
            } else {
                self.flush(&mut pending, state, worker);
                pending = Some(Pending { run: at..at + 1, bytes: publication.payload.len(), destination });
            }
            let accepted = matches!(publication.answer, Answer::Acknowledge(_) | Answer::Report { accepted: true, .. });
            let reached = if single {
                last_subject = "";
                self.flush(&mut pending, state, worker)
            } else {
                usize::MAX
            };
            if accepted && (reached > 0 || matches!(publication.answer, Answer::Report { .. })) {
                worker.outcomes.push((index(at), Outcome::Accepted));
            }
            if reached == 0 {
                worker.outcomes.push((index(at), Outcome::NoResponders));
            }
        }
        self.flush(&mut pending, state, worker);
    }

    /// Whether a publication may be routed at all.
    fn check(&mut self, publication: &PublicationView<'b>, state: &mut RouterWorker) -> Result<(), Outcome> {
        let limit = self.router.config.payload_bytes_max as usize;
        if publication.payload.len() > limit {
            let size = publication.payload.len();
            return refuse(ErrorCode::PayloadTooLarge, format!("the payload has {size} bytes, the limit is {limit}"));
        }
        if let Err(error) = subject::validate_subject(publication.subject) {
            return refuse(ErrorCode::BadSubject, error.to_string());
        }
        if let Some(reply) = publication.reply
            && let Err(error) = subject::validate_subject(reply)
        {
            return refuse(ErrorCode::BadSubject, format!("the reply subject is not valid: {error}"));
        }
        let trusted = self.from.member.identity.trusted;
        if !trusted && subject::is_reserved(publication.subject) && !is_reply(publication.subject) {
            return refuse(
                ErrorCode::PermissionDenied,
                "subjects that begin with `$` or `_` are reserved; publish to one of your own".into(),
            );
        }
        self.free = !self.from.has_policies || is_reply(publication.subject);
        if self.free {
            return Ok(());
        }
        self.ask_policies(publication, state)
    }

    fn ask_policies(&mut self, publication: &PublicationView<'b>, state: &mut RouterWorker) -> Result<(), Outcome> {
        if self.plan.as_ref().is_none_or(|(subject, _)| *subject != publication.subject) {
            let policies = &self.router.policies;
            let plan = self.from.plans.lock().get_or_insert_default().plan(
                policies,
                plans::generation(policies),
                &self.from.member.identity,
                publication.subject,
            );
            self.plan = Some((publication.subject, plan));
        }
        let Some((_, plan)) = &self.plan else { return Ok(()) };
        self.free = plan.is_empty();
        let bytes = publication.payload.len() as u64;
        match plan.check(1, bytes, self.now) {
            None | Some((_, Verdict::Pass)) => Ok(()),
            Some((_, Verdict::Delay(pause))) => {
                self.pause = Some(self.pause.map_or(pause, |known| known.max(pause)));
                Ok(())
            }
            Some((_, Verdict::Drop(_))) => {
                state.counts.dropped_policy += 1;
                Err(Outcome::Accepted)
            }
            Some((_, Verdict::Refuse(refusal))) => Err(Outcome::Refused(refusal)),
            Some((policy, Verdict::DeadLetter(_))) => refuse(
                ErrorCode::StoreUnavailable,
                format!(
                    "the policy `{policy}` sends this message to the dead letters, and this node has no store to keep them in"
                ),
            ),
        }
    }

    /// Delivers the open run; returns how many receivers it reached.
    fn flush(&self, pending: &mut Option<Pending>, state: &mut RouterWorker, worker: &mut Worker) -> usize {
        let Some(Pending { run, destination, .. }) = pending.take() else { return 0 };
        let batch = self.batch;
        let messages = run.clone().filter_map(move |at| batch.get(at)).map(|publication| publication.delivery());
        let run = Counted { len: run.len(), messages };
        self.deliver(&destination, &run, state, worker)
    }

    fn deliver<'a, I>(
        &self,
        destination: &Destination,
        run: &Counted<I>,
        state: &mut RouterWorker,
        worker: &mut Worker,
    ) -> usize
    where
        I: Iterator<Item = DeliveryView<'a>> + Clone,
    {
        let Worker { tick, scratch, .. } = worker;
        let mut delivery = delivery(tick, scratch, state, self.from);
        let reached = delivery.deliver(destination, run);
        if destination.is_nobody() {
            state.counts.unmatched_messages += run.len as u64;
        }
        reached + usize::from(self.forward(run, state))
    }

    /// Hands a run to the other nodes, if there are any.
    fn forward<'a, I>(&self, run: &Counted<I>, state: &mut RouterWorker) -> bool
    where
        I: Iterator<Item = DeliveryView<'a>> + Clone,
    {
        let backplane = self.router.backplane.load();
        let Some(slot) = backplane.as_ref().filter(|slot| slot.0.has_peers()) else { return false };
        if let Err(full) = slot.0.publish(&mut run.clone()) {
            state.counts.dropped_backplane += (run.len - full.accepted) as u64;
        }
        true
    }

    /// A request: its reply subject is made here, its answer comes back by [`reply`](Self::reply).
    fn request(
        &self,
        at: usize,
        publication: &PublicationView<'b>,
        (id, timeout_ms): (u64, u32),
        destination: &Destination,
        state: &mut RouterWorker,
        worker: &mut Worker,
    ) {
        state.counts.requests += 1;
        {
            let mut requests = self.from.requests.lock();
            let waiting = &mut requests.get_or_insert_with(|| Box::new(Requests::default())).waiting;
            if waiting.len() >= self.from.member.requests_max as usize {
                let limit = self.from.member.requests_max;
                let refusal = Refusal::new(
                    ErrorCode::TooManyRequestsInFlight,
                    format!("the session waits for {limit} replies, which is the limit; wait for some of them"),
                );
                worker.outcomes.push((index(at), Outcome::Refused(refusal)));
                return;
            }
            if waiting.contains_key(&id) {
                let refusal =
                    Refusal::new(ErrorCode::BadRequest, format!("a request with the id {id} is waiting for its reply"));
                worker.outcomes.push((index(at), Outcome::Refused(refusal)));
                return;
            }
            waiting.insert(id, self.now + Duration::from_millis(u64::from(timeout_ms)));
        }
        let mut reply = std::mem::take(&mut state.reply);
        ReplySubject { node: self.router.node, session: self.from.key.0, tag: self.from.tag, id }.write(&mut reply);
        let message = DeliveryView { reply: Some(&reply), ..publication.delivery() };
        let run = Counted { len: 1, messages: std::iter::once(message) };
        let reached = self.deliver(destination, &run, state, worker);
        state.reply = reply;
        if reached == 0 {
            if let Some(requests) = self.from.requests.lock().as_mut() {
                requests.waiting.remove(&id);
            }
            worker.outcomes.push((index(at), Outcome::NoResponders));
        }
    }

    /// A publication on a reply subject goes straight to the session that asked, on this node or on another.
    fn reply(&self, at: usize, publication: &PublicationView<'_>, state: &mut RouterWorker, worker: &mut Worker) {
        let message = publication.delivery();
        let mut taken = self.router.deliver_reply(&message, &mut worker.tick, &mut worker.scratch);
        if ReplySubject::parse(message.subject).is_some_and(|to| to.node != self.router.node) {
            taken = self.forward(&Counted { len: 1, messages: std::iter::once(message) }, state);
        }
        if !taken {
            state.counts.late_replies += 1;
        }
        if let Answer::Acknowledge(_) | Answer::Report { accepted: true, .. } = publication.answer {
            let outcome = if taken { Outcome::Accepted } else { Outcome::NoResponders };
            worker.outcomes.push((index(at), outcome));
        }
    }
}

impl Router {
    pub(super) fn deliver_unheard(&self, session: SessionKey, subject: &str, reply: &str, worker: &mut Worker) {
        let Some(from) = self.members.get(session) else { return };
        let sid = from
            .subscriptions
            .lock()
            .by_sid
            .iter()
            .flat_map(hashbrown::HashMap::values)
            .find_map(|own| (own.queue.is_none() && subject::matches(&own.pattern, reply)).then_some(own.sid));
        let Some(sid) = sid else { return };
        let headers = format!("NATS/1.0 503\r\nNats-Subject: {subject}\r\n\r\n");
        let status = DeliveryView {
            subject: reply,
            reply: None,
            headers: headers.as_bytes(),
            payload: &[],
            body: pointsman_protocol::frame::BodyKind::Unknown,
        };
        let Worker { tick, scratch, .. } = worker;
        scratch.clear();
        from.member.codec.encode_run(&[sid], &mut std::iter::once(status), scratch);
        tick.control(&from.member.outbox, scratch, 1);
    }

    pub(super) fn deliver_reply(&self, message: &DeliveryView<'_>, tick: &mut Tick, scratch: &mut Vec<u8>) -> bool {
        let Some(to) = ReplySubject::parse(message.subject).filter(|to| to.node == self.node) else { return false };
        let Some(entry) = self.members.get(SessionKey(to.session)).filter(|entry| entry.tag == to.tag) else {
            return false;
        };
        let waited = entry.requests.lock().as_mut().is_some_and(|requests| requests.waiting.remove(&to.id).is_some());
        if waited {
            scratch.clear();
            entry.member.codec.encode_reply(to.id, message.headers, message.payload, message.body, scratch);
            tick.control(&entry.member.outbox, scratch, 1);
        }
        waited
    }
}

/// A run whose length is known.
#[derive(Clone)]
pub(super) struct Counted<I> {
    pub(super) len: usize,
    pub(super) messages: I,
}

impl<I: Iterator> Iterator for Counted<I> {
    type Item = I::Item;
    fn next(&mut self) -> Option<I::Item> {
        let next = self.messages.next();
        self.len = self.len.saturating_sub(usize::from(next.is_some()));
        next
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl<I: Iterator> ExactSizeIterator for Counted<I> {}

fn delivery<'w>(
    tick: &'w mut Tick,
    scratch: &'w mut Vec<u8>,
    state: &'w mut RouterWorker,
    from: &'w MemberEntry,
) -> Delivery<'w> {
    let RouterWorker { counts, ended, random, .. } = state;
    Delivery { tick, scratch, counts, ended, random, not_to: (!from.member.echo).then_some(&from.member.outbox) }
}

/// Whether the publisher wants to hear that nobody is there to answer.
fn wants_to_know(answer: Answer) -> bool {
    matches!(answer, Answer::Acknowledge(_) | Answer::Report { unheard: true, .. })
}

fn is_reply(subject: &str) -> bool {
    subject.starts_with(REPLY_ROOT) || subject.starts_with("_INBOX.")
}

fn refuse(code: ErrorCode, message: String) -> Result<(), Outcome> {
    Err(Outcome::Refused(Refusal::new(code, message)))
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

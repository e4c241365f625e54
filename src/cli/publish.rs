//! `pointsman pub`.

use std::future::poll_fn;
use std::io::IsTerminal;
use std::task::Poll;

use anyhow::{Context, anyhow};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use pointsman_client::{AcknowledgeError, Client, Message};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use super::connection::ConnectionArgs;
use super::{Failure, block_on, message, print};

/// Acknowledgements that may be awaited at the same time.
const IN_FLIGHT: usize = 256;
/// Longest line read from standard input; the server takes no larger frame unless configured otherwise.
const LINE_BYTES_MAX: u64 = 64 << 20;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pointsman pub orders.eu.created '{\"id\":1}'
  echo hello | pointsman pub chat.room1
  tail -f log.txt | pointsman pub logs.app --lines
  pointsman pub --ndjson < messages.ndjson        one {\"subject\":…,\"data\":…} a line")]
pub(super) struct PubArgs {
    /// Where to; may be left out with --ndjson, where each line names its own
    subject: Option<String>,
    /// The payload; standard input otherwise
    payload: Option<String>,
    /// A header; repeatable
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = message::header)]
    header: Vec<(String, String)>,
    /// Subject for answers
    #[arg(long)]
    reply: Option<String>,
    /// Publish it so many times
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with_all = ["lines", "ndjson"])]
    count: u64,
    /// One message per line of standard input
    #[arg(long, conflicts_with_all = ["payload", "ndjson"])]
    lines: bool,
    /// One JSON object per line of standard input: {"subject", "data"|"text"|"base64", "headers", "reply", "message_id"}
    #[arg(long, conflicts_with_all = ["payload", "header", "reply"])]
    ndjson: bool,
    /// Do not wait for the node to accept each message
    #[arg(long)]
    no_ack: bool,
    /// Print what came of it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

pub(super) fn run(args: PubArgs) -> Result<(), Failure> {
    if args.subject.is_none() && !args.ndjson {
        return Err(Failure::Usage("name the subject to publish to".into()));
    }
    block_on(publish(args))
}

async fn publish(args: PubArgs) -> Result<(), Failure> {
    let many = args.lines || args.ndjson || args.count > 1;
    let bar = if many && std::io::stderr().is_terminal() { progress(&args) } else { ProgressBar::hidden() };
    let client = args.connection.connect().await?;
    let mut out = Outgoing {
        client: client.clone(),
        acknowledge: !args.no_ack,
        waiting: tokio::task::JoinSet::new(),
        done: 0,
        refused: Vec::new(),
        bar,
    };
    if args.lines || args.ndjson {
        from_stdin(&args, &mut out).await?;
    } else {
        let subject = args.subject.as_deref().unwrap_or_default();
        let mut one = message::message(subject, message::payload(args.payload.clone())?, &args.header)?;
        if let Some(reply) = &args.reply {
            one = one.with_reply(reply);
        }
        for _ in 0..args.count {
            out.send(one.clone()).await?;
        }
    }
    let (done, refused) = out.finish().await?;
    client.close().await;
    report(&args, done, &refused)
}

fn progress(args: &PubArgs) -> ProgressBar {
    let bar = if args.count > 1 { ProgressBar::new(args.count) } else { ProgressBar::new_spinner() };
    let style = ProgressStyle::with_template("{spinner} {pos} published {wide_bar} {per_sec} {elapsed}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

async fn from_stdin(args: &PubArgs, out: &mut Outgoing) -> Result<(), Failure> {
    let mut input = BufReader::new(tokio::io::stdin());
    let mut line = Vec::new();
    let mut number = 0u64;
    loop {
        line.clear();
        let read = (&mut input)
            .take(LINE_BYTES_MAX + 1)
            .read_until(b'\n', &mut line)
            .await
            .context("standard input cannot be read")?;
        if read == 0 {
            return Ok(());
        }
        number += 1;
        if line.len() as u64 > LINE_BYTES_MAX {
            return Err(Failure::Failed(anyhow!(
                "line {number} of standard input has more than {LINE_BYTES_MAX} bytes"
            )));
        }
        let bytes = line.strip_suffix(b"\n").map_or(line.as_slice(), |line| line.strip_suffix(b"\r").unwrap_or(line));
        if args.ndjson {
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let text = std::str::from_utf8(bytes).with_context(|| format!("line {number} is not UTF-8"))?;
            let one = message::from_line(text, args.subject.as_deref())
                .with_context(|| format!("line {number} of standard input is no message"))?;
            out.send(one).await?;
        } else {
            let subject = args.subject.as_deref().unwrap_or_default();
            let mut one = message::message(subject, bytes.to_vec().into(), &args.header)?;
            if let Some(reply) = &args.reply {
                one = one.with_reply(reply);
            }
            out.send(one).await?;
        }
    }
}

/// What is on its way.
struct Outgoing {
    client: Client,
    acknowledge: bool,
    waiting: tokio::task::JoinSet<Result<(), (String, AcknowledgeError)>>,
    done: u64,
    refused: Vec<(String, String)>,
    bar: ProgressBar,
}

impl Outgoing {
    async fn send(&mut self, message: Message) -> Result<(), Failure> {
        if !self.acknowledge {
            self.client.writable().await;
            self.client.publish_message(message).map_err(|error| Failure::Failed(error.into()))?;
            self.done += 1;
            self.bar.inc(1);
            return Ok(());
        }
        while self.waiting.len() >= IN_FLIGHT {
            self.take_one().await?;
        }
        // There is room, so the first poll queues it: what waits for answers side by side was sent one after the other.
        self.client.writable().await;
        let client = self.client.clone();
        let mut publishing = Box::pin(async move {
            let subject = message.subject.clone();
            client.publish_acknowledged(message).await.map_err(|error| (subject, error))
        });
        match poll_fn(|cx| Poll::Ready(publishing.as_mut().poll(cx))).await {
            Poll::Ready(result) => self.take(result),
            Poll::Pending => {
                self.waiting.spawn(publishing);
                Ok(())
            }
        }
    }

    async fn take_one(&mut self) -> Result<(), Failure> {
        let Some(joined) = self.waiting.join_next().await else { return Ok(()) };
        self.take(joined.context("a publish did not come to its end")?)
    }

    fn take(&mut self, result: Result<(), (String, AcknowledgeError)>) -> Result<(), Failure> {
        match result {
            Ok(()) => {
                self.done += 1;
                self.bar.inc(1);
            }
            Err((_, error @ AcknowledgeError::Closed(_))) => return Err(Failure::Failed(error.into())),
            Err((subject, error)) => self.refused.push((subject, error.to_string())),
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(u64, Vec<(String, String)>), Failure> {
        while !self.waiting.is_empty() {
            self.take_one().await?;
        }
        self.client.flush().await.map_err(|error| Failure::Failed(error.into()))?;
        self.bar.finish_and_clear();
        Ok((self.done, self.refused))
    }
}

fn report(args: &PubArgs, done: u64, refused: &[(String, String)]) -> Result<(), Failure> {
    if args.json {
        let refused: Vec<_> =
            refused.iter().map(|(subject, message)| json!({ "subject": subject, "message": message })).collect();
        print(&json!({ "published": done, "refused": refused }).to_string())?;
    } else {
        eprintln!("published {done}");
    }
    match refused {
        [] => Ok(()),
        [(subject, message), more @ ..] => {
            let others = if more.is_empty() { String::new() } else { format!(" (and {} more)", more.len()) };
            Err(Failure::Failed(anyhow!("`{subject}` was not published: {message}{others}")))
        }
    }
}

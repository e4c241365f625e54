//! `pointsman sub`.

use std::time::Duration;

use clap::Args;
use futures_util::StreamExt;
use futures_util::stream::SelectAll;
use pointsman_client::{Received, SubscribeOptions, Subscription};

use super::connection::{ConnectionArgs, tell_states, time};
use super::{Failure, block_on, message, print};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pointsman sub 'orders.*.created'
  pointsman sub '>' --json | jq .data
  pointsman sub jobs.mail --queue workers --count 10")]
pub(super) struct SubArgs {
    /// Patterns: `*` stands for one token, `>` at the end for one or more
    #[arg(required = true, value_name = "PATTERN")]
    patterns: Vec<String>,
    /// Queue group: of all its members one gets each message
    #[arg(long, value_name = "GROUP")]
    queue: Option<String>,
    /// End after so many messages
    #[arg(long, short = 'n', value_name = "N")]
    count: Option<u64>,
    /// End after so long, as in 10s
    #[arg(long, value_name = "TIME", value_parser = time)]
    timeout: Option<Duration>,
    /// One JSON object a line; a loss is a line {"gap": …}
    #[arg(long, conflicts_with = "raw")]
    json: bool,
    /// Payloads only, one a line
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

pub(super) fn run(args: SubArgs) -> Result<(), Failure> {
    block_on(subscribe(args))
}

async fn subscribe(args: SubArgs) -> Result<(), Failure> {
    let client = args.connection.connect().await?;
    let states = tokio::spawn(tell_states(client.clone()));
    let mut all = SelectAll::new();
    for pattern in &args.patterns {
        let mut options = SubscribeOptions::new(pattern);
        if let Some(queue) = &args.queue {
            options = options.queue(queue);
        }
        let subscription = client.subscribe_with(options).await.map_err(|error| Failure::Failed(error.into()))?;
        all.push(named(subscription));
    }
    if !args.json && !args.raw {
        eprintln!("subscribed to {}", args.patterns.join(", "));
    }
    let listening = listen(&args, &mut all);
    let result = match args.timeout {
        Some(timeout) => tokio::time::timeout(timeout, listening).await.unwrap_or(Ok(())),
        None => listening.await,
    };
    client.close().await;
    states.abort();
    result
}

type Named = std::pin::Pin<Box<dyn futures_util::Stream<Item = (String, Received)> + Send>>;

fn named(subscription: Subscription) -> Named {
    let pattern = subscription.pattern().to_owned();
    Box::pin(subscription.map(move |received| (pattern.clone(), received)))
}

async fn listen(args: &SubArgs, all: &mut SelectAll<Named>) -> Result<(), Failure> {
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let received = tokio::select! {
            received = all.next() => received,
            _ = tokio::signal::ctrl_c() => None,
        };
        match received {
            None => return Ok(()),
            Some((_, Received::Message(one))) => {
                left -= 1;
                if args.json {
                    print(&message::to_json(&one).to_string())?;
                } else if args.raw {
                    print(&String::from_utf8_lossy(&one.payload))?;
                } else {
                    print(&message::to_text(&one))?;
                }
            }
            Some((pattern, Received::Gap(gap))) => {
                if args.json {
                    print(&message::gap_json(&pattern, &gap).to_string())?;
                } else {
                    eprintln!("{}", message::gap_text(&pattern, &gap));
                }
            }
            Some(_) => {}
        }
    }
    Ok(())
}

//! `pointsman reply`.

use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use clap::Args;
use pointsman_client::{Client, Message, Received, SubscribeOptions};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::connection::{ConnectionArgs, tell_states};
use super::{Failure, block_on, message, print};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pointsman reply time.now \"it is late\"
  pointsman reply echo.me --echo --queue echoers
  pointsman reply math.sum --exec jq add         the request is its input, what it prints the reply")]
pub(super) struct ReplyArgs {
    /// Which requests to answer
    pattern: String,
    /// The answer
    #[arg(required_unless_present_any = ["echo", "exec"])]
    payload: Option<String>,
    /// Answer with the body of the request
    #[arg(long, conflicts_with_all = ["payload", "exec"])]
    echo: bool,
    /// Answer with what this command prints; takes the rest of the line
    #[arg(long, num_args = 1.., allow_hyphen_values = true, value_name = "COMMAND", conflicts_with = "payload")]
    exec: Vec<String>,
    /// Queue group: of all its members one answers each request
    #[arg(long, value_name = "GROUP")]
    queue: Option<String>,
    /// End after so many requests
    #[arg(long, short = 'n', value_name = "N")]
    count: Option<u64>,
    /// Commands at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    /// Do not print the requests
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// How requests are answered.
enum Answer {
    Text(Bytes),
    Echo,
    Exec(Vec<String>),
}

pub(super) fn run(args: ReplyArgs) -> Result<(), Failure> {
    block_on(reply(args))
}

async fn reply(args: ReplyArgs) -> Result<(), Failure> {
    let client = args.connection.connect().await?;
    let states = tokio::spawn(tell_states(client.clone()));
    let mut options = SubscribeOptions::new(&args.pattern);
    if let Some(queue) = &args.queue {
        options = options.queue(queue);
    }
    let mut requests = client.subscribe_with(options).await.map_err(|error| Failure::Failed(error.into()))?;
    eprintln!("answering requests to {}", args.pattern);
    let answer = Arc::new(if args.echo {
        Answer::Echo
    } else if args.exec.is_empty() {
        Answer::Text(args.payload.unwrap_or_default().into())
    } else {
        Answer::Exec(args.exec)
    });
    let places = Arc::new(Semaphore::new(args.jobs.into()));
    let mut running = JoinSet::new();
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        // Answers that are ready are taken in, so that the set stays as small as there are jobs.
        while running.try_join_next().is_some() {}
        let received = tokio::select! {
            received = requests.next() => received,
            _ = tokio::signal::ctrl_c() => None,
        };
        let request = match received {
            None => break,
            Some(Received::Message(request)) if request.reply.is_some() => request,
            Some(Received::Gap(gap)) => {
                eprintln!("{}", message::gap_text(&args.pattern, &gap));
                continue;
            }
            Some(_) => continue,
        };
        left -= 1;
        if !args.quiet {
            print(&message::to_text(&request))?;
        }
        let place = Arc::clone(&places).acquire_owned().await.context("no place for the answer")?;
        let (client, answer) = (client.clone(), Arc::clone(&answer));
        running.spawn(async move {
            if let Err(error) = respond(&client, &request, &answer).await {
                eprintln!("the request was not answered: {error:#}");
            }
            drop(place);
        });
    }
    while running.join_next().await.is_some() {}
    client.drain().await.map_err(|error| Failure::Failed(error.into()))?;
    states.abort();
    Ok(())
}

async fn respond(client: &Client, request: &Message, answer: &Answer) -> anyhow::Result<()> {
    let payload = match answer {
        Answer::Text(text) => text.clone(),
        Answer::Echo => request.payload.clone(),
        Answer::Exec(command) => exec(command, &request.payload).await?,
    };
    client.respond(request, payload)?;
    Ok(())
}

async fn exec(command: &[String], input: &[u8]) -> anyhow::Result<Bytes> {
    let (program, arguments) = command.split_first().ok_or_else(|| anyhow!("--exec names no command"))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("`{program}` cannot be started"))?;
    let mut stdin = child.stdin.take();
    let feed = async move {
        if let Some(stdin) = &mut stdin {
            // A command that does not read its input is none the worse for it.
            let _closed = stdin.write_all(input).await;
        }
        drop(stdin);
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), feed);
    let output = output.with_context(|| format!("`{program}` did not come to its end"))?;
    anyhow::ensure!(output.status.success(), "`{program}` ended with {}", output.status);
    Ok(output.stdout.into())
}

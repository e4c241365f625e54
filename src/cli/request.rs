//! `pointsman req`.

use std::time::{Duration, Instant};

use clap::Args;

use super::connection::{ConnectionArgs, time};
use super::{Failure, block_on, message, print};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pointsman req time.now
  pointsman req prices.get '{\"sku\":7}' --timeout 500ms --json")]
pub(super) struct ReqArgs {
    /// Whom to ask
    subject: String,
    /// The payload; `-` reads standard input
    #[arg(default_value = "")]
    payload: String,
    /// A header; repeatable
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = message::header)]
    header: Vec<(String, String)>,
    /// How long to wait for the reply
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    timeout: Duration,
    /// The reply as a JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

pub(super) fn run(args: &ReqArgs) -> Result<(), Failure> {
    let payload = message::payload((args.payload != "-").then(|| args.payload.clone()))?;
    let request = message::message(&args.subject, payload, &args.header)?;
    block_on(async {
        let client = args.connection.connect().await?;
        let asked = Instant::now();
        let reply = client.request_message(request, args.timeout).await;
        let took = asked.elapsed();
        client.close().await;
        let reply = reply.map_err(|error| Failure::Failed(error.into()))?;
        if args.json {
            return print(&message::to_json(&reply).to_string());
        }
        eprintln!("replied in {:.1} ms", took.as_secs_f64() * 1000.0);
        print(&String::from_utf8_lossy(&reply.payload))
    })
}

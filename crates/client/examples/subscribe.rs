//! Prints what is published to a pattern, and what was lost: `cargo run -p pointsman-client --example subscribe -- 'metrics.>'`.

use pointsman_client::{Client, ConnectionState, Received};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let pattern = arguments.next().unwrap_or_else(|| ">".to_owned());
    let url = arguments.next().unwrap_or_else(|| "ws://127.0.0.1:7422".to_owned());
    let client = Client::builder(&url).name("subscribe example").connect().await?;
    let mut subscription = client.subscribe(pattern).await?;
    let mut state = client.state();
    loop {
        tokio::select! {
            received = subscription.next() => match received {
                Some(Received::Message(message)) => {
                    println!("{}: {}", message.subject, String::from_utf8_lossy(&message.payload));
                }
                Some(Received::Gap(gap)) => println!("lost here: {:?} messages ({})", gap.lost, gap.reason),
                Some(_) => {}
                None => break,
            },
            Ok(()) = state.changed() => {
                if let ConnectionState::Reconnecting { attempt, next_delay, cause, .. } = &*state.borrow_and_update() {
                    eprintln!("{cause}; attempt {attempt} follows in {next_delay:?}");
                }
            }
        }
    }
    match subscription.ended() {
        Some(end) => Err(end.into()),
        None => Ok(()),
    }
}

//! Publishes lines of the standard input to a subject: `cargo run -p pointsman-client --example publish -- metrics.cpu < lines`.

use std::io::BufRead;

use pointsman_client::{Client, PublishError};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let subject = arguments.next().unwrap_or_else(|| "example.lines".to_owned());
    let url = arguments.next().unwrap_or_else(|| "ws://127.0.0.1:7422".to_owned());
    let client = Client::builder(&url).name("publish example").connect().await?;
    for line in std::io::stdin().lock().lines() {
        let mut payload = line?.into_bytes().into();
        // A full queue gives the message back; it waits here until the server has taken some.
        while let Err(error) = client.publish(&subject, payload) {
            let PublishError::Full { message, .. } = error else { return Err(error.into()) };
            payload = message.payload;
            client.writable().await;
        }
    }
    client.flush().await?;
    client.close().await;
    Ok(())
}

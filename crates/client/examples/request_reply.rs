//! Answers requests and asks some: `cargo run -p pointsman-client --example request_reply`.

use pointsman_client::{Client, RequestError, SubscribeOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:7422".to_owned());
    let responder = Client::builder(&url).name("responder example").connect().await?;
    // Of all members of a queue group one gets each request.
    let options = SubscribeOptions::new("example.square").queue("squares");
    let mut requests = responder.subscribe_with(options).await?;
    let answering = tokio::spawn(async move {
        while let Some(request) = requests.next_message().await {
            let answer = match request.json::<i64>() {
                Ok(number) => number.wrapping_mul(number).to_string(),
                Err(error) => format!("not a number: {error}"),
            };
            if let Err(error) = responder.respond(&request, answer) {
                eprintln!("{error}");
            }
        }
    });

    let client = Client::connect(&url).await?;
    for number in 1..=5 {
        let reply = client.request("example.square", number.to_string()).await?;
        println!("{number} × {number} = {}", String::from_utf8_lossy(&reply.payload));
    }
    match client.request("example.nobody", "").await {
        Err(RequestError::NoResponders) => println!("and nobody answers on example.nobody"),
        other => println!("unexpected: {other:?}"),
    }
    client.close().await;
    answering.abort();
    Ok(())
}

//! `POST /v1/publish`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use pointsman_contract::batch::{Answer, Batch, PublicationView};
use pointsman_contract::problem::Problem;
use pointsman_contract::refusal::Refusal;
use pointsman_protocol::codes::ErrorCode;
use pointsman_protocol::frame::BodyKind;
use pointsman_protocol::headers::HeaderBlock;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ApiError, App, bad_request, read_body};
use crate::connection_manager::user_subject;

/// Messages in one request.
const MESSAGES_MAX: usize = 1000;
/// Subjects of one message.
const SUBJECTS_MAX: usize = 1000;
const MESSAGE_ID_BYTES_MAX: usize = 128;
/// Headers of the request that become headers of the message.
const HEADER_PREFIX: &str = "pointsman-header-";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message<'a> {
    #[serde(borrow)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(default)]
    subjects: Vec<String>,
    #[serde(borrow)]
    user: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    base64: Option<Cow<'a, str>>,
    #[serde(default)]
    headers: BTreeMap<String, HeaderValues>,
    #[serde(borrow)]
    message_id: Option<Cow<'a, str>>,
}

/// A body of `null` is a body, not an absent one.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum HeaderValues {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Messages<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Serialize)]
pub(super) struct Published {
    accepted: usize,
    results: Vec<Told>,
}

#[derive(Serialize)]
struct Told {
    subject: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

pub(super) async fn publish(State(app): State<Arc<App>>, request: Request) -> Result<Json<Published>, ApiError> {
    require_json(request.headers())?;
    let body = read_body(&app, request).await?;
    // `messages` decides the form; looking for the word first would be fooled by bodies that contain it.
    let many = serde_json::from_slice::<BTreeMap<Cow<'_, str>, serde::de::IgnoredAny>>(&body)
        .is_ok_and(|keys| keys.contains_key("messages"));
    let messages = if many { parse::<Messages<'_>>(&body)?.messages } else { vec![parse::<Message<'_>>(&body)?] };
    if messages.is_empty() || messages.len() > MESSAGES_MAX {
        let detail = format!("`messages` has {} entries; from 1 to {MESSAGES_MAX} are taken", messages.len());
        return Err(bad_request(detail, "Split the list.").at("/messages").into());
    }
    // Everything is looked over before anything is published.
    let mut prepared = Vec::with_capacity(messages.len());
    for (at, message) in messages.iter().enumerate() {
        let pointer = if many { format!("/messages/{at}") } else { String::new() };
        prepared.push(prepare(message, &pointer)?);
    }
    let mut out = Outgoing::new(&app);
    prepared.iter().for_each(|message| message.publish(&mut out));
    out.answer()
}

/// The body as it is goes to one subject.
pub(super) async fn publish_raw(
    State(app): State<Arc<App>>,
    Path(subject): Path<String>,
    request: Request,
) -> Result<Json<Published>, ApiError> {
    let mut headers = HeaderBlock::new();
    for (name, value) in request.headers() {
        let Some(name) = name.as_str().strip_prefix(HEADER_PREFIX) else { continue };
        let value = value.to_str().map_err(|_| {
            Problem::new(ErrorCode::BadHeaders, format!("the value of `{name}` is not text"), "Send ASCII text.")
        })?;
        push_header(&mut headers, name, value, "")?;
    }
    let body = read_body(&app, request).await?;
    let message = Prepared {
        subjects: vec![subject],
        message_id: None,
        headers,
        payload: Cow::Borrowed(&body),
        body: BodyKind::Unknown,
    };
    let mut out = Outgoing::new(&app);
    message.publish(&mut out);
    out.answer()
}

/// A message that has been looked over.
struct Prepared<'a> {
    subjects: Vec<String>,
    message_id: Option<&'a str>,
    headers: HeaderBlock,
    payload: Cow<'a, [u8]>,
    body: BodyKind,
}

impl Prepared<'_> {
    /// Adds it once per subject.
    fn publish(&self, out: &mut Outgoing<'_>) {
        for subject in &self.subjects {
            out.push(&PublicationView {
                subject,
                reply: None,
                message_id: self.message_id,
                headers: self.headers.as_bytes(),
                payload: &self.payload,
                body: self.body,
                answer: Answer::Acknowledge(0),
            });
        }
    }
}

/// Publishes in batches, so that many subjects of one large body do not stand in memory all at once.
struct Outgoing<'a> {
    app: &'a App,
    batch: Batch,
    subjects: Vec<String>,
    results: Vec<Result<(), Refusal>>,
}

impl<'a> Outgoing<'a> {
    fn new(app: &'a App) -> Self {
        Self { app, batch: Batch::default(), subjects: Vec::new(), results: Vec::new() }
    }

    fn push(&mut self, publication: &PublicationView<'_>) {
        if self.batch.is_full() {
            self.flush();
        }
        self.batch.push(publication);
        self.subjects.push(publication.subject.to_owned());
    }

    fn flush(&mut self) {
        self.results.append(&mut self.app.publisher.publish(&self.batch));
        self.batch.clear();
    }

    fn answer(mut self) -> Result<Json<Published>, ApiError> {
        self.flush();
        if let [result] = self.results.as_mut_slice()
            && let Err(refusal) = std::mem::replace(result, Ok(()))
        {
            return Err(Problem::from(refusal).into());
        }
        let accepted = self.results.iter().filter(|result| result.is_ok()).count();
        let results =
            self.subjects.into_iter().zip(self.results).map(|(subject, result)| told(subject, result)).collect();
        Ok(Json(Published { accepted, results }))
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json") {
        return Ok(());
    }
    let detail = format!("the body's media type is `{given}`");
    let next_step = "Send `Content-Type: application/json`, or the bare payload to /v1/publish/<subject>.";
    Err(Problem::new(ErrorCode::Unsupported, detail, next_step).status(415).into())
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer_of(error.path());
        let inner = error.into_inner();
        let status = if inner.is_syntax() || inner.is_eof() { 400 } else { 422 };
        bad_request(inner.to_string(), "Correct the field; docs/http.md lists what is taken.")
            .status(status)
            .at(pointer)
    })?;
    reader.end().map_err(|error| bad_request(error.to_string(), "Send one JSON object."))?;
    Ok(parsed)
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            _ => String::new(),
        })
        .collect()
}

/// Looks a message over.
fn prepare<'a>(message: &'a Message<'_>, pointer: &str) -> Result<Prepared<'a>, ApiError> {
    let wrong = |key: &str, detail: String, next: &str| {
        Err(ApiError::from(bad_request(detail, next).status(422).at(format!("{pointer}{key}"))))
    };
    let named = [message.subject.is_some(), message.channel.is_some(), !message.subjects.is_empty()];
    if named.iter().filter(|named| **named).count() != 1 {
        return wrong(
            "",
            "a message needs exactly one of `subject`, `channel`, `subjects`".into(),
            "Name where it goes.",
        );
    }
    if message.subjects.len() > SUBJECTS_MAX {
        return wrong("/subjects", format!("at most {SUBJECTS_MAX} subjects are taken"), "Split the list.");
    }
    let bodies = [message.data.is_some(), message.text.is_some(), message.base64.is_some()];
    if bodies.iter().filter(|given| **given).count() > 1 {
        return wrong("", "a message has at most one of `data`, `text`, `base64`".into(), "Keep one of them.");
    }
    if let Some(id) = &message.message_id
        && (id.is_empty() || id.len() > MESSAGE_ID_BYTES_MAX || !id.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        let detail = format!("`message_id` is 1 to {MESSAGE_ID_BYTES_MAX} bytes of printable ASCII");
        return Err(bad_request(detail, "Use a UUID, for one.").at(format!("{pointer}/message_id")).into());
    }
    let mut headers = HeaderBlock::new();
    for (name, values) in &message.headers {
        let values = match values {
            HeaderValues::One(value) => std::slice::from_ref(value),
            HeaderValues::Many(values) => values,
        };
        for value in values {
            push_header(&mut headers, name, value, pointer)?;
        }
    }
    let (payload, body): (Cow<'_, [u8]>, _) = match (&message.data, &message.text, &message.base64) {
        (Some(data), _, _) => (Cow::Borrowed(data.get().as_bytes()), BodyKind::Json),
        (_, Some(text), _) => (Cow::Borrowed(text.as_bytes()), BodyKind::Unknown),
        (_, _, Some(encoded)) => match BASE64.decode(encoded.as_bytes()) {
            Ok(decoded) => (Cow::Owned(decoded), BodyKind::Unknown),
            Err(error) => {
                return wrong("/base64", format!("this is not base64: {error}"), "Use the standard alphabet.");
            }
        },
        _ => (Cow::Borrowed(&[]), BodyKind::Unknown),
    };
    let single = message.subject.as_deref().or(message.channel.as_deref());
    let names = single.into_iter().chain(message.subjects.iter().map(String::as_str));
    let subjects = match &message.user {
        None => names.map(str::to_owned).collect(),
        Some(user) => match names.map(|name| user_subject(user, name)).collect() {
            Ok(subjects) => subjects,
            Err(refusal) => return wrong("/user", refusal.message, "Use a plain name."),
        },
    };
    Ok(Prepared { subjects, message_id: message.message_id.as_deref(), headers, payload, body })
}

fn push_header(headers: &mut HeaderBlock, name: &str, value: &str, pointer: &str) -> Result<(), ApiError> {
    headers.push(name, value).map_err(|error| {
        let problem = Problem::new(ErrorCode::BadHeaders, format!("header `{name}`: {error}"), "Correct the header.");
        ApiError::from(if pointer.is_empty() { problem } else { problem.at(format!("{pointer}/headers/{name}")) })
    })
}

fn told(subject: String, result: Result<(), Refusal>) -> Told {
    match result {
        Ok(()) => Told { subject, ok: true, code: None, reason: None, message: None },
        Err(refusal) => Told {
            subject,
            ok: false,
            code: Some(refusal.code.code()),
            reason: Some(refusal.code.name()),
            message: Some(refusal.message),
        },
    }
}

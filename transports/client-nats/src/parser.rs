//! From bytes to operations.

use std::ops::ControlFlow;

use memchr::memchr;

use crate::op::{Fault, Op};

/// Sizes with more digits are refused, as no payload is that large.
const SIZE_DIGITS_MAX: usize = 9;
/// Fields of the longest operation, `HPUB subject reply headers total`.
const FIELDS_MAX: usize = 4;

/// What a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParserLimits {
    /// Bytes of the arguments of an operation, and of the spaces before them.
    pub control_line: usize,
    /// Bytes of a payload, headers included.
    pub payload: usize,
}

/// Follows the bytes of one client. Whole operations are read where they lie; only the beginning of an unfinished one is kept.
#[derive(Debug)]
pub struct Parser {
    limits: ParserLimits,
    headers: bool,
    unfinished: Vec<u8>,
    /// Bytes that the unfinished operation needs before it is worth looking at again.
    needs: usize,
}

/// How far an operation has come.
enum Step<'a> {
    /// It is whole and takes so many bytes.
    Whole(Op<'a>, usize),
    /// There must be so many bytes before it can be.
    More(usize),
}

type Parsed<'a> = Result<Step<'a>, Fault>;

impl Parser {
    /// A parser at the beginning of a connection.
    #[must_use]
    pub fn new(limits: ParserLimits) -> Self {
        Self { limits, headers: false, unfinished: Vec::new(), needs: 0 }
    }

    /// Whether `HPUB` is allowed: both ends have said that they have headers.
    pub fn set_headers(&mut self, headers: bool) {
        self.headers = headers;
    }

    /// Bytes kept for an operation that is not whole yet.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.unfinished.len()
    }

    /// Reads on; `each` gets every whole operation in order, together with the parser's settings to change, and may break off: what follows is then dropped.
    ///
    /// # Errors
    /// The first fault. Operations before it have been handed over; nothing may be read after it.
    pub fn read(
        &mut self,
        bytes: &[u8],
        each: &mut dyn FnMut(Op<'_>, &mut ParserSettings) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        let mut settings = ParserSettings { headers: self.headers };
        let mut kept = std::mem::take(&mut self.unfinished);
        let whole = if kept.is_empty() {
            bytes
        } else {
            kept.extend_from_slice(bytes);
            &kept
        };
        if whole.len() < self.needs {
            self.unfinished = kept;
            return Ok(());
        }
        let (rest, needs) = run(whole, self.limits, &mut settings, each)?;
        self.needs = needs;
        self.headers = settings.headers;
        if rest.len() < kept.len() {
            let done = kept.len() - rest.len();
            kept.drain(..done);
            // A large payload must not stay allocated behind it.
            if kept.is_empty() {
                kept = Vec::new();
            }
            self.unfinished = kept;
        } else if !rest.is_empty() {
            self.unfinished = if kept.is_empty() { rest.to_vec() } else { kept };
        }
        Ok(())
    }
}

/// What an operation can change about reading those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParserSettings {
    /// Whether `HPUB` is allowed.
    pub headers: bool,
}

/// Hands over whole operations and returns what is left, and how much of it there must be to go on.
fn run<'a>(
    mut bytes: &'a [u8],
    limits: ParserLimits,
    settings: &mut ParserSettings,
    each: &mut dyn FnMut(Op<'_>, &mut ParserSettings) -> ControlFlow<()>,
) -> Result<(&'a [u8], usize), Fault> {
    while !bytes.is_empty() {
        match operation(bytes, limits, settings.headers)? {
            Step::Whole(op, len) => {
                bytes = bytes.get(len..).unwrap_or_default();
                if each(op, settings).is_break() {
                    return Ok((&[], 0));
                }
            }
            Step::More(needs) => return Ok((bytes, needs)),
        }
    }
    Ok((bytes, 0))
}

/// The operation at the beginning of `bytes`.
fn operation(bytes: &[u8], limits: ParserLimits, headers: bool) -> Parsed<'_> {
    let first = bytes.first().map_or(0, u8::to_ascii_uppercase);
    let second = bytes.get(1).map_or(0, u8::to_ascii_uppercase);
    match (first, second) {
        (b'P', _) if bytes.len() == 1 => Ok(Step::More(2)),
        (b'P', b'U') => arguments(bytes, b"PUB", Gap::Needed, limits, |args, after| publish(args, after, limits)),
        (b'P', b'I') => ignoring(bytes, b"PING", Op::Ping, limits),
        (b'P', b'O') => ignoring(bytes, b"PONG", Op::Pong, limits),
        (b'H', _) => arguments(bytes, b"HPUB", Gap::Needed, limits, |args, after| {
            if headers { publish_with_headers(args, after, limits) } else { Err(Fault::Headers) }
        }),
        (b'S', _) => arguments(bytes, b"SUB", Gap::Needed, limits, |args, _| subscribe(args)),
        (b'U', _) => arguments(bytes, b"UNSUB", Gap::Needed, limits, |args, _| unsubscribe(args)),
        (b'C', _) => arguments(bytes, b"CONNECT", Gap::Allowed, limits, |args, _| Ok(Args::Done(Op::Connect(args)))),
        (b'I', _) => arguments(bytes, b"INFO", Gap::Allowed, limits, |_, _| Ok(Args::Done(Op::Nothing))),
        (b'+', _) => ignoring(bytes, b"+OK", Op::Nothing, limits),
        (b'-', _) => arguments(bytes, b"-ERR", Gap::Needed, limits, |_, _| Err(Fault::ByClient)),
        _ => Err(Fault::UnknownOperation),
    }
}

/// Whether a space must stand between the operation and its arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    Needed,
    Allowed,
}

/// What the arguments of an operation come to.
enum Args<'a> {
    /// All of it.
    Done(Op<'a>),
    /// A payload follows; together with its line end it takes so many bytes.
    Payload { op: Op<'a>, len: usize },
}

/// What stands after the name, as far as it has come: `None` when the name is not whole yet.
fn after_name<'a>(bytes: &'a [u8], name: &[u8]) -> Result<Option<&'a [u8]>, Fault> {
    let have = bytes.len().min(name.len());
    let (start, rest) = bytes.split_at(have);
    if !start.eq_ignore_ascii_case(name.get(..have).unwrap_or_default()) {
        return Err(Fault::UnknownOperation);
    }
    Ok((have == name.len()).then_some(rest))
}

/// An operation without arguments: whatever stands in its line is not looked at.
fn ignoring<'a>(bytes: &'a [u8], name: &[u8], op: Op<'a>, limits: ParserLimits) -> Parsed<'a> {
    let Some(rest) = after_name(bytes, name)? else { return Ok(Step::More(name.len())) };
    let end = memchr(b'\n', rest);
    if end.unwrap_or(rest.len()) > limits.control_line {
        return Err(Fault::ControlLine);
    }
    Ok(end.map_or(Step::More(bytes.len() + 1), |end| Step::Whole(op, name.len() + end + 1)))
}

fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn arguments<'a>(
    bytes: &'a [u8],
    name: &[u8],
    gap: Gap,
    limits: ParserLimits,
    read: impl FnOnce(&'a [u8], &'a [u8]) -> Result<Args<'a>, Fault>,
) -> Parsed<'a> {
    let Some(rest) = after_name(bytes, name)? else { return Ok(Step::More(name.len())) };
    if gap == Gap::Needed && rest.first().is_some_and(|first| !is_space(first)) {
        return Err(Fault::UnknownOperation);
    }
    let spaces = rest.iter().take_while(|byte| is_space(byte)).count();
    // They are no arguments, but they are kept all the same.
    if spaces > limits.control_line {
        return Err(Fault::ControlLine);
    }
    let line = rest.get(spaces..).unwrap_or_default();
    // The first byte of the arguments is taken as it is, a line end too.
    let Some(end) = memchr(b'\n', line.get(1..).unwrap_or_default()).map(|at| at + 1) else {
        // Its last byte may be the first of the line's end.
        return if line.strip_suffix(b"\r").unwrap_or(line).len() > limits.control_line {
            Err(Fault::ControlLine)
        } else {
            Ok(Step::More(bytes.len() + 1))
        };
    };
    let (args, after) = line.split_at(end);
    let args = args.strip_suffix(b"\r").unwrap_or(args);
    if args.len() > limits.control_line {
        return Err(Fault::ControlLine);
    }
    let head = name.len() + spaces + end + 1;
    match read(args, after.get(1..).unwrap_or_default())? {
        Args::Done(op) => Ok(Step::Whole(op, head)),
        Args::Payload { op, len } => payload_end(bytes, head, len, op),
    }
}

/// A payload is whole when it ends with CR LF, and wrong as soon as it does not.
fn payload_end<'a>(bytes: &'a [u8], head: usize, len: usize, op: Op<'a>) -> Parsed<'a> {
    let total = head + len;
    let ends_wrongly = |at: usize, expected: u8| bytes.get(at).is_some_and(|byte| *byte != expected);
    if ends_wrongly(total - 2, b'\r') || ends_wrongly(total - 1, b'\n') {
        return Err(Fault::UnknownOperation);
    }
    Ok(match bytes.len() {
        len if len >= total => Step::Whole(op, total),
        len if len + 1 == total => Step::More(total),
        // The first of the two bytes that can be wrong is the last but one.
        _ => Step::More(total - 1),
    })
}

/// Splits arguments into fields; `None` when there are too many.
fn fields<'a, const N: usize>(args: &'a [u8], also: &[u8]) -> Option<([&'a [u8]; N], usize)> {
    let mut found = [&[][..]; N];
    let mut count = 0;
    for field in args.split(|byte| is_space(byte) || also.contains(byte)).filter(|field| !field.is_empty()) {
        *found.get_mut(count)? = field;
        count += 1;
    }
    Some((found, count))
}

/// A plain decimal number.
fn size(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > SIZE_DIGITS_MAX {
        return None;
    }
    digits.iter().try_fold(0usize, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + usize::from(digit - b'0')))
}

fn publish<'a>(args: &'a [u8], after: &'a [u8], limits: ParserLimits) -> Result<Args<'a>, Fault> {
    let (found, count) = fields::<FIELDS_MAX>(args, b"").ok_or(Fault::Fields)?;
    let (subject, reply, total) = match (found, count) {
        ([subject, total, ..], 2) => (subject, None, total),
        ([subject, reply, total, _], 3) => (subject, Some(reply), total),
        _ => return Err(Fault::Fields),
    };
    let total = size(total).ok_or(Fault::Fields)?;
    if total > limits.payload {
        return Err(Fault::Payload);
    }
    let payload = after.get(..total).unwrap_or_default();
    Ok(Args::Payload { op: Op::Publish { subject, reply, headers: &[], payload }, len: total + 2 })
}

fn publish_with_headers<'a>(args: &'a [u8], after: &'a [u8], limits: ParserLimits) -> Result<Args<'a>, Fault> {
    let (found, count) = fields::<FIELDS_MAX>(args, b"").ok_or(Fault::Fields)?;
    let (subject, reply, head, total) = match (found, count) {
        ([subject, head, total, _], 3) => (subject, None, head, total),
        ([subject, reply, head, total], 4) => (subject, Some(reply), head, total),
        _ => return Err(Fault::Fields),
    };
    let head = size(head).ok_or(Fault::Fields)?;
    let total = size(total).ok_or(Fault::Fields)?;
    if head > total {
        return Err(Fault::Fields);
    }
    if total > limits.payload {
        return Err(Fault::Payload);
    }
    let (headers, payload) = after.get(..total).unwrap_or_default().split_at_checked(head).unwrap_or_default();
    Ok(Args::Payload { op: Op::Publish { subject, reply, headers, payload }, len: total + 2 })
}

fn subscribe(args: &[u8]) -> Result<Args<'_>, Fault> {
    let (found, count) = fields::<FIELDS_MAX>(args, b"\r").ok_or(Fault::Fields)?;
    let op = match (found, count) {
        ([pattern, sid, ..], 2) => Op::Subscribe { pattern, queue: None, sid },
        ([pattern, queue, sid, _], 3) => Op::Subscribe { pattern, queue: Some(queue), sid },
        _ => return Err(Fault::Fields),
    };
    Ok(Args::Done(op))
}

fn unsubscribe(args: &[u8]) -> Result<Args<'_>, Fault> {
    let (found, count) = fields::<FIELDS_MAX>(args, b"\r").ok_or(Fault::Fields)?;
    let op = match (found, count) {
        ([sid, ..], 1) => Op::Unsubscribe { sid, max: None },
        // A number that cannot be read ends the subscription now, as no number does.
        ([sid, max, ..], 2) => Op::Unsubscribe { sid, max: size(max).map(|max| max as u64) },
        _ => return Err(Fault::Fields),
    };
    Ok(Args::Done(op))
}

#[cfg(test)]
mod tests;

//! What the cluster's events say of pods and Jobs that do not start. An API server reads all events of a namespace to
//! answer for one object, so where many wait in a namespace, one question is asked for all of them, and now and then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use kube::{Client, Resource as _};

use super::answers::{AnswerError, Answers, Extent};
use super::pod;
use super::room::{Room, Rooms};
use super::text::shorten;

/// Up to this many waiting runs of a namespace are each asked about separately.
const FEW: usize = 3;
/// How long one answer holds for all of a namespace.
const FRESH: Duration = Duration::from_secs(50);
/// The same for those of whom it says nothing.
const FRESH_SILENCE: Duration = Duration::from_secs(10);
/// How many events one answer holds at most.
const PAGE: u32 = 300;
/// How many are read at most for each run that waits: about ten are kept of each, and more of one that waited before.
const MOST_EACH: usize = 30;
/// How many are read at least and at most, whatever others have written into the namespace.
const MOST: std::ops::RangeInclusive<usize> = 3000..=30_000;
/// Of how many objects words are kept at most.
const MOST_OBJECTS: usize = 5000;
/// The longest words that are kept.
const WORDS: usize = 1000;

/// The newest complaint about each object of a namespace.
#[derive(Debug, Default)]
struct Book {
    read: Option<Instant>,
    said: HashMap<String, (Option<Timestamp>, String)>,
}

/// What events say, by namespace.
#[derive(Debug, Default)]
pub struct Complaints {
    books: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Book>>>>,
    /// Separate from the room for passes: a pass that asks holds some of that already, and would wait for itself.
    rooms: Rooms,
}

impl Complaints {
    /// The newest warning about an object; none if there is none, or if the events cannot be read: they only explain.
    ///
    /// `crowd` is how many runs wait in the namespace.
    pub async fn about(&self, client: &Client, namespace: &str, uid: &str, crowd: usize) -> Option<String> {
        let answers = Answers { client, rooms: &self.rooms };
        let answer = if crowd > FEW {
            self.looked_up(answers, (namespace, uid), crowd).await
        } else {
            ask(answers, namespace, uid).await
        };
        answer.unwrap_or_else(|error| {
            tracing::debug!(%error, "events cannot be read");
            None
        })
    }

    async fn looked_up(
        &self,
        answers: Answers<'_>,
        (namespace, uid): (&str, &str),
        crowd: usize,
    ) -> Result<Option<String>, AnswerError> {
        let book = {
            let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
            // Drops those that are no longer read.
            books.retain(|_, book| book.try_lock().map_or(true, |book| book.is_recent(4 * FRESH)));
            Arc::clone(books.entry(namespace.to_owned()).or_default())
        };
        // If another is reading already, wait for its answer instead of asking.
        let mut book = book.lock().await;
        let fresh = if book.said.contains_key(uid) { FRESH } else { FRESH_SILENCE };
        if !book.is_recent(fresh) {
            let most = (crowd * MOST_EACH).clamp(*MOST.start(), *MOST.end());
            *book = read_book(answers, namespace, "type=Warning", most).await?;
        }
        Ok(book.said.get(uid).map(|(_, words)| words.clone()))
    }
}

impl Book {
    fn is_recent(&self, age: Duration) -> bool {
        self.read.is_some_and(|read| read.elapsed() < age)
    }

    fn note(&mut self, event: Event) {
        let at = pod::event_time(&event);
        let (Some(uid), Some(words)) = (event.involved_object.uid, event.message) else { return };
        if self.said.len() >= MOST_OBJECTS && !self.said.contains_key(&uid) {
            return;
        }
        let newest = self.said.entry(uid).or_default();
        if newest.1.is_empty() || newest.0 <= at {
            *newest = (at, shorten(&words, WORDS));
        }
    }
}

async fn ask(answers: Answers<'_>, namespace: &str, uid: &str) -> Result<Option<String>, AnswerError> {
    let fields = format!("involvedObject.uid={uid},type=Warning");
    let mut book = read_book(answers, namespace, &fields, 1).await?;
    Ok(book.said.remove(uid).map(|(_, words)| words))
}

/// Reads events until this many were seen: a page more, perhaps.
async fn read_book(answers: Answers<'_>, namespace: &str, fields: &str, most: usize) -> Result<Book, AnswerError> {
    let mut book = Book { read: Some(Instant::now()), said: HashMap::new() };
    let (path, mut room) = (Event::url_path(&(), Some(namespace)), Room::default());
    let selection = (ListParams::default().fields(fields).limit(PAGE), Extent::Whole, most);
    let note = |event: Event| -> Option<()> {
        if pod::is_complaint(&event) {
            book.note(event);
        }
        None
    };
    answers.list(&path, selection, (&mut room, 0), note).await?;
    Ok(book)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Event;

    use super::Book;

    #[test]
    fn the_newest_words_about_an_object_count() {
        let event = |uid: &str, at: &str, words: &str| -> Event {
            serde_json::from_value(serde_json::json!({
                "metadata": {}, "involvedObject": {"uid": uid}, "lastTimestamp": at, "message": words
            }))
            .unwrap()
        };
        let mut book = Book::default();
        book.note(event("a", "2026-11-30T12:00:00Z", "secret not found"));
        book.note(event("b", "2026-11-30T12:00:09Z", "quota"));
        book.note(event("a", "2026-11-30T12:00:05Z", "no such key"));
        book.note(event("a", "2026-11-30T12:00:01Z", "older"));
        assert_eq!(book.said["a"].1, "no such key");
        assert_eq!(book.said["b"].1, "quota");
    }
}

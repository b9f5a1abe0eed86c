//! Answers of the API server, each read into memory once, and no further than there is room for it. An answer may be six
//! times as long as the object that it shows (JSON by Go writes `<` as `\u003c`), and objects that anybody may make, or mark
//! as ours, come as large and as many as a namespace's owner likes. Reads only, and decides nothing.

use futures::AsyncBufReadExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::Client;
use kube::api::{GetParams, ListParams};
use kube::core::Request;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::refusal::words;
use super::room::{Full, Room, Rooms};

/// The longest page of a list that is read to its end; of one that is longer, fewer objects are asked for.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// By how much fewer.
const FEWER: u32 = 8;
/// How the API server is asked for an object's metadata alone.
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// Why an answer was not read.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// There is no room for it now.
    #[error(transparent)]
    Full(#[from] Full),
    /// The call failed.
    #[error("{}", words(.0))]
    Call(Box<kube::Error>),
}

impl From<kube::Error> for AnswerError {
    fn from(error: kube::Error) -> Self {
        Self::Call(Box::new(error))
    }
}

/// How much of an object is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent {
    Whole,
    Metadata,
}

/// Asks the API server.
#[derive(Clone, Copy)]
pub struct Answers<'a> {
    pub client: &'a Client,
    /// Where answers find room.
    pub rooms: &'a Rooms,
}

/// A page of a list. What belongs to a list alone is passed over.
#[derive(Deserialize)]
struct Page<T> {
    metadata: ListMeta,
    /// Null where a list of metadata is empty.
    #[serde(bound = "T: Deserialize<'de>")]
    items: Option<Vec<T>>,
}

impl Answers<'_> {
    /// The object at a path, if there is one. `room` is the caller's, who holds this many bytes already.
    ///
    /// # Errors
    ///
    /// [`AnswerError`]: the call failed, or there is no room.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        (name, extent): (&str, Extent),
        (room, held): (&mut Room, usize),
    ) -> Result<Option<T>, AnswerError> {
        let (request, parameters) = (Request::new(path), GetParams::default());
        let request = match extent {
            Extent::Whole => request.get(name, &parameters),
            Extent::Metadata => request.get_metadata(name, &parameters),
        };
        let request = request.map_err(kube::Error::BuildRequest)?;
        match self.read(request, (room, held), usize::MAX).await {
            Ok(Some(body)) => Ok(Some(parsed(&body)?)),
            Ok(None) => Ok(None),
            Err(AnswerError::Call(error)) if is_not_found(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The objects of a selection, page after page, until this many were seen. `keep` returns what is kept of each.
    ///
    /// # Errors
    ///
    /// [`AnswerError`]: a call failed, or there is no room.
    pub async fn list<T: DeserializeOwned, U>(
        &self,
        path: &str,
        (mut selection, extent, most): (ListParams, Extent, usize),
        (room, held): (&mut Room, usize),
        mut keep: impl FnMut(T) -> Option<U>,
    ) -> Result<Vec<U>, AnswerError> {
        let (mut kept, mut seen) = (Vec::new(), 0);
        while seen < most {
            let request = Request::new(path);
            let request = match extent {
                Extent::Whole => request.list(&selection),
                Extent::Metadata => request.list_metadata(&selection),
            };
            let request = request.map_err(kube::Error::BuildRequest)?;
            let limit = selection.limit.unwrap_or(1).max(1);
            let longest = if limit > 1 { PAGE_BYTES } else { usize::MAX };
            let Some(body) = self.read(request, (room, held), longest).await? else {
                selection.limit = Some((limit / FEWER).max(1));
                continue;
            };
            let page: Page<T> = parsed(&body)?;
            drop(body);
            let items = page.items.unwrap_or_default();
            seen += items.len();
            kept.extend(items.into_iter().filter_map(&mut keep));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => selection.continue_token = Some(token),
                None => break,
            }
        }
        room.shrink(held);
        Ok(kept)
    }

    /// A whole body; none where it has more than `longest` bytes.
    async fn read(
        &self,
        request: axum::http::Request<Vec<u8>>,
        (room, held): (&mut Room, usize),
        longest: usize,
    ) -> Result<Option<Vec<u8>>, AnswerError> {
        let mut stream = std::pin::pin!(self.client.request_stream(request).await?);
        let mut body = Vec::new();
        loop {
            let chunk = stream.fill_buf().await.map_err(kube::Error::ReadEvents)?;
            if chunk.is_empty() {
                return Ok(Some(body));
            }
            body.extend_from_slice(chunk);
            let length = chunk.len();
            stream.as_mut().consume_unpin(length);
            if body.len() > longest {
                return Ok(None);
            }
            self.rooms.grow(room, held.saturating_add(body.len())).await?;
        }
    }
}

/// A write whose answer only contains the object's metadata: the whole object would be long, and nobody reads it.
#[must_use]
pub fn briefly(mut request: axum::http::Request<Vec<u8>>) -> axum::http::Request<Vec<u8>> {
    let value = axum::http::HeaderValue::from_static(METADATA_ONLY);
    request.headers_mut().insert(axum::http::header::ACCEPT, value);
    request
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, AnswerError> {
    serde_json::from_slice(body).map_err(|error| kube::Error::SerdeError(error).into())
}

fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

#[cfg(test)]
mod tests {
    use super::{Page, parsed};

    #[test]
    fn an_empty_list_is_empty_however_it_is_written() {
        for items in ["[]", "null"] {
            let body = format!("{{\"metadata\": {{\"resourceVersion\": \"7\"}}, \"items\": {items}}}");
            let page: Page<u8> = parsed(body.as_bytes()).unwrap();
            assert_eq!(page.items.unwrap_or_default(), Vec::<u8>::new());
        }
        let page: Page<u8> = parsed(b"{\"metadata\": {\"continue\": \"x\"}, \"items\": [1, 2]}").unwrap();
        assert_eq!((page.items, page.metadata.continue_.as_deref()), (Some(vec![1, 2]), Some("x")));
    }
}

//! Forms with files (`multipart/form-data`, RFC 7578) that are read as they arrive and never held as a
//! whole; whoever reads them counts their bytes.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, StreamExt};

use super::extract::{header_text, refuse_coding, unsupported};
use super::guard::passed;
use super::problem::Problem;

/// A form whose parts come one after the other.
pub struct FormFlow(Multipart);

/// One part of such a form.
pub struct FormPart {
    /// Name of the field.
    pub name: String,
    /// What the sender calls the file; absent for plain fields.
    pub file_name: Option<String>,
    field: Field,
}

impl FormFlow {
    /// The next part; what nobody has read of the part before is passed over.
    pub async fn next(&mut self) -> Result<Option<FormPart>, Problem> {
        let Some(field) = self.0.next().await else { return Ok(None) };
        let field = field.map_err(|error| unreadable(&error))?;
        let disposition = field.content_disposition();
        let extended = disposition.and_then(|it| it.get_filename_ext());
        let extended = extended.and_then(|it| String::from_utf8(it.value.clone()).ok());
        let plain = disposition.and_then(|it| it.get_filename()).map(str::to_owned);
        let name = field.name().unwrap_or_default().to_owned();
        Ok(Some(FormPart { name, file_name: extended.or(plain), field }))
    }
}

impl FormPart {
    /// The next bytes of the part; none at its end.
    pub async fn bytes(&mut self) -> Result<Option<Bytes>, Problem> {
        self.field.next().await.transpose().map_err(|error| unreadable(&error))
    }

    /// The whole part as text of at most `limit` bytes.
    pub async fn text(&mut self, limit: usize) -> Result<String, Problem> {
        let (mut all, mut is_long) = (Vec::new(), false);
        while let Some(bytes) = self.bytes().await? {
            is_long |= all.len() + bytes.len() > limit;
            if !is_long {
                all.extend_from_slice(&bytes);
            }
        }
        if is_long {
            return Err(Problem::invalid(&*self.name, format!("is longer than {limit} bytes")));
        }
        let text = String::from_utf8(all);
        let text = text.map_err(|_| Problem::invalid(&*self.name, "is not UTF-8"))?;
        if text.contains('\0') {
            return Err(Problem::invalid(&*self.name, "the character U+0000 is not allowed"));
        }
        Ok(text)
    }
}

fn unreadable(error: &MultipartError) -> Problem {
    Problem::malformed(format_args!("the form cannot be read: {error}"))
}

impl FromRequest for FormFlow {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let passed = passed(request);
        let given = header_text(request.headers(), header::CONTENT_TYPE);
        let media_type = given.split(';').next().unwrap_or_default().trim();
        let is_form = media_type.eq_ignore_ascii_case("multipart/form-data");
        let refusal = || {
            unsupported(format!("the content type must be multipart/form-data, not '{media_type}'"))
        };
        let acceptable = refuse_coding(request.headers());
        let acceptable = acceptable.and_then(|()| is_form.then_some(()).ok_or_else(refusal));
        let form = Multipart::from_request(request, payload).into_inner();
        async move {
            passed.await?;
            acceptable?;
            form.map(Self).map_err(Problem::malformed)
        }
        .boxed_local()
    }
}

//! Log lines as JSON objects: time, level, message, own fields, and the fields of the spans around,
//! so that `request_id` and `user_id` stand in every line of a request.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope};

use crate::base::timeline::Clock;

use super::redact::{is_secret_name, redact};

/// Takes one finished line, without its line feed.
type Sink = Box<dyn Fn(&str) + Send + Sync>;

/// The layer that writes the lines.
#[derive(Default)]
pub(super) struct JsonLines {
    sinks: Vec<Sink>,
}

impl JsonLines {
    /// Adds a place to which every line goes.
    pub(super) fn add(&mut self, sink: impl Fn(&str) + Send + Sync + 'static) {
        self.sinks.push(Box::new(sink));
    }
}

/// Fields of a span, kept with it.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for JsonLines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut own = Fields::default();
        event.record(&mut own);
        // Events of the `log` crate come with their origin as fields.
        let target = match own.0.remove("log.target") {
            Some(Value::String(target)) => target,
            _ => event.metadata().target().to_owned(),
        };
        own.0.retain(|name, _| !name.starts_with("log."));
        let mut line = Map::new();
        let now = Clock::system().now();
        line.insert("timestamp".into(), now.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string().into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("target".into(), target.into());
        line.insert("message".into(), own.0.remove("message").unwrap_or_default());
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(fields) = span.extensions().get::<Fields>() {
                line.extend(fields.0.clone());
            }
        }
        line.extend(own.0);
        let line = Value::Object(line).to_string();
        for sink in &self.sinks {
            sink(&line);
        }
    }
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let secret = is_secret_name(field.name());
        let value = match value {
            _ if secret => "***".into(),
            Value::String(text) => redact(&text).into_owned().into(),
            other => other,
        };
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

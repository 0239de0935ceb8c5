//! What statements cost and write, as metrics.

#[cfg(test)]
use std::cell::Cell;
use std::time::Instant;

use diesel::connection::{Instrumentation, InstrumentationEvent};

#[cfg(test)]
thread_local! {
    static ANSWERED: Cell<u64> = const { Cell::new(0) };
}

/// Statements that this thread, which is one test, has had answered so far.
#[cfg(test)]
pub fn statements_of_this_test() -> u64 {
    ANSWERED.get()
}

/// Times the statements of one connection.
#[derive(Debug, Default)]
pub(super) struct QueryTimes(Option<Instant>);

impl Instrumentation for QueryTimes {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { .. } => self.0 = Some(Instant::now()),
            InstrumentationEvent::FinishQuery { .. } => {
                #[cfg(test)]
                ANSWERED.set(ANSWERED.get() + 1);
                if let Some(started) = self.0.take() {
                    let took = started.elapsed().as_secs_f64();
                    metrics::histogram!("luna_db_query_seconds").record(took);
                }
            }
            _ => {}
        }
    }
}

/// Counts rows of facts that were written into a table.
pub fn count_written(table: &'static str, rows: u64) {
    metrics::counter!("luna_db_rows_written_total", "table" => table).increment(rows);
}

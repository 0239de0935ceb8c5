//! Processor time of this process, where the system tells.

/// Length of the ticks in which Linux counts, seconds.
const TICK_S: f64 = 0.01;

/// Seconds of processor time used so far by all threads; nothing where there is no `/proc`.
pub fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets and may hold blanks.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) * TICK_S)
}

//! Pages for whoever looks after the box: what runs, what failed, what needs a person.

mod desk; // what every admin page stands in
mod job; // one job, and what can be done with it
mod jobs; // the queue and its schedules
mod lines; // log lines as people read them
mod logs; // the newest log lines
mod system; // health, versions, stand-ins, room

use actix_web::web::ServiceConfig;

/// Registers the admin pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config
        .configure(system::pages)
        .configure(jobs::pages)
        .configure(job::pages)
        .configure(logs::pages);
}

#[cfg(test)]
mod tests;
